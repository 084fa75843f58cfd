# A fault at each failure point of the six scripts of paper 000: the 41 that its Table 2 counts. With -FailureOblivious no script stops;
# without it each does. Then the same for every single call that Kumoi's versions make.

function At {
  # A point of a script that is no call on a host in Kumoi: the expression fails where the paper's call did.
  param([Parameter(Mandatory)][int] $Point, [scriptblock] $Expression = { })
  if ($script:failAt -eq $Point -and $p.Name -like $script:failOn) { throw "point $Point" }
  & $Expression
}

# Each script: its fleet, the script ($with: the mask), and whether its work is done, as far as a fault that happens once leaves it to be done.
$scripts = @{
  deployment  = @{
    Fleet = 'sim://ibm?hosts=7&vms=0&seed=7'
    Run   = {
      Get-KumoiHost -FailureOblivious:$with | Invoke-KumoiAction -FailureOblivious:$with {
        $p = $_
        $vm = @{ VMHost = At 1 { $p } }
        $vm.CpuCount = At 2 { 1 }
        $vm.Name = At 3 { "centos6-$(At 4 { $p.Name })" }
        $vm.MemoryBytes = At 5 { 256MB }
        $vm.DiskPath = At 6 { "/nfs/images/centos6-$(At 7 { $p.Name }).img" }
        $vm.NetworkName = At 8 { 'default' }
        $vm.VMHost = At 9 { $vm.VMHost }
        New-KumoiVM @vm
      }
    }
    Done  = { @(Get-KumoiVM).Count -ge 6 }
  }
  compaction  = @{
    Fleet = 'sim://ibm?hosts=7&vms=1&running=1&seed=7'
    Run   = { Optimize-KumoiPlacement -MaxCpuRatio 1 -FailureOblivious:$with }
    Done  = { @(Get-KumoiHost | Where-Object RunningVMCount -eq 0).Count -ge 4 }
  }
  shutdown    = @{
    Fleet = 'sim://ibm?hosts=7&vms=1&running=1&seed=7'
    Run   = { Stop-KumoiFleet -Confirm:$false -FailureOblivious:$with }
    Done  = { @(Get-KumoiVM -State Running).Count -le 1 }
  }
  scheduler   = @{
    Fleet = 'sim://ibm?hosts=7&vms=1&seed=7'
    Run   = {
      Find-KumoiPlacement -FailureOblivious:$with | Select-Object -First 1 | Invoke-KumoiAction -FailureOblivious:$with {
        $p = $_
        New-KumoiVM centos6 -VMHost (At 2 { $p })
      }
    }
    # What fails at the place of the one VM leaves it unplaced, as in the paper.
    Done  = { $true }
  }
  filling     = @{
    Fleet = 'sim://ibm?hosts=4&vms=0&seed=7'
    Make  = { $script:master = New-LoadedVM master 0.5 }
    Run   = { Start-KumoiScaling web ($failAt -eq 1 ? 'master' : $master) -Minimum 2 -IntervalSec 0 -MaxCpuRatio 1 -Wait -Count 4 -FailureOblivious:$with }
    Done  = { @(Get-KumoiVM web-*).Count -eq 2 }
  }
  growing     = @{
    Fleet = 'sim://ibm?hosts=4&vms=0&seed=7'
    Make  = {
      $script:master = New-LoadedVM master 0.9
      Start-KumoiScaling web $master -IntervalSec 0 -MaxCpuRatio 1 -Wait -Count 1 | Out-Null
      Get-KumoiVM web-1 | Where-Object VMHost -ne kvm02 | Move-KumoiVM -Destination kvm02
    }
    Run   = { Start-KumoiScaling web $master -Maximum 3 -BreachCount 2 -IntervalSec 0 -MaxCpuRatio 1 -Wait -Count 8 -FailureOblivious:$with }
    Done  = { @(Get-KumoiVM web-*).Count -eq 3 }
  }
  shrinking   = @{
    Fleet = 'sim://ibm?hosts=4&vms=0&seed=7'
    Make  = {
      $script:master = New-LoadedVM master 0.05
      Start-KumoiScaling web $master -Minimum 3 -IntervalSec 0 -MaxCpuRatio 1 -Wait -Count 3 | Out-Null
      Get-KumoiVM web-* | Where-Object VMHost -ne kvm02 | Move-KumoiVM -Destination kvm02
    }
    Run   = { Start-KumoiScaling web $master -Maximum 3 -BreachCount 2 -IntervalSec 0 -MaxCpuRatio 1 -Wait -Count 8 -FailureOblivious:$with }
    Done  = { @(Get-KumoiVM web-*).Count -eq 1 }
  }
  accounting  = @{
    Fleet = 'sim://ibm?hosts=3&vms=1&running=1&seed=7'
    Run   = { Measure-KumoiUsage -IntervalSec 0 -Count 3 -FailureOblivious:$with }
    Done  = { $true }
  }
}

