# The workloads as cmdlets. What they decide is tested in C#; here is what a user sees of it.
BeforeAll {
  . $PSScriptRoot/Fleet.ps1
  $state = $env:KUMOI_STATE

  function New-LoadedVM {
    # A running VM that keeps its CPU so busy, as its clones do.
    param([string] $Name, [double] $CpuLoad, [string] $VMHost = 'kvm01')
    New-KumoiVM $Name -VMHost $VMHost -Start -Xml @"
<domain><memory unit='GiB'>1</memory><vcpu>1</vcpu><metadata><k:simulated xmlns:k='https://kumoi.dev/xmlns/1' cpuLoad='$CpuLoad'/></metadata></domain>
"@
  }
}

AfterAll { $env:KUMOI_STATE = $state }

Describe 'Optimize-KumoiPlacement' {
  BeforeEach {
    Reset-Fleet 'sim://lab?hosts=7&vms=1&running=1&seed=3'
    $WarningPreference = 'SilentlyContinue'
  }

  It 'moves all VMs to the first host that has room' {
    $steps = Optimize-KumoiPlacement -MaxCpuRatio 1
    $steps.Name | Should -Be kvm07-1, kvm06-1, kvm05-1, kvm04-1, kvm03-1, kvm02-1
    $steps.State | Should -Be (@('Done') * 6)
    (Get-KumoiVM -VMHost kvm01 -State Running).Count | Should -Be 7
  }

  It 'gives the plan with -WhatIf, as objects, and does nothing' {
    $plan = Optimize-KumoiPlacement -MaxCpuRatio 1 -WhatIf
    $plan | Should -HaveCount 6
    $plan[0] | Should -BeOfType Kumoi.KumoiPlanStep
    $plan.State | Select-Object -Unique | Should -Be Planned
    (Get-KumoiVM -VMHost kvm01 -State Running).Count | Should -Be 1
    $done = Optimize-KumoiPlacement -MaxCpuRatio 1
    $done.ForEach{ "$_" -replace 'Done', 'Planned' } | Should -Be $plan.ForEach{ "$_" }
  }

  It 'fills the hosts in the order in which they come by the pipeline' {
    $steps = Get-KumoiHost | Sort-Object Name -Descending | Optimize-KumoiPlacement -MaxCpuRatio 1
    $steps.Target | Select-Object -Unique | Should -Be kvm07
  }

  It 'keeps to the hosts that it is given, and does nothing where the pipeline is empty' {
    (Optimize-KumoiPlacement -VMHost kvm01, kvm02 -MaxCpuRatio 1).Name | Should -Be kvm02-1
    Get-KumoiHost | Where-Object Name -eq none | Optimize-KumoiPlacement -MaxCpuRatio 1 | Should -BeNullOrEmpty
    { Optimize-KumoiPlacement -VMHost @() -MaxCpuRatio 1 } | Should -Throw -ErrorId 'ParameterArgumentValidationError*'
    { Get-KumoiVM -VMHost $null | Remove-KumoiVM -Force } | Should -Throw -ErrorId 'ParameterArgumentValidationError*'
    Get-KumoiVM | Should -HaveCount 7
  }

  It 'takes the next host for one that fails, with one warning and one event' {
    Add-KumoiFault kvm01 Migrate -FaultDomain Host -Message 'Unknown failure' | Out-Null
    $steps = Optimize-KumoiPlacement -MaxCpuRatio 1 -WarningVariable warnings -ErrorVariable errors
    $steps.Target | Select-Object -Unique | Should -Be kvm02
    $warnings.Message | Should -Be 'kvm01 failed: Unknown failure; kvm02 took its place'
    $errors | Should -BeNullOrEmpty
    (Get-KumoiEvent -Kind Substitution | Select-Object -Last 1).Message | Should -Be $warnings.Message
  }

  It 'ends at the first failure, with the steps that it did and that one' {
    Add-KumoiFault * Migrate -VM kvm05-1 -FaultDomain VM -Message 'a device blocks migration' | Out-Null
    $steps = Optimize-KumoiPlacement -MaxCpuRatio 1 -ErrorVariable errors -ErrorAction SilentlyContinue -WarningVariable warnings
    $steps.State | Should -Be Done, Done, Failed
    $errors.Exception.Message | Should -Be 'a device blocks migration'
    $errors.TargetObject | Should -Be kvm05-1
    $warnings.Message | Should -BeLike '*ends at this failure; what was done stays*'
  }

  It 'stops the script with -ErrorAction Stop' {
    Add-KumoiFault * Migrate -VM kvm05-1 -FaultDomain VM -Message 'a device blocks migration' | Out-Null
    { Optimize-KumoiPlacement -MaxCpuRatio 1 -ErrorAction Stop } | Should -Throw 'a device blocks migration'
  }

  It 'goes on with -FailureOblivious, and tells what it masked' {
    Add-KumoiFault * Migrate -VM kvm05-1 -FaultDomain VM -Message 'a device blocks migration' | Out-Null
    $steps = Optimize-KumoiPlacement -MaxCpuRatio 1 -FailureOblivious -ErrorVariable errors -WarningVariable warnings -InformationVariable told
    $steps.State | Should -Be Done, Done, Masked, Done, Done, Done
    $errors | Should -BeNullOrEmpty
    $warnings.Message | Should -Be '1 failure was masked: kvm05-1: a device blocks migration'
    $told.Tags | Should -Be FailureOblivious
    (Get-KumoiEvent -Kind FailureOblivious | Select-Object -Last 1).VM | Should -Be kvm05-1
  }

  It 'substitutes nothing with -NoSubstitution or the preference' {
    Add-KumoiFault kvm01 Migrate -FaultDomain Host -Message 'Unknown failure' | Out-Null
    (Optimize-KumoiPlacement -MaxCpuRatio 1 -NoSubstitution -ErrorAction SilentlyContinue).State | Should -Be Failed
    $KumoiPreference = @{ Substitution = 'None' }
    (Optimize-KumoiPlacement -MaxCpuRatio 1 -ErrorAction SilentlyContinue).State | Should -Be Failed
  }

  It 'never masks a change that may have taken effect' {
    Add-KumoiFault kvm07 Migrate -OutcomeUnknown | Out-Null
    $steps = Optimize-KumoiPlacement -MaxCpuRatio 1 -FailureOblivious -ErrorVariable errors -ErrorAction SilentlyContinue
    $errors | Should -HaveCount 1
    $steps[0].State | Should -Be Failed
    $steps | Should -HaveCount 6
  }

  It 'moves nothing without the journal' {
    $env:KUMOI_STATE = '/dev/null/nowhere'
    try {
      $steps = Optimize-KumoiPlacement -MaxCpuRatio 1 -FailureOblivious -ErrorVariable errors -ErrorAction SilentlyContinue
      $errors[0].FullyQualifiedErrorId | Should -BeLike 'Journal*'
      $steps | Should -HaveCount 1
      (Get-KumoiVM -VMHost kvm07 -State Running).Count | Should -Be 1
    }
    finally { $env:KUMOI_STATE = $state }
  }
}

