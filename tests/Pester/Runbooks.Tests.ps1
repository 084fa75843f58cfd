# The scripts of docs/runbooks, on simulated fleets with faults.
BeforeAll {
  . $PSScriptRoot/Fleet.ps1
  $runbooks = Resolve-Path (Join-Path $PSScriptRoot '../../docs/runbooks')

  # A script's -ErrorVariable has no errors of cmdlets that are not the last of their pipeline; its error stream has.
  function Select-Error { process { if ($_ -is [System.Management.Automation.ErrorRecord]) { $_ } } }
  function Select-Warning { process { if ($_ -is [System.Management.Automation.WarningRecord]) { $_ } } }
  function Select-Result { process { if ($_ -isnot [System.Management.Automation.ErrorRecord] -and $_ -isnot [System.Management.Automation.WarningRecord]) { $_ } } }
}

Describe 'deploy-ten-vms' {
  BeforeEach {
    Reset-Fleet
    $WarningPreference = 'SilentlyContinue'
  }

  It 'runs ten VMs on the least loaded hosts' {
    $byLoad = Get-ByLoad | Select-Object -First 10
    $vms = & $runbooks/deploy-ten-vms.ps1 -Prefix web -MemoryBytes 512MB
    $vms.VMHost | Should -Be $byLoad
    (Get-KumoiVM web-* -State Running).Count | Should -Be 10
  }

  It 'runs ten although two hosts fail, and leaves nothing on those' {
    Add-KumoiFault kvm20 Start | Out-Null
    Add-KumoiFault kvm07 Define | Out-Null
    & $runbooks/deploy-ten-vms.ps1 -Prefix web -MemoryBytes 512MB | Out-Null
    $vms = Get-KumoiVM web-*
    $vms | Should -HaveCount 10
    $vms.VMHost | Should -Not -Contain kvm20
    $vms.VMHost | Should -Not -Contain kvm07
    $vms.VMHost | Should -Contain kvm08
    $vms.VMHost | Should -Contain kvm17
  }

  It 'makes only what is missing when it is run again' {
    & $runbooks/deploy-ten-vms.ps1 -Prefix web -Count 4 | Out-Null
    $more = & $runbooks/deploy-ten-vms.ps1 -Prefix web -Count 6
    $more | Should -HaveCount 2
    & $runbooks/deploy-ten-vms.ps1 -Prefix web -Count 6 | Should -BeNullOrEmpty
    (Get-KumoiVM web-*).VMHost | Sort-Object -Unique | Should -HaveCount 6
  }

  It 'does nothing with -WhatIf' {
    & $runbooks/deploy-ten-vms.ps1 -Prefix web -Count 2 -WhatIf
    Get-KumoiVM web-* | Should -BeNullOrEmpty
  }
}

Describe 'evacuate-a-host' {
  BeforeEach {
    Reset-Fleet 'sim://lab?hosts=6&vms=3&running=3&seed=7'
    $WarningPreference = 'SilentlyContinue'
  }

  It 'moves every running VM to the host that is least loaded then' {
    Stop-KumoiVM kvm03-3
    $expected = (Get-KumoiHost | Where-Object Name -ne kvm03 | Sort-Object CpuRatio)[0].Name
    $moved = & $runbooks/evacuate-a-host.ps1 kvm03
    $moved.Name | Should -Be kvm03-1, kvm03-2
    $moved[0].VMHost | Should -Be $expected
    (Get-KumoiVM -VMHost kvm03).Name | Should -Be kvm03-3
  }

  It 'takes the next destination where one fails' {
    $byLoad = (Get-KumoiHost | Where-Object Name -ne kvm03 | Sort-Object CpuRatio).Name
    Add-KumoiFault $byLoad[0] Migrate | Out-Null
    $moved = & $runbooks/evacuate-a-host.ps1 kvm03
    $moved | Should -HaveCount 3
    $moved.VMHost | Should -Not -Contain $byLoad[0]
  }

  It 'says which VM stayed, and goes on with the others' {
    Add-KumoiFault * Migrate -VM kvm03-2 -FaultDomain VM -Message 'a device blocks migration' | Out-Null
    $moved = & $runbooks/evacuate-a-host.ps1 kvm03 -ErrorVariable errors -ErrorAction SilentlyContinue
    $moved.Name | Should -Be kvm03-1, kvm03-3
    $errors.FullyQualifiedErrorId | Should -Contain 'NotMoved,evacuate-a-host.ps1'
    (Get-KumoiVM -VMHost kvm03).Name | Should -Be kvm03-2
    (Get-KumoiFault).Hits | Should -Be 1
  }

  It 'moves nothing with -WhatIf' {
    & $runbooks/evacuate-a-host.ps1 kvm03 -WhatIf
    (Get-KumoiVM -VMHost kvm03).Count | Should -Be 3
  }
}