function Invoke-WithFault {
  # Runs a script of those above on a fresh fleet, with one fault in it; says whether it stopped, and whether its work is done.
  param([Parameter(Mandatory)][hashtable] $Script, [Parameter(Mandatory)][bool] $With, [hashtable] $Fault, [int] $FailAt, [string] $FailOn = 'kvm05')
  Reset-Fleet $Script.Fleet
  $script:failAt, $script:failOn, $with = $FailAt, $FailOn, $With
  if ($Script.Contains('Make')) { & $Script.Make }
  if ($Fault) { Add-KumoiFault @Fault -Message "point $FailAt" | Out-Null }
  $result = Invoke-Script $Script.Run
  $hit = -not $Fault -or (Get-KumoiFault | Measure-Object Hits -Sum).Sum -gt 0
  Clear-KumoiFault
  $script:failAt = 0
  [pscustomobject]@{ Stopped = $result.Stopped; Problem = $result.Problem; Hit = $hit; Done = [bool](& $Script.Done) }
}

# The paper's points. A fault of kvm02 unless it says otherwise; it happens once.
$read = @{ VMHost = 'kvm02'; Operation = 'Read'; Count = 1 }
$points = @(
  @{ In = 'deployment'; Call = 'p.vmm'; Kumoi = 'the host that was read' }
  @{ In = 'deployment'; Call = 'createVM'; Kumoi = 'a setting' }
  @{ In = 'deployment'; Call = 'v.name ='; Kumoi = 'a setting' }
  @{ In = 'deployment'; Call = 'p.name'; Kumoi = "the host's name, as it was read" }
  @{ In = 'deployment'; Call = 'v.memory ='; Kumoi = 'a setting' }
  @{ In = 'deployment'; Call = 'v.add(disk)'; Kumoi = 'a setting' }
  @{ In = 'deployment'; Call = 'p.name'; Kumoi = "the host's name, as it was read" }
  @{ In = 'deployment'; Call = 'v.add(nat)'; Kumoi = 'a setting' }
  @{ In = 'deployment'; Call = 'p.vmm'; Kumoi = 'the host that was read' }
  @{ In = 'deployment'; Call = 'vmm.add(v)'; Kumoi = 'the VM is defined'; Fault = @{ VMHost = 'kvm05'; Operation = 'Define' } }
  @{ In = 'compaction'; Call = 'h.cpuAvailable'; Kumoi = 'the target is read again before a move'; Fault = $read + @{ After = 1 }; Instead = 'kvm01' }
  @{ In = 'compaction'; Call = 'v.cpuRatio'; Kumoi = 'the source is read, with its VMs'; Fault = @{ VMHost = 'kvm05'; Operation = 'Read'; Count = 1 } }
  @{ In = 'compaction'; Call = 'v.migrateTo(h)'; Kumoi = 'the VM is moved'; Fault = @{ VMHost = '*'; Operation = 'Migrate'; VM = 'kvm05-1'; FaultDomain = 'VM' } }
  @{ In = 'compaction'; Call = 'h.vms'; Kumoi = 'the last host is read, with its VMs'; Fault = @{ VMHost = 'kvm07'; Operation = 'Read'; Count = 1 } }
  @{ In = 'shutdown'; Call = 'p.vms'; Kumoi = 'a host is read, with its VMs'; Fault = $read }
  @{ In = 'shutdown'; Call = 'v.shutdown'; Kumoi = 'the guest is asked to shut down'; Fault = @{ VMHost = 'kvm02'; Operation = 'Stop' } }
  @{ In = 'scheduler'; Call = 'p.availableFor(v)'; Kumoi = 'a host is read'; Fault = $read }
  @{ In = 'scheduler'; Call = 'top.vmm'; Kumoi = 'the host that was read' }
  @{ In = 'scheduler'; Call = 'vmm.add(v)'; Kumoi = 'the VM is defined'; Fault = @{ VMHost = '*'; Operation = 'Define' } }
  @{ In = 'filling'; Call = 'masterVM.name (line 2)'; Kumoi = 'the master is looked up by its name'; Fault = $read }
  @{ In = 'filling'; Call = 'pool.vms (6)'; Kumoi = 'a host is read, with its VMs'; Fault = $read }
  @{ In = 'filling'; Call = 'ffilter (6)'; Kumoi = 'the same, in the second cycle'; Fault = $read + @{ After = 1 } }
  @{ In = 'filling'; Call = 'v.name (6)'; Kumoi = 'the same, in the third cycle'; Fault = $read + @{ After = 2 } }
  @{ In = 'growing'; Call = 'foldLeft (7)'; Kumoi = 'the host of the VM is read, in the first cycle'; Fault = $read }
  @{ In = 'growing'; Call = 'v.cpuRatio (7)'; Kumoi = 'the same, in the second cycle'; Fault = $read + @{ After = 1 } }
  @{ In = 'growing'; Call = 'length (8)'; Kumoi = 'the same, in the third cycle'; Fault = $read + @{ After = 2 } }
  @{ In = 'growing'; Call = 'mean > upper (9)'; Kumoi = 'the same, in the fourth cycle'; Fault = $read + @{ After = 3 } }
  @{ In = 'growing'; Call = 'length (12)'; Kumoi = 'another host is read, in the cycle that grows the group'; Fault = @{ VMHost = 'kvm03'; Operation = 'Read'; Count = 1; After = 1 } }
  @{ In = 'growing'; Call = 'masterVM.clone (13)'; Kumoi = "the master's definition is read"; Fault = @{ VMHost = 'kvm01'; Operation = 'Read'; VM = 'master'; Count = 1 } }
  @{ In = 'growing'; Call = 'pool.add (13)'; Kumoi = 'the clone is defined'; Fault = @{ VMHost = '*'; Operation = 'Define'; Count = 1 } }
  @{ In = 'shrinking'; Call = 'mean < lower (16)'; Kumoi = 'the host of the VMs is read, in the first cycle'; Fault = $read }
  @{ In = 'shrinking'; Call = 'length (19)'; Kumoi = 'the same, in the second cycle'; Fault = $read + @{ After = 1 } }
  @{ In = 'shrinking'; Call = 'vms.last (20)'; Kumoi = "the last VM's definition is read"; Fault = @{ VMHost = 'kvm02'; Operation = 'Read'; VM = 'web-3'; Count = 1 } }
  @{ In = 'shrinking'; Call = 'pool.remove (20)'; Kumoi = 'its guest is asked to shut down'; Fault = @{ VMHost = 'kvm02'; Operation = 'Stop'; Count = 1 } }
  @{ In = 'filling'; Call = 'length (24)'; Kumoi = 'a host is read, in the fourth cycle'; Fault = $read + @{ After = 3 } }
  @{ In = 'filling'; Call = 'masterVM.clone (25)'; Kumoi = "the master's definition is read"; Fault = @{ VMHost = 'kvm01'; Operation = 'Read'; VM = 'master'; Count = 1 } }
  @{ In = 'filling'; Call = 'pool.add (25)'; Kumoi = 'the clone is started'; Fault = @{ VMHost = '*'; Operation = 'Start'; Count = 1 } }
  @{ In = 'accounting'; Call = 'vms.map (3)'; Kumoi = 'a host is read, with its VMs, at the beginning'; Fault = $read }
  @{ In = 'accounting'; Call = 'v.info (4)'; Kumoi = 'the same, in the first cycle'; Fault = $read + @{ After = 1 } }
  @{ In = 'accounting'; Call = 'v.ethStats (5)'; Kumoi = 'the same, in the second cycle'; Fault = $read + @{ After = 2 } }
  @{ In = 'accounting'; Call = 'v.diskStats (6)'; Kumoi = 'the same, in the third cycle'; Fault = $read + @{ After = 3 } }
)
$letters = @{ deployment = 'a'; compaction = 'b'; shutdown = 'c'; scheduler = 'd'; filling = 'e'; growing = 'e'; shrinking = 'e'; accounting = 'f' }

