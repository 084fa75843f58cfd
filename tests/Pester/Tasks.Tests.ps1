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

Describe 'Every command that acts' {
  BeforeDiscovery {
    Import-Module $env:KUMOI_MODULE
    $acting = (Get-Module Kumoi).ExportedCmdlets.Values | Where-Object { $_.Parameters.ContainsKey('WhatIf') } | ForEach-Object Name | Sort-Object
    # Each with its reason.
    $at = 'it is over at once: it changes only what this session, or the agent, knows'
    $owed = 'owed: it asks and writes step by step, on the pipeline'
    $without = @{
      'Add-KumoiFault' = $at; 'Clear-KumoiFault' = $at; 'Disconnect-KumoiHost' = $at; 'Stop-KumoiTask' = $at; 'Start-KumoiAgent' = $at
      'Stop-KumoiAgent' = $at; 'Start-KumoiScaling' = $at; 'Stop-KumoiScaling' = $at; 'Stop-KumoiUsage' = $at
      'Optimize-KumoiPlacement' = $owed; 'Invoke-KumoiBalance' = $owed; 'Stop-KumoiFleet' = $owed; 'Suspend-KumoiHost' = $owed
      'Resume-KumoiHost' = $owed; 'Update-KumoiHost' = $owed; 'Repair-KumoiOperation' = $owed; 'Stop-KumoiFtPair' = $owed
      'Switch-KumoiFtPair' = $owed; 'Test-KumoiFtPair' = $owed
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