Describe 'upgrade-hosts' {
  BeforeEach {
    Reset-Fleet 'sim://lab?hosts=4&vms=2&running=1&seed=7'
    $WarningPreference = 'SilentlyContinue'
    $upgraded = [System.Collections.Generic.List[string]]::new()
  }

  It 'upgrades all hosts, those with the fewest running VMs first, and brings their VMs back' {
    Start-KumoiVM kvm01-2
    $results = & $runbooks/upgrade-hosts.ps1 july { $upgraded.Add($_.Name); "upgraded $_" } -ReturnVM
    $upgraded | Should -Be kvm02, kvm03, kvm04, kvm01
    $results.State | Should -Be (@('Updated') * 4)
    Get-KumoiHost | Where-Object IsInMaintenance | Should -BeNullOrEmpty
    (Get-KumoiVM -State Running).Name | Should -Be kvm01-1, kvm01-2, kvm02-1, kvm03-1, kvm04-1
    (Get-KumoiVM -VMHost kvm01 -State Running).Name | Should -Be kvm01-1, kvm01-2
  }

  It 'ends at a host where the script fails, and goes on there' {
    $results = & $runbooks/upgrade-hosts.ps1 july { if ($_.Name -eq 'kvm03') { throw 'no space left' } } -ErrorAction SilentlyContinue -WarningVariable warnings
    $results.State | Should -Be Updated, Updated, Failed
    $warnings[-1].Message | Should -BeLike 'In maintenance: kvm03.*'
    (Get-KumoiVM -State Running) | Should -HaveCount 4
    (& $runbooks/upgrade-hosts.ps1 july { 'mended' }).Where{ $_.State -eq 'Updated' }.VMHost | Should -Be kvm03, kvm04
    Get-KumoiHost | Where-Object IsInMaintenance | Should -BeNullOrEmpty
  }

  It 'ends where a native command fails' {
    $results = & $runbooks/upgrade-hosts.ps1 july { pwsh -NoProfile -Command 'exit 7' } 2>$null
    $results.Error | Should -BeLike '*exit code: 7*'
  }

  It 'does nothing where a VM has no room elsewhere, and nothing with -WhatIf but to write the plan' {
    (& $runbooks/upgrade-hosts.ps1 july { $upgraded.Add($_.Name) } -WhatIf).Action | Select-Object -Unique | Should -Be SuspendHost, Move, RunScript, VerifyHost, ResumeHost
    foreach ($name in 'kvm01', 'kvm03', 'kvm04') {
      $free = (Get-KumoiHost $name).FreeMemoryBytes
      New-KumoiVM "filler-$name" -VMHost $name -MemoryBytes ([math]::Floor(($free - 600MB) / 1MB) * 1MB) -Start
    }
    { & $runbooks/upgrade-hosts.ps1 july { $upgraded.Add($_.Name) } } | Should -Throw -ErrorId 'NoRoom,upgrade-hosts.ps1'
    $upgraded | Should -BeNullOrEmpty
    Get-KumoiHost | Where-Object IsInMaintenance | Should -BeNullOrEmpty
  }

  It 'needs a host' {
    { & $runbooks/upgrade-hosts.ps1 july { } -Tag none } | Should -Throw -ErrorId 'NoHost,upgrade-hosts.ps1'
  }
}

