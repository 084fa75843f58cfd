# Deployment, compaction and balancing on six real libvirt hosts with real QEMU guests. The faults are real too: broken disk images, a
# host without power, a disk that libvirt refuses to leave. All hosts share this machine's CPU, so their load says nothing: limits are of memory.
$labScript = Join-Path $PSScriptRoot '../tests/Lab/lab.sh'
function Invoke-Lab { & $labScript @args; if ($LASTEXITCODE -ne 0) { throw "lab.sh $args ended with status $LASTEXITCODE" } }
$info = Invoke-Lab info --json | ConvertFrom-Json
$local = (Invoke-Lab domain-xml template qcow2) -join "`n"

function Reset-Lab {
  # No VMs, no faults.
  if (Get-KumoiConnection) { Disconnect-KumoiHost * -Confirm:$false }
  foreach ($machine in $info.hosts.name) { Invoke-Lab mend $machine; Invoke-Lab power-on $machine; Invoke-Lab start-daemon $machine; Invoke-Lab heal $machine }
  Connect-KumoiHost $info.hosts.uri | Out-Null
  Get-KumoiVM | Where-Object State -ne Shutoff | Stop-KumoiVM -TurnOff
  Get-KumoiVM | Remove-KumoiVM -Force
}

function New-Guest {
  # A running guest that boots from its host's own image.
  param([Parameter(Mandatory)][string] $Name, [Parameter(Mandatory)][string] $VMHost, [string] $Xml = $local)
  New-KumoiVM $Name -VMHost $VMHost -Xml $Xml.Replace('template', $Name) -Start -NoSubstitution
}

$before = $KumoiPreference.Substitution
foreach ($with in $true, $false) {
  $mechanism = $with ? 'with' : 'without'
  $end = $with ? 'the script goes on' : 'the script stops'

  # Paper 001, experiment 1.
  Reset-Lab
  Invoke-Lab damage k3
  $result = Invoke-Script {
    Get-KumoiHost | Sort-Object Name | Select-Object -First 4 | New-KumoiVM -Name { "web-$($_.Name)" } -Xml $local -Start -NoSubstitution:(-not $with)
  }
  Add-Row '001/1 deployment of four VMs' 'damaged disk images on the third host' $mechanism `
    "on $($with ? 'k1 k2 k4 k5' : 'k1 k2'); nothing left on k3; $end" `
    "on $($result.Output.VMHost -join ' '); $(@(Get-KumoiVM -VMHost k3).Count ? 'debris' : 'nothing left') on k3; $(Get-End $result)" -Table lab

  # Paper 001, experiment 2, as in Fig. 5. The hosts share this machine's memory too: what counts is the memory of a host's own guests.
  Reset-Lab
  foreach ($number in 1..3) { New-Guest "guest-$number" k1 | Out-Null }
  New-Guest guest-4 k3 | Out-Null
  Invoke-Lab damage k2
  $result = Invoke-Script {
    Get-KumoiHost k1, k2, k3, k4 | Where-Object RunningVMCount -gt 2 | Invoke-KumoiAction -NoSubstitution:(-not $with) {
      Get-KumoiVM -VMHost $_ -State Running | Sort-Object Name |
        Select-KumoiVM -AccumulateWhile { param($Taken, $Candidate) ($Taken | Measure-Object MemoryBytes -Sum).Sum -lt 32MB } |
        Invoke-KumoiAction -NoSubstitution:(-not $with) {
          $vm = $_
          Get-KumoiHost k1, k2, k3, k4 | Where-Object { $_.Name -ne $vm.VMHost } | Sort-Object RunningVMCount, Name | Select-Object -First 1 |
            Move-KumoiVM -VM $vm -NoSubstitution:(-not $with)
        }
    }
  }
  # k2 is the least loaded, and k4 the next.
  Add-Row '001/2 load balancing' 'the images of the first target are damaged' $mechanism `
    ($with ? "k1: guest-2, guest-3; k3: guest-4; k4: guest-1; $end" : "k1: guest-1, guest-2, guest-3; k3: guest-4; $end") `
    "$(Get-Placement); $(Get-End $result)" -Table lab

  # Paper 000 (a), sequential.
  $KumoiPreference.Substitution = 'None'
  Reset-Lab
  Invoke-Lab damage k5
  $result = Invoke-Script {
    foreach ($machine in Get-KumoiHost) { New-KumoiVM "centos6-$($machine.Name)" -VMHost $machine -Xml $local -Start -FailureOblivious:$with }
  }
  Add-Row '000/a deployment' 'one of six hosts is bad' $mechanism "$($with ? 'k1 k2 k3 k4 k6' : 'k1 k2 k3 k4'); $end" `
    "$((Get-KumoiVM -State Running).VMHost -join ' '); $(Get-End $result)" -Table lab

  # Paper 000 (b): a guest has a disk of its own, which libvirt does not leave behind.
  Reset-Lab
  foreach ($machine in 'k1', 'k2', 'k4') { New-Guest "guest-$machine" $machine | Out-Null }
  New-Guest guest-k3 k3 -Xml ($local -replace '<readonly/>') | Out-Null
  $result = Invoke-Script { Optimize-KumoiPlacement -MaxCpuRatio 1 -FailureOblivious:$with }
  Add-Row '000/b compaction' 'a VM fails: it cannot leave its disk' $mechanism `
    ($with ? "k1: guest-k1, guest-k2, guest-k4; k3: guest-k3; $end" : "k1: guest-k1, guest-k4; k2: guest-k2; k3: guest-k3; $end") `
    "$(Get-Placement); $(Get-End $result)" -Table lab

  # The host that all were to go to has lost its power.
  Reset-Lab
  foreach ($machine in 'k1', 'k2', 'k3', 'k4') { New-Guest "guest-$machine" $machine | Out-Null }
  Invoke-Lab power-off k1
  $result = Invoke-Script { Optimize-KumoiPlacement -MaxCpuRatio 1 -FailureOblivious:$with }
  Invoke-Lab power-on k1
  Add-Row '000/b compaction' 'the first target dies: it has no power' $mechanism `
    ($with ? "k2: guest-k2, guest-k3, guest-k4; $end" : "k2: guest-k2; k3: guest-k3; k4: guest-k4; $end") `
    "$(Get-Placement); $(Get-End $result)" -Table lab
  $KumoiPreference.Substitution = $before

  # The same with lineage in the place of the mask: the target fails when the first guest arrives.
  Reset-Lab
  foreach ($machine in 'k1', 'k2', 'k3', 'k4') { New-Guest "guest-$machine" $machine | Out-Null }
  Invoke-Lab damage k1
  $result = Invoke-Script { Optimize-KumoiPlacement -MaxCpuRatio 1 -NoSubstitution:(-not $with) }
  Add-Row '001, 000/b compaction' 'the images of the first target are damaged' $mechanism `
    ($with ? "k1: guest-k1; k2: guest-k2, guest-k3, guest-k4; $end" : "k1: guest-k1; k2: guest-k2; k3: guest-k3; k4: guest-k4; $end") `
    "$(Get-Placement); $(Get-End $result)" -Table lab
}
Reset-Lab