$substitution = $KumoiPreference.Substitution
$KumoiPreference.Substitution = 'None'
try {
  $numbers = @{}
  foreach ($point in $points) {
    $letter = $letters[$point.In]
    $number = $numbers[$letter] = 1 + [int] $numbers[$letter]
    $fault = $point.Fault
    if ($point.Contains('Instead')) { $fault = $fault.Clone(); $fault.VMHost = $point.Instead }
    # The paper's scheduler places on the one host that it has found; the other scripts work on all.
    $on = $point.In -eq 'scheduler' ? '*' : 'kvm05'
    $outcomes = foreach ($with in $true, $false) {
      $run = Invoke-WithFault $scripts[$point.In] -With $with -Fault $fault -FailAt $number -FailOn $on
      if (-not $run.Hit) { 'the fault did not happen' } else { "$($with ? 'with' : 'without'): $($run.Stopped ? 'stops' : 'goes on')$($with -and -not $run.Done ? ', its work not done' : '')" }
    }
    Add-Row "000/$letter point $number" "$($point.Call): $($point.Kumoi)" 'both' 'with: goes on; without: stops' ($outcomes -join '; ') -Table points
  }

  # Every call of every script, one at a time.
  foreach ($name in 'deployment', 'compaction', 'shutdown', 'scheduler', 'filling', 'growing', 'shrinking', 'accounting') {
    $script = $scripts[$name]
    Reset-Fleet $script.Fleet
    $with = $false
    if ($script.Contains('Make')) { & $script.Make }
    # A delay of nothing counts the calls that it would hold.
    foreach ($machine in (Get-KumoiConnection).Name) {
      foreach ($operation in 'Read', 'Define', 'Start', 'Stop', 'Migrate') { Add-KumoiFault $machine $operation -Delay ([timespan]::FromTicks(1)) | Out-Null }
    }
    $null = Invoke-Script $script.Run
    $calls = Get-KumoiFault | Where-Object Hits -gt 0
    $count = 0
    $stopped = @{ $true = 0; $false = 0 }
    $unfinished = 0
    foreach ($call in $calls) {
      for ($after = 0; $after -lt $call.Hits; $after++) {
        $count++
        foreach ($with in $true, $false) {
          $run = Invoke-WithFault $script -With $with -Fault @{ VMHost = $call.VMHost; Operation = $call.Operation; Count = 1; After = $after }
          $stopped[$with] += [int] $run.Stopped
          if ($with) { $unfinished += [int](-not $run.Done) }
        }
      }
    }
    Add-Row "000/$($letters[$name]) every call" "$name`: $count calls" 'both' "with: 0 stop, 0 unfinished; without: $count stop" `
      "with: $($stopped[$true]) stop, $unfinished unfinished; without: $($stopped[$false]) stop" -Table points
  }
}
finally { $KumoiPreference.Substitution = $substitution }
