# Dot-sourced by scripts and Pester tests that work with the lab.
$labScript = Join-Path $PSScriptRoot lab.sh

function Invoke-Lab { & $labScript @args; if ($LASTEXITCODE -ne 0) { throw "lab.sh $args ended with status $LASTEXITCODE" } }

# Waits until a condition holds; the guest, or another process, decides when.
function Wait-For {
  param([scriptblock] $Condition, [int] $Seconds = 60)
  $limit = [System.Diagnostics.Stopwatch]::StartNew()
  while (-not (& $Condition)) {
    if ($limit.Elapsed.TotalSeconds -gt $Seconds) { throw "It did not happen within $Seconds s: $Condition" }
    [System.Threading.Tasks.Task]::Delay(50).Wait()
  }
}

# What libvirt and the kernel say of the VMs of a machine: for failures that happen once in a thousand runs.
function Get-Diagnosis {
  param($Machine)
  $lab = & $labScript info --json | ConvertFrom-Json
  $uri = $lab.hosts.Where{ $_.name -eq $Machine }.uri
  $logs = Join-Path $lab.directory $Machine var/log/libvirt
  foreach ($vm in & virsh -q -c $uri list --all --name 2>$null | Where-Object { $_ }) {
    "$Machine $vm $(& virsh -q -c $uri domstate $vm --reason 2>&1); job: $(& virsh -q -c $uri domjobinfo $vm 2>&1)"
    Get-Content (Join-Path $logs qemu "$vm.log") -Tail 3 -ErrorAction Ignore
    foreach ($process in & pgrep -f "guest=$vm," 2>$null) {
      foreach ($task in Get-ChildItem "/proc/$process/task" -ErrorAction Ignore) {
        "  $process/$($task.Name) $(Get-Content "$task/comm" -ErrorAction Ignore) $((Get-Content "$task/status" -ErrorAction Ignore) -match '^State') in $(Get-Content "$task/wchan" -ErrorAction Ignore)"
      }
    }
  }
  Get-Content (Join-Path $logs libvirtd.log) -Tail 15 -ErrorAction Ignore
}
