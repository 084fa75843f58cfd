BeforeAll { . "$PSScriptRoot/Fleet.ps1" }

Describe 'A cmdlet with -AsJob' {
  BeforeEach {
    Get-Job | Remove-Job -Force
    Reset-Fleet 'sim://lab?hosts=4&vms=2&seed=7' -Patient
  }
  AfterAll { Get-Job | Remove-Job -Force }

  It 'gives a job at once, which gives what the cmdlet would have given' {
    $job = Get-KumoiHost kvm01, kvm02 | New-KumoiVM -Name { "web-$($_.Name)" } -MemoryBytes 64MB -Start -AsJob
    $job | Should -HaveCount 1
    $job.Cmdlet, $job.PSJobTypeName | Should -Be New-KumoiVM, KumoiJob
    $vms = $job | Wait-KumoiTask
    $vms.Name | Should -Be web-kvm01, web-kvm02
    $vms | Should -BeOfType Kumoi.KumoiVM
    (Get-KumoiVM web-*).State | Should -Be Running, Running
    $task = Get-KumoiTask
    $task.Id, $task.State, $task.PercentComplete | Should -Be $job.Id, Completed, 100
    $job | Wait-KumoiTask | Should -BeNullOrEmpty # it was taken out, as Receive-Job does
  }

  It 'is one of PowerShell''s jobs' {
    $job = Get-KumoiVM kvm01-1 | Set-KumoiVM -AutoStart:$true -PassThru -AsJob
    (Get-Job -Id $job.Id).Name | Should -Be $job.Name
    (Receive-Job $job -Wait -AutoRemoveJob).Name | Should -Be kvm01-1
    Get-Job | Should -BeNullOrEmpty
    Get-KumoiTask | Should -BeNullOrEmpty
  }

  It 'leaves the prompt free while its host does not answer, and shows what it works on' {
    Add-KumoiFault -VMHost kvm01 -Operation Start -Delay $never | Out-Null
    $job = Get-KumoiVM | Where-Object State -EQ Shutoff | Where-Object VMHost -EQ kvm01 | Start-KumoiVM -AsJob
    $job.State | Should -Be Running
    (Get-KumoiTask -State Running).Target | Should -Be $job.Targets
    (Get-KumoiTask Start-*).Id | Should -Be $job.Id
    Get-KumoiTask Stop-* | Should -BeNullOrEmpty
    $late = Wait-KumoiTask -Id $job.Id -TimeoutSec 1 -ErrorVariable failed -ErrorAction SilentlyContinue
    $late | Should -BeNullOrEmpty
    $failed[0].FullyQualifiedErrorId | Should -BeLike 'TimedOut,*'
    $failed[0].ErrorDetails.RecommendedAction | Should -BeLike '*Stop-KumoiTask*'
    $job.State | Should -Be Running
  }

  It 'ends when it is stopped, and what it had not done is not done' {
    Add-KumoiFault -VMHost kvm01 -Operation Start -Delay $never | Out-Null
    $off = Get-KumoiVM | Where-Object State -EQ Shutoff | Where-Object VMHost -EQ kvm01
    $job = $off | Start-KumoiVM -AsJob
    Get-KumoiTask | Stop-KumoiTask -WhatIf
    $job.State | Should -Be Running
    (Get-KumoiTask | Stop-KumoiTask).State | Should -Be Stopped
    (Get-KumoiVM $off.Name).State | Should -Not -Contain Running
    (Stop-KumoiTask $job).State | Should -Be Stopped # again
    (Get-Job $job.Id).State | Should -Be Stopped
  }

  It 'ends too when the job is removed' {
    Add-KumoiFault -VMHost kvm01 -Operation Start -Delay $never | Out-Null
    $job = Get-KumoiVM | Where-Object State -EQ Shutoff | Where-Object VMHost -EQ kvm01 | Start-KumoiVM -AsJob
    Remove-Job $job -Force
    Get-KumoiTask | Should -BeNullOrEmpty
    Get-Job | Should -BeNullOrEmpty
  }

  It 'has one error for each element that failed, with what to do, and says that it failed' {
    'kvm01', 'kvm02' | ForEach-Object { Add-KumoiFault -VMHost $_ -Operation DefineVM -Message 'no image' } | Out-Null
    $job = Get-KumoiHost kvm01, kvm02, kvm03 | New-KumoiVM -Name { "web-$($_.Name)" } -MemoryBytes 64MB -AsJob
    $made = $job | Wait-KumoiTask -ErrorVariable failed -ErrorAction SilentlyContinue
    $made.Name | Should -Be web-kvm03
    $failed | Should -HaveCount 2
    $failed[0].ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
    $job.State | Should -Be Failed
    (Get-KumoiTask).State | Should -Be Failed
  }

  It 'replaces nothing: the pipeline that would choose has ended' {
    Add-KumoiFault -VMHost kvm01 -Operation DefineVM -Message 'no image' | Out-Null
    $job = Get-KumoiHost | Sort-Object Name | Select-Object -First 1 | New-KumoiVM -Name web -MemoryBytes 64MB -AsJob
    $job | Wait-KumoiTask -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
    $job.State | Should -Be Failed
    Get-KumoiVM web* | Should -BeNullOrEmpty
  }

  It 'masks failures with -FailureOblivious, and says how many' {
    Add-KumoiFault -VMHost kvm01 -Operation DefineVM -Message 'no image' | Out-Null
    $job = Get-KumoiHost kvm01, kvm02 | New-KumoiVM -Name { "web-$($_.Name)" } -MemoryBytes 64MB -FailureOblivious -AsJob
    $made = $job | Wait-KumoiTask -WarningVariable told 3>$null
    $made.Name | Should -Be web-kvm02
    $told | Should -BeLike '1 failure was masked*no image*'
  }

  It 'is no job where nothing is to be done' {
    Start-KumoiVM kvm01-1 -AsJob -WhatIf | Should -BeNullOrEmpty
    Get-KumoiVM none* | Start-KumoiVM -AsJob | Should -BeNullOrEmpty
    { Start-KumoiVM missing -AsJob -ErrorAction Stop } | Should -Throw -ErrorId 'NotFound,*'
    Get-Job | Should -BeNullOrEmpty
  }

  It 'is found by its number, and one that is not there is an error' {
    $failed = { Stop-KumoiTask -Id 999999 -ErrorAction Stop } | Should -Throw -PassThru
    $failed.FullyQualifiedErrorId | Should -BeLike 'NotFound,*'
    $job = Get-KumoiVM kvm01-1 | Set-KumoiVM -AutoStart:$true -AsJob
    $job | Wait-KumoiTask
    (TabExpansion2 'Wait-KumoiTask -Id ').CompletionMatches.CompletionText | Should -Contain "$($job.Id)"
    (TabExpansion2 'Get-KumoiTask Set-').CompletionMatches.CompletionText | Should -Contain Set-KumoiVM
  }
}

