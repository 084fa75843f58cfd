# The six scripts of paper 000 (section 6) in the paper's fault cases, with -FailureOblivious and without. No substitution: what shows is
# the mask alone.
$before = $KumoiPreference.Substitution
$KumoiPreference.Substitution = 'None'
try {
  foreach ($with in $true, $false) {
    $mechanism = $with ? 'with' : 'without'
    $end = $with ? 'the script goes on' : 'the script stops'

    # (a) Fig. 12: a VM on each of seven hosts, one after the other; the fifth host is bad.
    Reset-Fleet 'sim://ibm?hosts=7&vms=0&seed=7'
    Add-KumoiFault kvm05 Define -Message 'Unknown failure' | Out-Null
    $result = Invoke-Script {
      foreach ($machine in Get-KumoiHost) { New-KumoiVM "centos6-$($machine.Name)" -VMHost $machine -MemoryBytes 256MB -FailureOblivious:$with }
    }
    Add-Row '000/a deployment' 'one of seven hosts is bad' $mechanism "$($with ? 6 : 4) VMs; $end" "$(@(Get-KumoiVM).Count) VMs; $(Get-End $result)"

    # (b) Fig. 13: first-fit compaction; one VM cannot be moved.
    Reset-Fleet 'sim://ibm?hosts=7&vms=1&running=1&seed=7'
    Add-KumoiFault * Migrate -VM kvm05-1 -FaultDomain VM -Message 'No such domain kvm05-1' | Out-Null
    $result = Invoke-Script { Optimize-KumoiPlacement -MaxCpuRatio 1 -FailureOblivious:$with }
    Add-Row '000/b compaction' 'a VM fails' $mechanism `
      ($with ? "kvm01: kvm01-1, kvm02-1, kvm03-1, kvm04-1, kvm06-1, kvm07-1; kvm05: kvm05-1; $end"
        : "kvm01: kvm01-1, kvm06-1, kvm07-1; kvm02: kvm02-1; kvm03: kvm03-1; kvm04: kvm04-1; kvm05: kvm05-1; $end") `
      "$(Get-Placement); $(Get-End $result)"

    # (b) Fig. 14: the host that all VMs were to go to does not answer any more.
    Reset-Fleet 'sim://ibm?hosts=7&vms=1&running=1&seed=7'
    Add-KumoiFault kvm01 '*' -Message 'No route to host' -FaultDomain Host | Out-Null
    $result = Invoke-Script { Optimize-KumoiPlacement -MaxCpuRatio 1 -FailureOblivious:$with }
    Clear-KumoiFault
    Add-Row '000/b compaction' 'the first target dies' $mechanism `
      ($with ? "kvm01: kvm01-1; kvm02: kvm02-1, kvm03-1, kvm04-1, kvm05-1, kvm06-1, kvm07-1; $end"
        : "kvm01: kvm01-1; kvm02: kvm02-1; kvm03: kvm03-1; kvm04: kvm04-1; kvm05: kvm05-1; kvm06: kvm06-1; kvm07: kvm07-1; $end") `
      "$(Get-Placement); $(Get-End $result)"

    # (c) Fig. 16: no fault, no difference.
    Reset-Fleet 'sim://ibm?hosts=7&vms=2&running=2&seed=7'
    $result = Invoke-Script { Stop-KumoiFleet -Confirm:$false -FailureOblivious:$with }
    Add-Row '000/c shutdown' 'no fault' $mechanism '0 of 14 VMs run; the script goes on' "$(@(Get-KumoiVM -State Running).Count) of 14 VMs run; $(Get-End $result)"

    # (d) Fig. 18: the rank scheduler.
    Reset-Fleet 'sim://ibm?hosts=7&vms=1&seed=7'
    $byRank = (Find-KumoiPlacement).Name
    Add-KumoiFault $byRank[0] Read -Message 'Connection refused' -FaultDomain Host | Out-Null
    $result = Invoke-Script { Find-KumoiPlacement -FailureOblivious:$with | Select-Object -First 1 | New-KumoiVM centos6 }
    Clear-KumoiFault
    Add-Row '000/d rank scheduler' 'the best host cannot be read' $mechanism "$($with ? "on $($byRank[1])" : 'not placed'); $end" `
      "$((Get-KumoiVM centos6 -ErrorAction Ignore) ? "on $((Get-KumoiVM centos6).VMHost)" : 'not placed'); $(Get-End $result)"

    Reset-Fleet 'sim://ibm?hosts=7&vms=1&seed=7'
    $result = Invoke-Script {
      Find-KumoiPlacement -Score { throw 'Connection refused' } -FailureOblivious:$with | Select-Object -First 1 | New-KumoiVM centos6
    }
    Add-Row '000/d rank scheduler' 'no host can tell its rank' $mechanism "$($with ? 'on kvm01' : 'not placed'); $end" `
      "$((Get-KumoiVM centos6 -ErrorAction Ignore) ? "on $((Get-KumoiVM centos6).VMHost)" : 'not placed'); $(Get-End $result)"

    Reset-Fleet 'sim://ibm?hosts=7&vms=1&seed=7'
    Add-KumoiFault * Define -FaultDomain VM -Message 'no such image' | Out-Null
    $result = Invoke-Script { Find-KumoiPlacement | Select-Object -First 1 | New-KumoiVM centos6 -FailureOblivious:$with }
    Add-Row '000/d rank scheduler' 'the VM fails' $mechanism "not placed; $end" `
      "$((Get-KumoiVM centos6 -ErrorAction Ignore) ? 'placed' : 'not placed'); $(Get-End $result)"

    # (e) Fig. 20: elasticity; a VM cannot be read. Its load is left out of the mean, and it still counts.
    Reset-Fleet 'sim://ibm?hosts=7&vms=0&seed=7'
    $master = New-LoadedVM master 0.9
    Start-KumoiScaling web $master -Minimum 3 -Maximum 3 -IntervalSec 0 -MaxCpuRatio 1 -Wait -Count 3 | Out-Null
    foreach ($number in 1..3) { Get-KumoiVM "web-$number" | Where-Object VMHost -ne "kvm0$($number + 1)" | Move-KumoiVM -Destination "kvm0$($number + 1)" }
    Add-KumoiFault kvm03 Read -After 1 -Message 'Connection refused' -FaultDomain Host | Out-Null
    $result = Invoke-Script { Start-KumoiScaling web $master -Minimum 1 -Maximum 3 -IntervalSec 0 -MaxCpuRatio 1 -Wait -Count 2 -FailureOblivious:$with }
    Clear-KumoiFault
    $last = $result.Output | Select-Object -Last 1
    Add-Row '000/e elasticity' 'a VM cannot be read' $mechanism ($with ? "mean load 0.9 of 3 VMs, 1 of them unreadable; $end" : "mean load 0.9 of 3 VMs, 0 of them unreadable; $end") `
      "mean load $($last.CpuRatio) of $($last.VMCount) VMs, $($last.UnreadableCount) of them unreadable; $(Get-End $result)"

    # (f) Fig. 22: accounting; a host cannot be read in one cycle.
    Reset-Fleet 'sim://ibm?hosts=3&vms=1&running=1&seed=7'
    Add-KumoiFault kvm02 Read -After 1 -Count 1 -Message 'Failed to read any block statistics' | Out-Null
    $result = Invoke-Script { Measure-KumoiUsage -IntervalSec 0 -Count 2 -FailureOblivious:$with }
    $missed = $result.Output | Where-Object VM -eq kvm02-1
    Add-Row '000/f accounting' 'a VM cannot be read in one cycle' $mechanism `
      ($with ? "5 accounts; the missed VM is accounted over both cycles in the second; $end" : "0 accounts; $end") `
      ($with ? "5 accounts; the missed VM is $($missed.From -lt ($result.Output | Where-Object VM -eq kvm01-1)[1].From ? 'accounted over both cycles in the second' : 'lost'); $(Get-End $result)" -replace '^5', $result.Output.Count
        : "$($result.Output.Count) accounts; $(Get-End $result)")
  }
}
finally { $KumoiPreference.Substitution = $before }