Describe 'Invoke-KumoiBalance' {
  BeforeEach {
    Reset-Fleet 'sim://lab?hosts=20&vms=6&running=6&seed=7'
    $WarningPreference = 'SilentlyContinue'
  }

  It 'moves the largest VMs off hosts with too little free memory, until enough is free' {
    $poor = Get-KumoiHost | Where-Object FreeMemoryBytes -lt 42GB
    $poor | Should -Not -BeNullOrEmpty
    $steps = Invoke-KumoiBalance -MaxCpuRatio 1 -MinFreeMemoryBytes 42GB
    $steps.VMHost | Select-Object -Unique | Should -Be $poor.Name
    Get-KumoiHost | Where-Object FreeMemoryBytes -lt 42GB | Should -BeNullOrEmpty
    $steps[0].VM.MemoryBytes | Should -Be ($poor[0].VMs | Measure-Object MemoryBytes -Maximum).Maximum
    $steps[0].Reason | Should -Be 'kvm07 has 42240 MiB free'
  }

  It 'takes the next largest VM for one that fails, without an error' {
    $plan = Invoke-KumoiBalance -MaxCpuRatio 1 -MinFreeMemoryBytes 42GB -WhatIf
    Add-KumoiFault * Migrate -VM $plan[0].Name -FaultDomain VM -Message 'its device blocks migration' | Out-Null
    $steps = Invoke-KumoiBalance -MaxCpuRatio 1 -MinFreeMemoryBytes 42GB -WarningVariable warnings -ErrorVariable errors
    $errors | Should -BeNullOrEmpty
    $steps[0].State | Should -Be Replaced
    $warnings[0].Message | Should -Be "$($plan[0].Name) failed: its device blocks migration; another VM takes its place"
    Get-KumoiHost | Where-Object FreeMemoryBytes -lt 42GB | Should -BeNullOrEmpty
  }
}

