# The three experiments of paper 001 (section 5), with lineage and with -NoSubstitution.

# 1. Ten VMs on ten of twenty hosts; the disk image of one chosen host is damaged (Figs. 1 and 4).
foreach ($with in $true, $false) {
  Reset-Fleet 'sim://lab?hosts=20&vms=2&seed=7'
  $byLoad = (Get-KumoiHost | Where-Object { $_.CpuRatio -lt 0.9 -and $_.FreeMemoryBytes -gt 512MB } | Sort-Object CpuRatio).Name
  Add-KumoiFault $byLoad[4] Start -FaultDomain Storage -Message "Disk isn't accessible" | Out-Null
  $result = Invoke-Script {
    Get-KumoiHost | Where-Object { $_.CpuRatio -lt 0.9 -and $_.FreeMemoryBytes -gt 512MB } | Sort-Object CpuRatio | Select-Object -First 10 |
      New-KumoiVM -Name { "vm-$($_.Name)" } -MemoryBytes 512MB -Start -NoSubstitution:(-not $with)
  }
  # Without, what stands before the failure has come out, as in a list that is worked through in order.
  $chosen = $with ? $byLoad[0..3 + 5..10] : $byLoad[0..3]
  Add-Row '001/1 deployment of ten VMs' 'a damaged disk image on the fifth host' ($with ? 'with' : 'without') `
    "$($chosen.Count) VMs on $($chosen -join ' '); nothing left on the fifth; $($with ? 'the script goes on' : 'the script stops')" `
    "$($result.Output.Count) VMs on $($result.Output.VMHost -join ' '); $(@(Get-KumoiVM vm-* -VMHost $byLoad[4]).Count ? 'debris' : 'nothing left') on the fifth; $(Get-End $result)"
}

# 2. Balance: a VM is moved off an overloaded host; its first target fails (Figs. 5 and 6).
foreach ($with in $true, $false) {
  Reset-Fleet 'sim://lab?hosts=20&vms=6&running=6&seed=7'
  $plan = Invoke-KumoiBalance -MaxCpuRatio 1 -MinFreeMemoryBytes 42GB -WhatIf
  $next = (Get-KumoiHost | Where-Object { $_.FreeMemoryBytes - $plan[0].VM.MemoryBytes -ge 42GB } | Sort-Object CpuRatio)[1].Name
  Add-KumoiFault $plan[0].Target Migrate -FaultDomain Host -Message 'Unknown failure' | Out-Null
  $result = Invoke-Script { Invoke-KumoiBalance -MaxCpuRatio 1 -MinFreeMemoryBytes 42GB -NoSubstitution:(-not $with) }
  $overloaded = @(Get-KumoiHost | Where-Object FreeMemoryBytes -lt 42GB).Count
  $vm = $plan[0].Name
  Add-Row '001/2 load balancing' 'the target of the first VM fails' ($with ? 'with' : 'without') `
    ($with ? "$vm is on $next; no host is overloaded; the script goes on" : "$vm is on $($plan[0].VMHost); some hosts are overloaded; the script stops") `
    "$vm is on $((Get-KumoiVM $vm).VMHost); $($overloaded ? 'some hosts are' : 'no host is') overloaded; $(Get-End $result)"
}

# The same with the script as the paper has it: nested lineages, over hosts and over VMs.
Reset-Fleet 'sim://lab?hosts=20&vms=6&running=6&seed=7'
$plan = Invoke-KumoiBalance -MaxCpuRatio 1 -MinFreeMemoryBytes 42GB -WhatIf
Add-KumoiFault $plan[0].Target Migrate -FaultDomain Host -Message 'Unknown failure' | Out-Null
$result = Invoke-Script {
  Get-KumoiHost | Where-Object FreeMemoryBytes -lt 42GB | Invoke-KumoiAction {
    $free = $_.FreeMemoryBytes
    Get-KumoiVM -VMHost $_ -State Running | Sort-Object MemoryBytes -Descending |
      Select-KumoiVM -AccumulateWhile { param($Taken, $Candidate) $free + ($Taken | Measure-Object MemoryBytes -Sum).Sum -lt 42GB } |
      Invoke-KumoiAction {
        $vm = $_
        Get-KumoiHost | Where-Object { $_.FreeMemoryBytes - $vm.MemoryBytes -ge 42GB } | Sort-Object CpuRatio | Select-Object -First 1 | Move-KumoiVM -VM $vm
      }
  }
}
Add-Row '001/2 load balancing' 'the same, written out as in Fig. 5' 'with' 'no host is overloaded; the script goes on' `
  "$(@(Get-KumoiHost | Where-Object FreeMemoryBytes -lt 42GB).Count ? 'some hosts are' : 'no host is') overloaded; $(Get-End $result)"

# 3. One VM on each of ten hosts; none of the VMs of one host starts (Figs. 7 and 8).
foreach ($with in $true, $false) {
  Reset-Fleet 'sim://lab?hosts=20&vms=3&running=0&seed=7'
  $web = (Get-KumoiHost -Tag web | Sort-Object CpuRatio).Name
  Add-KumoiFault $web[3] Start -FaultDomain VM -Message 'Unknown failure' | Out-Null
  $result = Invoke-Script {
    Get-KumoiHost -Tag web | Sort-Object CpuRatio | Select-Object -First 10 | Invoke-KumoiAction -NoSubstitution:(-not $with) {
      Get-KumoiVM -VMHost $_ -State Shutoff | Select-Object -First 1 | Start-KumoiVM -PassThru -NoSubstitution:(-not $with)
    }
  }
  $chosen = $with ? $web[0..2 + 4..10] : $web[0..2]
  Add-Row '001/3 starting ten web VMs' 'no VM of the fourth host starts' ($with ? 'with' : 'without') `
    "$($chosen.Count) VMs on $($chosen -join ' '); $($with ? 'the script goes on' : 'the script stops')" `
    "$($result.Output.Count) VMs on $($result.Output.VMHost -join ' '); $(Get-End $result)"
}