Describe 'start-web-vms' {
  BeforeEach {
    Reset-Fleet 'sim://lab?hosts=20&vms=3&running=1&seed=7'
    $WarningPreference = 'SilentlyContinue'
    $web = (Get-KumoiHost -Tag web | Sort-Object CpuRatio).Name
  }

  It 'starts one VM on each of ten hosts' {
    $vms = & $runbooks/start-web-vms.ps1
    $vms.VMHost | Should -Be ($web | Select-Object -First 10)
    $vms.State | Should -Be (@('Running') * 10)
  }

  It 'starts another VM of the same host where one does not start' {
    Add-KumoiFault * Start -VM "$($web[2])-2" -FaultDomain VM | Out-Null
    $vms = & $runbooks/start-web-vms.ps1
    $vms.VMHost | Should -Be ($web | Select-Object -First 10)
    $vms[2].Name | Should -Be "$($web[2])-3"
  }

  It 'takes the next host where no VM starts' {
    Add-KumoiFault $web[4] Start | Out-Null
    $vms = & $runbooks/start-web-vms.ps1
    $vms.VMHost | Should -Be ($web | Select-Object -First 11 | Where-Object { $_ -ne $web[4] })
  }

  It 'tries no other VM of a host that has failed itself' {
    Add-KumoiFault $web[0] Start -FaultDomain Host | Out-Null
    $vms = & $runbooks/start-web-vms.ps1 -Count 1
    $vms.VMHost | Should -Be $web[1]
    (Get-KumoiFault).Hits | Should -Be 1
  }

  It 'starts nothing with -WhatIf' {
    & $runbooks/start-web-vms.ps1 -WhatIf
    Get-KumoiVM -State Running | Should -HaveCount 20
  }
}

Describe 'compact-hosts' {
  BeforeEach {
    Reset-Fleet 'sim://lab?hosts=7&vms=2&running=1&seed=3'
    $WarningPreference = 'SilentlyContinue'
  }

  It 'moves the VMs together, and writes the hosts that are empty then' {
    $empty = & $runbooks/compact-hosts.ps1 -MaxCpuRatio 1
    $empty.Name | Should -Be kvm02, kvm03, kvm04, kvm05, kvm06, kvm07
    (Get-KumoiVM -VMHost kvm01 -State Running).Count | Should -Be 7
    $empty.VMs.Name | Should -Contain kvm02-2
  }

  It 'fills the hosts that run most VMs' {
    Get-KumoiVM kvm05-2 | Start-KumoiVM
    (& $runbooks/compact-hosts.ps1 -MaxCpuRatio 1).Name | Should -Be kvm01, kvm02, kvm03, kvm04, kvm06, kvm07
  }

  It 'writes the plan with -WhatIf, and moves nothing' {
    $plan = & $runbooks/compact-hosts.ps1 -MaxCpuRatio 1 -WhatIf
    $plan.State | Should -Be (@('Planned') * 6)
    (Get-KumoiVM -VMHost kvm01 -State Running).Count | Should -Be 1
  }

  It 'moves nothing if it does not free enough hosts' {
    & $runbooks/compact-hosts.ps1 -MaxCpuRatio 1 -AtLeast 7 -WarningVariable warnings | Should -BeNullOrEmpty
    $warnings.Message | Should -BeLike 'Nothing was moved: 6 VMs*'
    (Get-KumoiVM -VMHost kvm01 -State Running).Count | Should -Be 1
  }

  It 'takes the next host for one that fails' {
    Add-KumoiFault kvm01 Migrate -FaultDomain Host -Message 'no route to host' | Out-Null
    $all = & $runbooks/compact-hosts.ps1 -MaxCpuRatio 1 -WarningAction Continue 3>&1
    ($all | Select-Result).Name | Should -Be kvm03, kvm04, kvm05, kvm06, kvm07
    ($all | Select-Warning).Message | Should -Be 'kvm01 failed: no route to host; kvm02 took its place'
  }

  It 'ends at a VM that cannot be moved, and still tells which hosts are empty' {
    Add-KumoiFault * Migrate -VM kvm05-1 -FaultDomain VM -Message 'a device blocks migration' | Out-Null
    $all = & $runbooks/compact-hosts.ps1 -MaxCpuRatio 1 2>&1
    ($all | Select-Error).Exception.Message | Should -Be 'a device blocks migration'
    ($all | Select-Result).Name | Should -Be kvm06, kvm07
  }

  It 'goes on with -FailureOblivious, and when it is run again' {
    Add-KumoiFault * Migrate -VM kvm05-1 -FaultDomain VM -Message 'a device blocks migration' | Out-Null
    $all = & $runbooks/compact-hosts.ps1 -MaxCpuRatio 1 -FailureOblivious -WarningAction Continue 2>&1 3>&1
    $all | Select-Error | Should -BeNullOrEmpty
    ($all | Select-Warning).Message | Should -Be '1 failure was masked: kvm05-1: a device blocks migration'
    ($all | Select-Result).Name | Should -Be kvm02, kvm03, kvm04, kvm06, kvm07
    Clear-KumoiFault
    (& $runbooks/compact-hosts.ps1 -MaxCpuRatio 1).Name | Should -Be kvm02, kvm03, kvm04, kvm05, kvm06, kvm07
    $again = & $runbooks/compact-hosts.ps1 -MaxCpuRatio 1 -Verbose 4>&1
    $again | Where-Object { $_ -is [System.Management.Automation.VerboseRecord] } | Should -BeNullOrEmpty
    $again | Should -HaveCount 6
  }

  It 'moves nothing while a host cannot be read, and never calls such a host empty' {
    Add-KumoiFault kvm03 Read -Message 'no route to host' | Out-Null
    { & $runbooks/compact-hosts.ps1 -MaxCpuRatio 1 } | Should -Throw 'no route to host'
    (Get-KumoiVM -VMHost kvm01 -State Running).Count | Should -Be 1
    (& $runbooks/compact-hosts.ps1 -MaxCpuRatio 1 -FailureOblivious).Name | Should -Be kvm02, kvm04, kvm05, kvm06, kvm07
    (Get-KumoiVM -VMHost kvm01 -State Running).Count | Should -Be 6
  }

  It 'does not call a host empty that could not be read at the end' {
    # Read first, then for the plan, then for doing it.
    Add-KumoiFault kvm07 Read -After 3 -Message 'no route to host' | Out-Null
    (& $runbooks/compact-hosts.ps1 -MaxCpuRatio 1 -FailureOblivious).Name | Should -Be kvm02, kvm03, kvm04, kvm05, kvm06
    (Get-KumoiFault).Hits | Should -Be 1
  }

  It 'needs a host' {
    { & $runbooks/compact-hosts.ps1 -Tag none } | Should -Throw -ErrorId 'NoHost,compact-hosts.ps1'
  }
}