Describe 'Find-KumoiPlacement' {
  BeforeEach {
    Reset-Fleet
    $WarningPreference = 'SilentlyContinue'
  }

  It 'gives the hosts with room, the best first' {
    $found = Find-KumoiPlacement -MemoryBytes 2GB -CpuCount 4
    $found.Name | Should -Be (Get-KumoiHost | Where-Object CpuRatio -le 0.9 | Sort-Object CpuRatio).Name
    (Find-KumoiPlacement -Rank MostFreeMemory)[0].FreeMemoryBytes | Should -Be (Get-KumoiHost | Where-Object CpuRatio -le 0.9 | Measure-Object FreeMemoryBytes -Maximum).Maximum
    Find-KumoiPlacement -MemoryBytes 65GB | Should -BeNullOrEmpty
  }

  It 'ranks by what the caller likes' {
    (Find-KumoiPlacement -Score { [int]($_.Name -replace '\D') } | Select-Object -First 2).Name | Should -Be kvm20, kvm19
  }

  It 'seeks room for a VM elsewhere than where it is' {
    $best = (Find-KumoiPlacement | Select-Object -First 1).Name
    (Find-KumoiPlacement -VM "$best-1").Name | Should -Not -Contain $best
    { Find-KumoiPlacement -VM * } | Should -Throw -ErrorId 'TooManyVMs*'
    { Find-KumoiPlacement -Rank Packed -Score { 1 } } | Should -Throw -ErrorId 'RankAndScore*'
    Find-KumoiPlacement -VM none -ErrorVariable errors -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
    $errors[0].FullyQualifiedErrorId | Should -BeLike 'NotFound*'
  }

  It 'is the head of a lineage: a host that fails is replaced by the next best' {
    $byRank = (Find-KumoiPlacement).Name
    Add-KumoiFault $byRank[1] Define -Message 'disk full' | Out-Null
    $vms = Find-KumoiPlacement | Select-Object -First 3 | New-KumoiVM -Name { "p-$($_.Name)" } -WarningVariable warnings
    $vms.VMHost | Should -Be $byRank[0, 2, 3]
    $warnings.Message | Should -Be "$($byRank[1]) failed: disk full; $($byRank[3]) took its place"
  }

  It 'a substitute must still have room when it is read again' {
    $byRank = (Find-KumoiPlacement).Name
    Add-KumoiFault $byRank[0] Define -Message 'disk full' | Out-Null
    # The next best loses its room while the pipeline runs.
    $next = $byRank[1]
    $vm = Find-KumoiPlacement -MinFreeMemoryBytes 30GB | Select-Object -First 1 |
      ForEach-Object { if (-not (Get-KumoiVM big -ErrorAction Ignore)) { New-KumoiVM big -VMHost $next -MemoryBytes 40GB -Start | Out-Null }; $_ } |
      New-KumoiVM -Name { "p-$($_.Name)" } -ErrorVariable errors -ErrorAction SilentlyContinue
    $errors | Should -BeNullOrEmpty
    $vm.VMHost | Should -Be $byRank[2]
    Get-KumoiVM "p-$next" -ErrorAction Ignore | Should -BeNullOrEmpty
  }

  It 'a score that fails leaves its host out with an error, and comes last with -FailureOblivious' {
    $found = Find-KumoiPlacement -Score { if ($_.Name -eq 'kvm16') { throw 'no metric' } else { 1 } } -ErrorVariable errors -ErrorAction SilentlyContinue
    $found.Name | Should -Not -Contain kvm16
    $errors.Exception.Message | Should -Be 'no metric'
    $found = Find-KumoiPlacement -Score { if ($_.Name -eq 'kvm16') { throw 'no metric' } else { 1 } } -FailureOblivious -ErrorVariable errors
    $errors | Should -BeNullOrEmpty
    $found[-1].Name | Should -Be kvm16
  }

  It 'still places where no host can be scored, with -FailureOblivious' {
    (Find-KumoiPlacement -Score { throw 'no metric' } -FailureOblivious | Select-Object -First 1 | New-KumoiVM p1).VMHost | Should -Be kvm01
  }
}