Describe 'A cmdlet of steps with -AsJob' {
  BeforeEach {
    Get-Job | Remove-Job -Force
    Reset-Fleet 'sim://lab?hosts=5&vms=2&running=2&seed=7' -Patient
    $WarningPreference = 'SilentlyContinue'
  }
  AfterAll { Get-Job | Remove-Job -Force }

  It 'gives a job at once, which does all steps and gives what the cmdlet would have given' {
    $job = Get-KumoiHost kvm02 | Suspend-KumoiHost -PassThru -AsJob
    $job.Cmdlet, $job.PSJobTypeName | Should -Be Suspend-KumoiHost, KumoiJob
    $job.Targets | Should -Be kvm02
    $suspended = $job | Wait-KumoiTask
    $suspended | Should -BeOfType Kumoi.KumoiHost
    $suspended.Name, $suspended.IsInMaintenance, $suspended.RunningVMCount | Should -Be kvm02, $true, 0
    (Resume-KumoiHost kvm02 -ReturnVM -PassThru -AsJob | Wait-KumoiTask).RunningVMCount | Should -Be 2
    (Get-KumoiTask).State | Should -Be Completed, Completed
  }

  It 'is a workload too' {
    $steps = Optimize-KumoiPlacement -MaxCpuRatio 1 -AsJob | Wait-KumoiTask
    $steps.State | Select-Object -Unique | Should -Be Done
    (Get-KumoiVM -VMHost kvm01 -State Running).Count | Should -BeGreaterThan 2
    Get-KumoiHost kvm01, kvm02 | Invoke-KumoiBalance -MaxCpuRatio 1 -AsJob | Wait-KumoiTask | Should -BeNullOrEmpty
    $job = Stop-KumoiFleet -Exclude kvm01-1 -AsJob -Confirm:$false
    ($job | Wait-KumoiTask).State | Select-Object -Unique | Should -Be Done
    $job.Targets | Should -Be kvm01, kvm02, kvm03, kvm04, kvm05
    (Get-KumoiVM -State Running).Name | Should -Be kvm01-1
  }

  It 'shows what it works on while the prompt is free, and ends when it is stopped, with the warning of what is half done' {
    Add-KumoiFault * Migrate -Delay $never | Out-Null
    $job = Suspend-KumoiHost kvm02 -AsJob
    $begun = [System.Threading.SpinWait]::SpinUntil({ (Get-KumoiFault).Hits -ge 1 }, $givenUpAfter)
    $begun | Should -BeTrue
    $task = Get-KumoiTask
    $task.State, $task.Name, $task.Status | Should -Be Running, Suspend-KumoiHost, 'Suspend-KumoiHost: kvm02'
    (Stop-KumoiTask $job).State | Should -Be Stopped
    $job.Warning.Message | Should -BeLike 'Stopped, with kvm02 in maintenance*'
    (Get-KumoiVM kvm02-1).VMHost | Should -Be kvm02
  }

  It 'asks before it begins: what is declined is no job, nor what is not there, nor what -WhatIf shows' {
    Suspend-KumoiHost kvm02 -AsJob -WhatIf | Should -BeOfType Kumoi.KumoiPlanStep
    Optimize-KumoiPlacement -MaxCpuRatio 1 -AsJob -WhatIf | Should -BeOfType Kumoi.KumoiPlanStep
    { Suspend-KumoiHost missing -AsJob -ErrorAction Stop } | Should -Throw -ErrorId 'NotFound,*'
    { Repair-KumoiOperation ([guid]::NewGuid()) -AsJob -ErrorAction Stop } | Should -Throw -ErrorId 'NotFound,*'
    { Stop-KumoiFtPair missing -AsJob -ErrorAction Stop } | Should -Throw -ErrorId 'NotFound,*'
    Get-KumoiHost | Where-Object Name -EQ none | Optimize-KumoiPlacement -AsJob | Should -BeNullOrEmpty
    Get-KumoiHost | Where-Object Name -EQ none | Update-KumoiHost { } -AsJob -Confirm:$false | Should -BeNullOrEmpty
    { Stop-KumoiFleet -AsJob -ErrorAction Stop } | Should -Throw # nobody is there to be asked
    Get-Job | Should -BeNullOrEmpty
    (Get-KumoiVM -State Running).Count | Should -Be 10
  }

  It 'has one error for each element that failed, with what to do, and says that it failed' {
    Add-KumoiFault * Migrate -VM kvm02-1 -FaultDomain VM -Message 'a device blocks migration' | Out-Null
    $job = Suspend-KumoiHost kvm02 -AsJob
    $job | Wait-KumoiTask -ErrorVariable failed -ErrorAction SilentlyContinue -WarningVariable told
    $failed | Should -HaveCount 1
    $failed[0].Exception.Message | Should -Be 'a device blocks migration'
    $failed[0].ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
    $told | Should -BeLike 'kvm02 stays in maintenance*'
    $job.State | Should -Be Failed
  }

  It 'has what ended the cmdlet as its error' {
    $job = Stop-KumoiFleet -Order kvm09-1 -AsJob -Confirm:$false -ErrorAction Stop
    $job | Wait-KumoiTask -ErrorVariable failed -ErrorAction SilentlyContinue
    $failed[0].FullyQualifiedErrorId | Should -BeLike 'NotFound,*'
    $job.State | Should -Be Failed
    (Get-KumoiVM -State Running).Count | Should -Be 10
  }

  It 'goes by the preferences of its caller' {
    Add-KumoiFault kvm02 Read -Message silent | Out-Null
    $KumoiPreference = @{ FailureOblivious = $true }
    Optimize-KumoiPlacement -MaxCpuRatio 1 -AsJob | Wait-KumoiTask -WarningVariable told | Out-Null
    "$told" | Should -BeLike '*masked*'
  }

  It 'runs script blocks on copies of the variables and functions that they read, as they were' {
    $list = [System.Collections.Concurrent.ConcurrentBag[string]]::new()
    $version, $count = '2.1', 0
    function Get-Mark { "mark $version" }
    $job = Get-KumoiHost kvm0[12] | Update-KumoiHost { $count++; $list.Add("$_"); Get-Mark; "count $count"; Write-Warning 'new kernel' } `
      -VerifyScriptBlock { $version -eq '2.1' } -AsJob -Confirm:$false
    $version = '3.0'
    $updates = $job | Wait-KumoiTask -WarningVariable told
    $updates.State | Should -Be Updated, Updated
    $updates[0].Output | Should -Be 'mark 2.1', 'count 1'
    "$told" | Should -BeLike '*new kernel*'
    $list | Sort-Object | Should -Be kvm01, kvm02 # an object is the same one
    $count | Should -Be 0
  }

  It 'is the same rolling upgrade as without it' {
    $script = { if ($fail) { throw 'no space' } }
    $fail = $false
    Update-KumoiHost $script -VMHost kvm01, kvm02 -AsJob -Confirm:$false | Wait-KumoiTask | Out-Null
    (Update-KumoiHost $script -VMHost kvm01 -Confirm:$false).RollingUpgrade |
      Should -Be (Update-KumoiHost $script -VMHost kvm02 -AsJob -Confirm:$false | Wait-KumoiTask).RollingUpgrade
    $done = Update-KumoiHost $script -Confirm:$false -AsJob | Wait-KumoiTask # all of the fleet
    $done.VMHost | Sort-Object | Should -Be kvm01, kvm02, kvm03, kvm04, kvm05
  }

  It 'repairs' {
    Move-KumoiVM kvm01-1 kvm02, kvm03 -Speculative
    $operation = Get-KumoiOperation | Where-Object Kind -EQ SpeculativeMigrate | Select-Object -Last 1
    $job = $operation | Repair-KumoiOperation -AsJob
    $job.Targets | Should -Be "$operation"
    $result = $job | Wait-KumoiTask -WarningVariable told
    $result.IsRepaired | Should -BeFalse
    $told | Should -Be 'The operation has ended: Succeeded.'
  }
}

Describe 'Pairs with -AsJob' {
  BeforeAll { . "$PSScriptRoot/Pairs.ps1" }
  BeforeEach {
    Get-Job | Remove-Job -Force
    Reset-Pairs
    $WarningPreference = 'SilentlyContinue'
  }
  AfterAll {
    Stop-KumoiFtPair * -ErrorAction Ignore | Out-Null
    Get-Job | Remove-Job -Force
  }

  It 'are tried out, switched and stopped' {
    Start-KumoiFtPair kvm01-1 -BackupHost kvm02 -CheckpointPeriodMs 5 | Out-Null
    $job = Test-KumoiFtPair kvm01-* -AsJob
    $job.Targets | Should -Be kvm01-1
    $job | Wait-KumoiTask | Should -BeOfType Kumoi.KumoiFtDrill
    (Get-KumoiFtPair | Switch-KumoiFtPair -AsJob | Wait-KumoiTask).Primary | Should -Be kvm02
    (Stop-KumoiFtPair kvm01-1 -AsJob | Wait-KumoiTask).VM | Should -Be kvm01-1
    (Get-KumoiFtPair kvm01-1).IsOpen | Should -BeFalse
  }
}

Describe 'Every command that acts' {
  BeforeDiscovery {
    Import-Module $env:KUMOI_MODULE
    $acting = (Get-Module Kumoi).ExportedCmdlets.Values | Where-Object { $_.Parameters.ContainsKey('WhatIf') } | ForEach-Object Name | Sort-Object
    # Each with its reason.
    $at = 'it is over at once: it changes only what this session, or the agent, knows'
    $without = @{
      'Add-KumoiFault' = $at; 'Clear-KumoiFault' = $at; 'Disconnect-KumoiHost' = $at; 'Stop-KumoiTask' = $at; 'Start-KumoiAgent' = $at
      'Stop-KumoiAgent' = $at; 'Start-KumoiScaling' = $at; 'Stop-KumoiScaling' = $at; 'Stop-KumoiUsage' = $at
    }
    $with = $acting | Where-Object { -not $without[$_] }
    $exceptions = $without.GetEnumerator() | Sort-Object Key | ForEach-Object { @{ name = $_.Key; why = $_.Value } }
  }

  It '<_> has -AsJob' -ForEach $with { (Get-Command $_).Parameters.Keys | Should -Contain AsJob }

  It '<name> has none: <why>' -ForEach $exceptions {
    (Get-Command $name).Parameters.Keys | Should -Contain WhatIf
    (Get-Command $name).Parameters.Keys | Should -Not -Contain AsJob
  }
}