Describe 'balance-hosts' {
  BeforeEach {
    Reset-Fleet 'sim://full?hosts=20&vms=6&running=6&seed=7'
    $WarningPreference = 'SilentlyContinue'
    $limits = @{ MaxCpuRatio = 1; MinFreeMemoryBytes = 42GB }
    $plan = Invoke-KumoiBalance @limits -WhatIf
    $first = $plan[0]
  }

  It 'moves what Invoke-KumoiBalance would, and to the same hosts' {
    $moved = & $runbooks/balance-hosts.ps1 @limits
    $moved.ForEach{ "$($_.Name) to $($_.VMHost)" } | Should -Be $plan.ForEach{ "$($_.Name) to $($_.Target)" }
    Get-KumoiHost | Where-Object FreeMemoryBytes -lt 42GB | Should -BeNullOrEmpty
    & $runbooks/balance-hosts.ps1 @limits | Should -BeNullOrEmpty
  }

  It 'does so for the load too' {
    Reset-Fleet
    $plan = Invoke-KumoiBalance -WhatIf
    $plan | Should -Not -BeNullOrEmpty
    (& $runbooks/balance-hosts.ps1).ForEach{ "$($_.Name) to $($_.VMHost)" } | Should -Be $plan.ForEach{ "$($_.Name) to $($_.Target)" }
  }

  It 'moves nothing with -WhatIf' {
    & $runbooks/balance-hosts.ps1 @limits -WhatIf | Should -BeNullOrEmpty
    (Get-KumoiVM $first.Name).VMHost | Should -Be $first.VMHost
  }

  It 'takes the next host for a target that fails' {
    Add-KumoiFault $first.Target Migrate -FaultDomain Host -Message 'no route to host' | Out-Null
    $all = & $runbooks/balance-hosts.ps1 @limits 2>&1
    $all | Select-Error | Should -BeNullOrEmpty
    $all[0].Name | Should -Be $first.Name
    $all.VMHost | Should -Not -Contain $first.Target
    Get-KumoiHost | Where-Object FreeMemoryBytes -lt 42GB | Should -BeNullOrEmpty
  }

  It 'takes the next largest VM for one that cannot be moved, also with -FailureOblivious' -ForEach @{ oblivious = $false }, @{ oblivious = $true } {
    Add-KumoiFault * Migrate -VM $first.Name -FaultDomain VM -Message 'a device blocks migration' | Out-Null
    $all = & $runbooks/balance-hosts.ps1 @limits -FailureOblivious:$oblivious -WarningAction Continue 2>&1 3>&1
    $all | Select-Error | Should -BeNullOrEmpty
    ($all | Select-Warning).Message | Should -BeLike "$($first.Name) failed: a device blocks migration; $($first.VMHost)-* took its place"
    $moved = $all | Select-Result
    $moved.Name | Should -Not -Contain $first.Name
    $moved | Should -HaveCount $plan.Count
    Get-KumoiHost | Where-Object FreeMemoryBytes -lt 42GB | Should -BeNullOrEmpty
  }

  It 'a host of which no VM can be moved is an error, or masked, and the others are balanced' {
    Add-KumoiFault * Migrate -VM "$($first.VMHost)-*" -FaultDomain VM -Message 'a device blocks migration' | Out-Null
    $all = & $runbooks/balance-hosts.ps1 @limits 2>&1
    ($all | Select-Error).FullyQualifiedErrorId | Should -Be 'LineageExhausted,Kumoi.PowerShell.Cmdlets.InvokeKumoiActionCommand'
    $all | Select-Result | Should -HaveCount ($plan.Count - 1)
    $again = & $runbooks/balance-hosts.ps1 @limits -FailureOblivious -WarningAction Continue 2>&1 3>&1
    $again | Should -HaveCount 1
    ($again | Select-Warning).Message | Should -BeLike '1 failure was masked: *a device blocks migration*'
  }

  It 'moves nothing while a host cannot be read, or leaves it out' {
    Add-KumoiFault kvm08 Read -Message 'no route to host' | Out-Null
    { & $runbooks/balance-hosts.ps1 @limits } | Should -Throw 'no route to host'
    (Get-KumoiVM $first.Name -VMHost $first.VMHost).VMHost | Should -Be $first.VMHost
    $all = & $runbooks/balance-hosts.ps1 @limits -FailureOblivious 2>&1
    $all | Select-Error | Should -BeNullOrEmpty
    $all.Name | Should -Be ($plan.Name -notlike 'kvm08-*')
    $all.VMHost | Should -Not -Contain kvm08
  }
}

