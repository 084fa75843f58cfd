# The scripts of docs/runbooks that move VMs, on simulated fleets with faults.
BeforeAll {
  . $PSScriptRoot/Runbooks.ps1
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