Describe 'Measure-KumoiUsage' {
  BeforeEach {
    $env:KUMOI_STATE = Join-Path $state ([guid]::NewGuid())
    Reset-Fleet 'sim://lab?hosts=3&vms=2&running=1&seed=7'
    $WarningPreference = 'SilentlyContinue'
  }
  AfterAll { $env:KUMOI_STATE = $state }

  It 'tells what each running VM used in the interval' {
    $usages = Measure-KumoiUsage -IntervalSec 0 -Count 2
    $usages.VM | Should -Be kvm01-1, kvm02-1, kvm03-1, kvm01-1, kvm02-1, kvm03-1
    $usages[3].From | Should -Be $usages[0].To
    $usages[0].CpuSec | Should -BeGreaterThan 0
  }

  It 'goes on from the journal, and appends to a file' {
    $file = Join-Path $TestDrive 'usage.csv'
    $first = Measure-KumoiUsage kvm01* -IntervalSec 0 -Path $file
    $second = Measure-KumoiUsage kvm01* -Continue -Path $file
    $second.From | Should -Be $first.To
    $rows = Import-Csv $file
    $rows.VM | Should -Be kvm01-1, kvm01-1
    [double] $rows[1].CpuSec | Should -BeGreaterThan 0
    (Get-KumoiEvent -Kind Usage).VMHost | Select-Object -Unique | Should -Be kvm01, kvm02, kvm03
  }

  It 'accounts a VM that could not be read in the next interval, with -FailureOblivious' {
    Add-KumoiFault kvm02 Read -After 1 -Count 1 -Message 'Failed to read any block statistics' | Out-Null
    $usages = Measure-KumoiUsage -IntervalSec 0 -Count 2 -FailureOblivious -WarningVariable warnings
    $usages.VM | Should -Be kvm01-1, kvm03-1, kvm01-1, kvm02-1, kvm03-1
    $usages[3].From | Should -BeLessThan $usages[2].From
    $warnings.Message | Should -Be '1 failure was masked: kvm02: Failed to read any block statistics'
  }

  It 'ends with an error without it' {
    Add-KumoiFault kvm02 Read -After 1 -Count 1 -Message 'Failed to read any block statistics' | Out-Null
    Measure-KumoiUsage -IntervalSec 0 -Count 2 -ErrorVariable errors -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
    $errors.Exception.Message | Should -Be 'Failed to read any block statistics'
  }

  It 'a file that cannot be written is an error, and nothing that was accounted is lost' {
    { Measure-KumoiUsage -IntervalSec 0 -Path /nowhere/usage.csv -ErrorAction Stop } | Should -Throw -ErrorId 'UsageFileFailed*'
    # The beginning on three hosts, and the host that was accounted when the file was found missing.
    Get-KumoiEvent -Kind Usage | Should -HaveCount 4
  }
}