Describe 'shut-down-a-site' {
  BeforeEach {
    Reset-Fleet 'sim://lab?hosts=3&vms=3&running=3&seed=7'
    $WarningPreference = 'SilentlyContinue'
  }

  It 'shuts down in the order, and is silent about success' {
    $steps = & $runbooks/shut-down-a-site.ps1 -Order *-2, *-1 -Exclude kvm01-1 -Confirm:$false -ErrorVariable errors
    $errors | Should -BeNullOrEmpty
    $steps.Name | Should -Be kvm01-3, kvm02-3, kvm03-3, kvm01-2, kvm02-2, kvm03-2, kvm02-1, kvm03-1
    (Get-KumoiVM -State Running).Name | Should -Be kvm01-1
  }

  It 'writes the plan with -WhatIf, and shuts nothing down' {
    $plan = & $runbooks/shut-down-a-site.ps1 -Order *-2, *-1 -WhatIf
    $plan.State | Should -Be (@('Planned') * 9)
    (Get-KumoiVM -State Running).Count | Should -Be 9
  }

  It 'shuts nothing down where a name is misspelt' {
    { & $runbooks/shut-down-a-site.ps1 -Order *-2, kvm01-l -Confirm:$false } | Should -Throw -ErrorId 'NameNotFound,shut-down-a-site.ps1'
    { & $runbooks/shut-down-a-site.ps1 -Exclude db1 -Confirm:$false } | Should -Throw -ErrorId 'NameNotFound,shut-down-a-site.ps1'
    { & $runbooks/shut-down-a-site.ps1 -VMHost none* -Confirm:$false } | Should -Throw -ErrorId 'NoHost,shut-down-a-site.ps1'
    (Get-KumoiVM -State Running).Count | Should -Be 9
  }

  It 'begins no stage after a failure, and says what still runs' {
    Add-KumoiFault * Stop -VM kvm02-3 -FaultDomain VM -Message 'it does not listen' | Out-Null
    & $runbooks/shut-down-a-site.ps1 -Order *-2, *-1 -Confirm:$false -ErrorVariable errors -ErrorAction SilentlyContinue | Out-Null
    $last = $errors | Where-Object FullyQualifiedErrorId -eq 'StillRunning,shut-down-a-site.ps1'
    $last.TargetObject.Name | Should -Be kvm01-1, kvm01-2, kvm02-1, kvm02-2, kvm02-3, kvm03-1, kvm03-2
    $errors.Exception.Message | Should -Contain 'it does not listen'
  }

  It 'goes on with -FailureOblivious, and what still runs is an error even so' {
    Add-KumoiFault * Stop -VM kvm02-3 -FaultDomain VM -Message 'it does not listen' | Out-Null
    & $runbooks/shut-down-a-site.ps1 -Order *-2, *-1 -Confirm:$false -FailureOblivious -ErrorVariable errors -ErrorAction SilentlyContinue | Out-Null
    $errors.FullyQualifiedErrorId | Should -Be 'StillRunning,shut-down-a-site.ps1'
    $errors.TargetObject.Name | Should -Be kvm02-3
  }

  It 'goes on with what still runs when it is run again' {
    Add-KumoiFault * Stop -VM kvm02-3 -FaultDomain VM -Message 'it does not listen' -Count 1 | Out-Null
    & $runbooks/shut-down-a-site.ps1 -Order *-2, *-1 -Confirm:$false -ErrorAction SilentlyContinue | Out-Null
    $steps = & $runbooks/shut-down-a-site.ps1 -Order *-2, *-1 -Confirm:$false -ErrorVariable errors
    $errors | Should -BeNullOrEmpty
    $steps.Name | Should -Be kvm02-3, kvm01-2, kvm02-2, kvm03-2, kvm01-1, kvm02-1, kvm03-1
    & $runbooks/shut-down-a-site.ps1 -Order *-2, *-1 -Confirm:$false | Should -BeNullOrEmpty
  }

  It 'shuts nothing down while a host cannot be read; with -FailureOblivious all else, and says that it does not know' {
    Add-KumoiFault kvm02 Read -Message 'no route to host' | Out-Null
    { & $runbooks/shut-down-a-site.ps1 -Confirm:$false } | Should -Throw 'no route to host'
    (Get-KumoiVM -State Running -VMHost kvm01, kvm03).Count | Should -Be 6
    # Whatever is masked elsewhere, the last look is not.
    $KumoiPreference = @{ FailureOblivious = $true }
    & $runbooks/shut-down-a-site.ps1 -Order kvm02-1 -Confirm:$false -FailureOblivious -ErrorVariable errors -ErrorAction SilentlyContinue -WarningVariable warnings | Out-Null
    Get-KumoiVM -State Running -VMHost kvm01, kvm03 | Should -BeNullOrEmpty
    $errors.FullyQualifiedErrorId | Should -Contain 'NotKnown,shut-down-a-site.ps1'
    $warnings.Message | Should -Contain "No VM that can be read is named 'kvm02-1'."
  }
}

Describe 'place-a-vm' {
  BeforeEach {
    Reset-Fleet
    $WarningPreference = 'SilentlyContinue'
    $byLoad = Get-ByLoad
  }

  It 'makes the VM on the least loaded host' {
    $vm = & $runbooks/place-a-vm.ps1 db1 -MemoryBytes 4GB -CpuCount 2
    $vm.VMHost | Should -Be $byLoad[0]
    $vm.State | Should -Be Running
    $vm.MemoryBytes | Should -Be 4GB
  }

  It 'makes it once' {
    & $runbooks/place-a-vm.ps1 db1 | Out-Null
    (& $runbooks/place-a-vm.ps1 db1 -Score { $_.CpuRatio }).VMHost | Should -Be $byLoad[0]
    Get-KumoiVM db1 | Should -HaveCount 1
  }

  It 'ranks by the score that it is given, with the variables of the caller' {
    $wanted = $byLoad[6]
    (& $runbooks/place-a-vm.ps1 db1 -Score { $_.Name -eq $wanted }).VMHost | Should -Be $wanted
  }

  It 'makes nothing with -WhatIf' {
    & $runbooks/place-a-vm.ps1 db1 -WhatIf -ErrorVariable errors | Should -BeNullOrEmpty
    $errors | Should -BeNullOrEmpty
    Get-KumoiVM db1 -ErrorAction Ignore | Should -BeNullOrEmpty
  }

  It 'takes the next best host for one that fails' {
    Add-KumoiFault $byLoad[0] Start -Message 'no image' | Out-Null
    (& $runbooks/place-a-vm.ps1 db1 -WarningVariable warnings).VMHost | Should -Be $byLoad[1]
    $warnings.Message | Should -Be "$($byLoad[0]) failed: no image; $($byLoad[1]) took its place"
    Get-KumoiVM db1 | Should -HaveCount 1
  }

  It 'says so where there is no room' {
    & $runbooks/place-a-vm.ps1 db1 -MemoryBytes 65GB -ErrorVariable errors -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
    $errors.FullyQualifiedErrorId | Should -Be 'NotPlaced,place-a-vm.ps1'
  }

  It 'places where nothing can be scored only with -FailureOblivious' {
    $all = & $runbooks/place-a-vm.ps1 db1 -Score { throw 'no metric' } 2>&1
    $all | Select-Result | Should -BeNullOrEmpty
    $all[0].Exception.Message | Should -Be 'no metric'
    $all[-1].FullyQualifiedErrorId | Should -Be 'NotPlaced,place-a-vm.ps1'
    $all = & $runbooks/place-a-vm.ps1 db1 -Score { throw 'no metric' } -FailureOblivious 2>&1
    $all | Select-Error | Should -BeNullOrEmpty
    $all.VMHost | Should -Be kvm01
  }

  It 'makes nothing while a host cannot be read, or leaves it out' {
    Add-KumoiFault $byLoad[0] Read -Message 'no route to host' | Out-Null
    { & $runbooks/place-a-vm.ps1 db1 } | Should -Throw 'no route to host'
    $all = & $runbooks/place-a-vm.ps1 db1 -FailureOblivious 2>&1
    $all | Select-Error | Should -BeNullOrEmpty
    $all.VMHost | Should -Be $byLoad[1]
  }

  It 'needs a host, and one name' {
    { & $runbooks/place-a-vm.ps1 db1 -Tag none } | Should -Throw -ErrorId 'NoHost,place-a-vm.ps1'
    { & $runbooks/place-a-vm.ps1 db* } | Should -Throw -ErrorId 'ParameterArgumentValidationError*'
  }
}