Describe 'Scaling' {
  BeforeEach {
    Reset-Fleet 'sim://lab?hosts=4&vms=0&seed=3'
    $WarningPreference = 'SilentlyContinue'
  }
  AfterEach { Get-KumoiScaling | Stop-KumoiScaling | Out-Null }

  It 'grows a busy group to its maximum, one VM at a time' {
    $cycles = New-LoadedVM master 0.9 | Start-KumoiScaling web -Maximum 3 -BreachCount 2 -IntervalSec 0 -MaxCpuRatio 1 -Wait -Count 8
    $cycles | Should -HaveCount 8
    $cycles.Step.Name | Should -Be web-1, web-2, web-3
    (Get-KumoiVM web-* -State Running).Count | Should -Be 3
    (Get-KumoiEvent -Kind Scaling | Select-Object -Last 3).VM | Should -Be web-1, web-2, web-3
  }

  It 'shrinks an idle group to its minimum, and removes nothing that it did not make' {
    New-LoadedVM master 0.05 | Start-KumoiScaling web -Minimum 3 -IntervalSec 0 -MaxCpuRatio 1 -Wait -Count 3 | Out-Null
    New-LoadedVM web-9 0.05 kvm02 | Out-Null
    Start-KumoiScaling web master -Minimum 1 -BreachCount 1 -IntervalSec 0 -Wait -Count 6 -ErrorAction SilentlyContinue | Out-Null
    (Get-KumoiVM web-*).Name | Should -Be web-9
  }

  It 'shows what it would do with -WhatIf' {
    $cycle = New-LoadedVM master 0.5 | Start-KumoiScaling web -MaxCpuRatio 1 -WhatIf
    $cycle.Step.Action | Should -Be Clone
    $cycle.Step.State | Should -Be Planned
    Get-KumoiVM web-* | Should -BeNullOrEmpty
    Get-KumoiScaling | Where-Object State -eq Running | Should -BeNullOrEmpty
  }

  It 'goes on in the background until it is stopped' {
    $started = New-LoadedVM master 0.5 | Start-KumoiScaling web -MaxCpuRatio 1 -IntervalSec 3600
    $started.State | Should -Be Running
    { Start-KumoiScaling web master -ErrorAction Stop } | Should -Throw -ErrorId 'ScalingRunning*'
    (Get-KumoiScaling web).Maximum | Should -Be 4
    # Stopping waits for what is under way.
    $stopped = Stop-KumoiScaling web
    $stopped.State | Should -Be Stopped
    (Get-KumoiScaling web).State | Should -Be Stopped
    { Stop-KumoiScaling none -ErrorAction Stop } | Should -Throw -ErrorId 'NotFound*'
  }

  It 'an unreachable host ends it with an error, or is masked' {
    $master = New-LoadedVM master 0.5
    Add-KumoiFault kvm03 Read -Message 'No route to host' | Out-Null
    Start-KumoiScaling web $master -IntervalSec 0 -MaxCpuRatio 1 -Wait -Count 2 -ErrorVariable errors -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
    $errors.Exception.Message | Should -Be 'No route to host'
    $cycles = Start-KumoiScaling web $master -IntervalSec 0 -MaxCpuRatio 1 -Wait -Count 2 -FailureOblivious -WarningVariable warnings -ErrorVariable errors
    $errors | Should -BeNullOrEmpty
    $cycles[1].VMCount | Should -Be 1
    $warnings.Message | Should -BeLike '* failures were masked: kvm03: No route to host'
  }

  It 'can be stopped by its name, whatever that is' {
    New-LoadedVM master 0.5 | Start-KumoiScaling 'w[1]' -MaxCpuRatio 1 -IntervalSec 3600 | Out-Null
    (Get-KumoiScaling | Stop-KumoiScaling | Where-Object Group -eq 'w[1]').State | Should -Be Stopped
  }

  It 'what is masked is an event each, in the background too' {
    $master = New-LoadedVM master 0.5
    Add-KumoiFault kvm03 Read -Message 'no answer from kvm03' | Out-Null
    Start-KumoiScaling bg $master -IntervalSec 0 -MaxCpuRatio 1 -FailureOblivious | Out-Null
    while ((Get-KumoiScaling bg).CycleCount -lt 3) { [System.Threading.Thread]::Yield() | Out-Null }
    Stop-KumoiScaling bg | Out-Null
    @(Get-KumoiEvent -Kind FailureOblivious | Where-Object Message -Like '*no answer from kvm03*') | Should -HaveCount 1
  }

  It 'refuses limits that cross, and a master that is not one VM' {
    New-LoadedVM master 0.5 | Out-Null
    { Start-KumoiScaling web master -LowerCpuRatio 0.9 -ErrorAction Stop } | Should -Throw -ErrorId 'LimitsCross*'
    { Start-KumoiScaling web master -Minimum 5 -ErrorAction Stop } | Should -Throw -ErrorId 'LimitsCross*'
    { Start-KumoiScaling web none -ErrorAction Stop } | Should -Throw -ErrorId 'NotFound*'
    { Start-KumoiScaling web master -VMHost none -ErrorAction Stop } | Should -Throw -ErrorId 'NotFound*'
    { Start-KumoiScaling web master -Count 2 -ErrorAction Stop } | Should -Throw -ErrorId 'CountWithoutWait*'
  }
}