Describe 'scale-a-group' {
  BeforeEach {
    Reset-Fleet 'sim://lab?hosts=4&vms=0&seed=3'
    $WarningPreference = 'SilentlyContinue'
    # Its clones are as busy as it is.
    New-KumoiVM template -VMHost kvm01 -Start -Xml @'
<domain><memory unit='GiB'>1</memory><vcpu>1</vcpu><metadata><k:simulated xmlns:k='https://kumoi.dev/xmlns/1' cpuLoad='0.9'/></metadata></domain>
'@ | Out-Null
    $byLoad = Get-ByLoad
  }

  It 'writes the looks that changed the group' {
    $cycles = & $runbooks/scale-a-group.ps1 web template -Maximum 3 -BreachCount 2 -IntervalSec 0 -Count 8
    $cycles.Step.ForEach{ "$($_.Action) $($_.Name)" } | Should -Be 'Clone web-1', 'Clone web-2', 'Clone web-3'
    (Get-KumoiVM web-* -State Running).Count | Should -Be 3
  }

  It 'goes on with the group that is there when it is run again' {
    & $runbooks/scale-a-group.ps1 web template -Minimum 2 -IntervalSec 0 -Count 2 | Out-Null
    & $runbooks/scale-a-group.ps1 web template -Minimum 2 -IntervalSec 0 -Count 2 | Should -BeNullOrEmpty
    (& $runbooks/scale-a-group.ps1 web template -Minimum 3 -IntervalSec 0 -Count 1).Step.Name | Should -Be web-3
  }

  It 'looks once with -WhatIf, and changes nothing' {
    (& $runbooks/scale-a-group.ps1 web template -Minimum 2 -WhatIf).Step.State | Should -Be Planned
    Get-KumoiVM web-* | Should -BeNullOrEmpty
  }

  It 'takes the next host where a clone fails' {
    $best = (& $runbooks/scale-a-group.ps1 web template -WhatIf).Step.VMHost
    Add-KumoiFault $best Start -FaultDomain Host -Message 'no image' | Out-Null
    $cycle = & $runbooks/scale-a-group.ps1 web template -IntervalSec 0 -Count 1
    $cycle.Step.VMHost | Should -Not -Be $best
    $cycle.Step.Substitutions | Should -Be "$best failed: no image; $($cycle.Step.VMHost) took its place"
  }

  It 'ends with the error that nothing replaced, or tries again with -FailureOblivious' {
    Add-KumoiFault * Start -FaultDomain Host -Message 'no image' | Out-Null
    { & $runbooks/scale-a-group.ps1 web template -IntervalSec 0 -Count 2 } | Should -Throw 'no image'
    Clear-KumoiFault
    $hosts = (Get-KumoiHost).Count
    Add-KumoiFault * Start -FaultDomain Host -Message 'no image' -Count $hosts | Out-Null
    $cycles = & $runbooks/scale-a-group.ps1 web template -IntervalSec 0 -Count 2 -FailureOblivious
    $cycles.Step.State | Should -Be Masked, Done
  }

  It 'ends where a host cannot be read, or goes on with -FailureOblivious' {
    Add-KumoiFault kvm02 Read -Message 'no route to host' | Out-Null
    { & $runbooks/scale-a-group.ps1 web template -IntervalSec 0 -Count 2 } | Should -Throw 'no route to host'
    (& $runbooks/scale-a-group.ps1 web template -IntervalSec 0 -Count 2 -FailureOblivious).Step.State | Should -Be Done
  }

  It 'connects by itself, and ends if it cannot' {
    Disconnect-KumoiHost *
    Add-KumoiFault kvm02 Connect -Message 'no route to host' | Out-Null
    { & $runbooks/scale-a-group.ps1 web template -Uri 'sim://lab?hosts=4&vms=1&seed=3' -Count 1 } | Should -Throw 'no route to host'
    Clear-KumoiFault
    (& $runbooks/scale-a-group.ps1 web kvm01-1 -Uri 'sim://lab?hosts=4&vms=1&seed=3' -Count 1).Step.Name | Should -Be web-1
  }
}

Describe 'account-usage' {
  BeforeAll { $state = $env:KUMOI_STATE }
  BeforeEach {
    # A journal of its own for each test.
    $env:KUMOI_STATE = Join-Path $state ([guid]::NewGuid())
    Reset-Fleet 'sim://lab?hosts=3&vms=2&running=1&seed=7'
    $WarningPreference = 'SilentlyContinue'
    $file = Join-Path $TestDrive "$([guid]::NewGuid()).csv"
  }
  AfterAll { $env:KUMOI_STATE = $state }

  It 'goes on where the last run ended' {
    & $runbooks/account-usage.ps1 $file | Out-Null
    $second = & $runbooks/account-usage.ps1 $file
    $second.VM | Should -Be kvm01-1, kvm02-1, kvm03-1
    $rows = Import-Csv $file | Where-Object VM -eq kvm02-1
    $rows | Should -HaveCount 2
    $rows[1].From | Should -Be $rows[0].To
  }

  It 'accounts nothing if the file cannot be written, and the next run for both' {
    & $runbooks/account-usage.ps1 $file | Out-Null
    $before = (Import-Csv $file)[0].To
    { & $runbooks/account-usage.ps1 (Join-Path $TestDrive none/usage.csv) } | Should -Throw -ErrorId 'UsageFileFailed,account-usage.ps1'
    (& $runbooks/account-usage.ps1 $file)[0].From | Should -Be ([System.DateTimeOffset] $before)
  }

  It 'a host that cannot be read is an error, and nothing is accounted or lost' {
    & $runbooks/account-usage.ps1 $file | Out-Null
    Add-KumoiFault kvm02 Read -Count 1 -Message 'no route to host' | Out-Null
    { & $runbooks/account-usage.ps1 $file } | Should -Throw 'no route to host'
    Import-Csv $file | Should -HaveCount 3
    (& $runbooks/account-usage.ps1 $file).VM | Should -Be kvm01-1, kvm02-1, kvm03-1
  }

  It 'accounts the others with -FailureOblivious, and that host in the next run' {
    & $runbooks/account-usage.ps1 $file | Out-Null
    Add-KumoiFault kvm02 Read -Count 1 -Message 'no route to host' | Out-Null
    $second = & $runbooks/account-usage.ps1 $file -FailureOblivious -ErrorVariable errors
    $errors | Should -BeNullOrEmpty
    $second.VM | Should -Be kvm01-1, kvm03-1
    $third = & $runbooks/account-usage.ps1 $file -FailureOblivious
    $third.VM | Should -Be kvm01-1, kvm02-1, kvm03-1
    $third[1].From | Should -BeLessThan $third[0].From
  }

  It 'connects by itself' {
    Disconnect-KumoiHost *
    { & $runbooks/account-usage.ps1 $file } | Should -Throw -ErrorId 'NoHost,account-usage.ps1'
    (& $runbooks/account-usage.ps1 $file -Uri 'sim://lab?hosts=3&vms=2&running=1&seed=7').VM | Should -Be kvm01-1, kvm02-1, kvm03-1
  }
}