Describe 'Stop-KumoiFleet' {
  BeforeEach {
    Reset-Fleet 'sim://lab?hosts=3&vms=3&running=3&seed=7'
    $WarningPreference = 'SilentlyContinue'
  }

  It 'shuts down in the given order, what is not named first' {
    $steps = Stop-KumoiFleet *-2, *-1 -Confirm:$false
    $steps.Name | Should -Be kvm01-3, kvm02-3, kvm03-3, kvm01-2, kvm02-2, kvm03-2, kvm01-1, kvm02-1, kvm03-1
    $steps.State | Select-Object -Unique | Should -Be Done
    Get-KumoiVM -State Running | Should -BeNullOrEmpty
  }

  It 'leaves what is excluded, and other hosts' {
    Stop-KumoiFleet -VMHost kvm01, kvm02 -Exclude kvm01-1 -Confirm:$false | Should -HaveCount 5
    (Get-KumoiVM -State Running).Name | Should -Be kvm01-1, kvm03-1, kvm03-2, kvm03-3
  }

  It 'begins no stage while the one before has failed' {
    Add-KumoiFault * Stop -VM kvm02-2 -FaultDomain VM -Message 'it does not listen' | Out-Null
    $steps = Stop-KumoiFleet *-3, *-2, *-1 -Confirm:$false -ErrorVariable errors -ErrorAction SilentlyContinue
    $steps | Should -HaveCount 6
    $errors.Exception.Message | Should -Be 'it does not listen'
    (Get-KumoiVM *-1 -State Running).Count | Should -Be 3
  }

  It 'goes on with -FailureOblivious' {
    Add-KumoiFault * Stop -VM kvm02-2 -FaultDomain VM -Message 'it does not listen' | Out-Null
    $steps = Stop-KumoiFleet *-3, *-2, *-1 -Confirm:$false -FailureOblivious
    ($steps | Where-Object State -eq Masked).Name | Should -Be kvm02-2
    (Get-KumoiVM -State Running).Name | Should -Be kvm02-2
  }

  It 'stops nothing where a name is misspelt' {
    Stop-KumoiFleet kvm01-9 -Confirm:$false -ErrorVariable errors -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
    $errors[0].FullyQualifiedErrorId | Should -BeLike 'NotFound*'
    (Get-KumoiVM -State Running).Count | Should -Be 9
  }

  It 'gives the plan with -WhatIf' {
    (Stop-KumoiFleet *-1 -WhatIf).Reason | Select-Object -Unique | Should -Be 'stage 1 of 2', 'stage 2 of 2'
    (Get-KumoiVM -State Running).Count | Should -Be 9
  }
}
