# The journal as its users see it. Each test has a journal of its own.
BeforeAll {
  . $PSScriptRoot/Fleet.ps1
  $script:pwsh = $env:KUMOI_PWSH
  $script:stateOfAll = $env:KUMOI_STATE
  $script:number = 0
  function Reset-All {
    $env:KUMOI_STATE = Join-Path $TestDrive "state$(($script:number++))"
    Reset-Fleet
  }
  function Wait-Until {
    # A watch begins some time after it was asked for: does something again and again until it was seen.
    param([scriptblock] $Condition, [scriptblock] $Again)
    $given = [System.Diagnostics.Stopwatch]::StartNew()
    while (-not (& $Condition)) {
      if ($given.Elapsed -gt $script:givenUpAfter) { throw 'It did not happen.' }
      & $Again
    }
  }
}

AfterAll {
  Clear-KumoiFault
  if (Get-KumoiConnection) { Disconnect-KumoiHost * }
  $env:KUMOI_STATE = $script:stateOfAll
}

Describe 'The journal' {
  BeforeEach { Reset-All }

  It 'gets an outcome where the operation was begun, whatever KUMOI_STATE is by then' {
    $begun = $env:KUMOI_STATE
    Add-KumoiFault kvm01 Define -Delay $script:never | Out-Null
    $null = Stop-When 'New-KumoiVM -Name held -VMHost kvm01' {
      if ((Get-KumoiFault).Hits -lt 1) { return $false }
      $env:KUMOI_STATE = "$begun-other"
      New-KumoiVM -Name other -VMHost kvm02 | Out-Null
      $true
    }
    Get-KumoiOperation | ForEach-Object { "$($_.VM) $($_.State)" } | Should -Be 'other Succeeded'
    Get-KumoiEvent | Should -BeNullOrEmpty
    $env:KUMOI_STATE = $begun
    Get-KumoiOperation | ForEach-Object { "$($_.Kind) $($_.State)" } | Should -Be 'Define Unknown', 'UndoDefine Succeeded'
    (Get-KumoiOperation)[0].VM | Should -Be held
  }

  It 'is not touched by reads' {
    Get-KumoiHost | Get-KumoiVM | Out-Null
    Get-KumoiEvent | Should -BeNullOrEmpty
    Get-KumoiOperation | Should -BeNullOrEmpty
    $env:KUMOI_STATE | Should -Not -Exist
  }

  It 'has each change with its outcome' {
    $vm = New-KumoiVM -VMHost kvm05 -Name web -Start
    Stop-KumoiVM $vm -TurnOff -Confirm:$false
    $operations = Get-KumoiOperation -VM web
    $operations.Kind | Should -Be Define, Start, Destroy
    $operations.State | Should -Be Succeeded, Succeeded, Succeeded
    $operations.VMHost | Select-Object -Unique | Should -Be kvm05
    $operations.IsSimulated | Should -Not -Contain $false
    $operations[0].Id | Should -Be $operations[1].Id
    $operations[0].Owner.ProcessId | Should -Be $PID
    (Get-KumoiOperation $operations[0].Id).Kind | Should -Be Define, Start
    ($vm | Get-KumoiOperation).Count | Should -Be 3
    Get-KumoiOperation -VM other | Should -BeNullOrEmpty
    Get-KumoiOperation -VMHost kvm1* | Should -BeNullOrEmpty
    Get-KumoiOperation -State Failed, Pending | Should -BeNullOrEmpty
    Get-KumoiOperation -After (Get-Date).AddMinutes(1) | Should -BeNullOrEmpty
    (Get-KumoiOperation -After (Get-Date).AddMinutes(-1)).Count | Should -Be 3
  }

  It 'has nothing of -WhatIf' {
    New-KumoiVM -VMHost kvm05 -Name web -WhatIf
    $env:KUMOI_STATE | Should -Not -Exist
  }

  It 'has a substitution as one event, with its operations' {
    Add-KumoiFault kvm14 Start -Message 'disk image is damaged' | Out-Null
    Get-KumoiHost | Sort-Object CpuRatio | Select-Object -First 10 | New-KumoiVM -Name { "web-$($_.Name)" } -Start -WarningAction SilentlyContinue | Should -HaveCount 10
    $told = Get-KumoiEvent
    $told | Should -HaveCount 1
    $told.Kind | Should -Be Substitution
    $told.VMHost | Should -Be kvm14
    $told.Message | Should -Be 'kvm14 failed: disk image is damaged; kvm08 took its place'
    ($told.Data | ConvertFrom-Json).substitute | Should -Be kvm08
    (Get-KumoiOperation -VMHost kvm14).Kind | Should -Be Define, Start, UndoDefine
    (Get-KumoiOperation -VMHost kvm14).State | Should -Be Succeeded, Failed, Succeeded
  }

  It 'has a substitution also where its warning ends the statement' {
    Add-KumoiFault kvm01 Define -Message 'broken' | Out-Null
    { Get-KumoiHost | Select-Object -First 1 | New-KumoiVM -Name { "web-$($_.Name)" } -WarningAction Stop } | Should -Throw '*kvm01 failed: broken*'
    (Get-KumoiVM web-*).VMHost | Should -Be kvm02
    (Get-KumoiEvent -Kind Substitution).Message | Should -Be 'kvm01 failed: broken; kvm02 took its place'
  }

  It 'has an exhausted reserve' {
    Add-KumoiFault * Start | Out-Null
    Get-KumoiHost | Sort-Object CpuRatio | Select-Object -First 1 | New-KumoiVM -Name { "web-$($_.Name)" } -Start -ErrorAction SilentlyContinue
    (Get-KumoiEvent -Kind Exhaustion).VMHost | Should -Be kvm16
    (Get-KumoiEvent).Count | Should -Be 1
  }

  It 'has what could not be undone, in whose place nothing was tried' {
    Add-KumoiFault * Start | Out-Null
    Add-KumoiFault kvm16 Stop | Out-Null
    Get-KumoiHost | Sort-Object CpuRatio | Select-Object -First 1 | New-KumoiVM -Name { "web-$($_.Name)" } -Start -ErrorAction SilentlyContinue
    $undoing = Get-KumoiEvent -Kind Compensation
    $undoing.VMHost | Should -Be kvm16
    ($undoing.Data | ConvertFrom-Json).problem | Should -Be 'injected fault'
    (Get-KumoiEvent).Count | Should -Be 1
  }

  It 'has what was undone on a failed element: <undone>' -ForEach @(
    @{
      undone = 'New-KumoiVM'; element = 'web-kvm02'; vmHost = 'kvm02'; vm = 'web-kvm02'; kinds = 'Define', 'Start', 'UndoDefine'
      text = 'Add-KumoiFault kvm02 Start; Get-KumoiHost | Select-Object -First 2 | New-KumoiVM -Name { "web-$_" } | Start-KumoiVM'
    }
    @{
      undone = 'Start-KumoiVM'; element = 'kvm02-2'; vmHost = 'kvm02'; vm = 'kvm02-2'; kinds = 'Start', 'Resume', 'Destroy'
      text = 'Add-KumoiFault kvm02 Start -After 1; Get-KumoiVM -State Shutoff | Select-Object -First 2 | Start-KumoiVM -Paused -PassThru | Resume-KumoiVM'
    }
    @{
      undone = 'Suspend-KumoiVM'; element = 'kvm02-1'; vmHost = 'kvm02'; vm = 'kvm02-1'; kinds = 'Suspend', 'Resume'
      text = 'Get-KumoiVM -State Running | Select-Object -First 2 | Suspend-KumoiVM -PassThru | Invoke-KumoiAction { if ($_.Name -eq "kvm02-1") { throw } }'
    }
    @{
      undone = 'Set-KumoiVM'; element = 'kvm02-1'; vmHost = 'kvm02'; vm = 'kvm02-1'; kinds = 'SetAutostart', 'SetAutostart'
      text = 'Get-KumoiVM -State Running | Select-Object -First 2 | Set-KumoiVM -AutoStart -PassThru | Invoke-KumoiAction { if ($_.Name -eq "kvm02-1") { throw } }'
    }
    @{
      undone = 'Set-KumoiVM'; element = 'kvm02-1'; vmHost = 'kvm02'; vm = 'kvm02-1'; kinds = 'Describe', 'Describe'
      text = 'Get-KumoiVM -State Running | Select-Object -First 2 | Set-KumoiVM -Title shop -PassThru | Invoke-KumoiAction { if ($_.Name -eq "kvm02-1") { throw } }'
    }
    @{
      undone = 'Save-KumoiVM'; element = 'kvm02-1'; vmHost = 'kvm02'; vm = 'kvm02-1'; kinds = 'Save', 'Start'
      text = 'Get-KumoiVM -State Running | Select-Object -First 2 | Save-KumoiVM -PassThru | Invoke-KumoiAction { if ($_.Name -eq "kvm02-1") { throw } }'
    }
    @{
      undone = 'Checkpoint-KumoiVM'; element = 'kvm02-1'; vmHost = 'kvm02'; vm = 'kvm02-1'; kinds = 'CreateSnapshot', 'RemoveSnapshot'
      text = 'Get-KumoiVM -State Running | Select-Object -First 2 | Checkpoint-KumoiVM -SnapshotName before -PassThru | Invoke-KumoiAction { if ($_.Name -eq "kvm02-1") { throw } }'
    }
    @{
      undone = 'Add-KumoiDisk'; element = 'kvm02-1'; vmHost = 'kvm02'; vm = 'kvm02-1'; kinds = 'AddDisk', 'RemoveDisk'
      text = 'Get-KumoiVM -State Running | Select-Object -First 2 | Add-KumoiDisk -SizeBytes 1GB -PassThru | Invoke-KumoiAction { if ($_.Name -eq "kvm02-1") { throw } }'
    }
    @{
      undone = 'Add-KumoiNetworkAdapter'; element = 'kvm02-1'; vmHost = 'kvm02'; vm = 'kvm02-1'; kinds = 'AddAdapter', 'RemoveAdapter'
      text = 'Get-KumoiVM -State Running | Select-Object -First 2 | Add-KumoiNetworkAdapter -NetworkName default -PassThru | Invoke-KumoiAction { if ($_.Name -eq "kvm02-1") { throw } }'
    }
    @{
      undone = 'Rename-KumoiVM'; element = 'new-kvm02-2'; vmHost = 'kvm02'; vm = 'new-kvm02-2'; kinds = 'Rename', 'Rename'
      text = 'Get-KumoiVM -State Shutoff | Select-Object -First 2 | Rename-KumoiVM -NewName { "new-$_" } -PassThru | Invoke-KumoiAction { if ($_.Name -eq "new-kvm02-2") { throw } }'
    }
    @{
      undone = 'Copy-KumoiVM'; element = 'copy-kvm02-2'; vmHost = 'kvm02'; vm = 'copy-kvm02-2'; kinds = 'Define', 'UndoDefine'
      text = 'Get-KumoiVM -State Shutoff | Select-Object -First 2 | Copy-KumoiVM -NewName { "copy-$_" } | Invoke-KumoiAction { if ($_.Name -eq "copy-kvm02-2") { throw } }'
    }
    @{
      undone = 'New-KumoiTemplate'; element = 'tmpl-kvm02-2'; vmHost = 'kvm02'; vm = 'tmpl-kvm02-2'; kinds = 'Define', 'UndoDefine'
      text = 'Get-KumoiVM -State Shutoff | Select-Object -First 2 | New-KumoiTemplate -NewName { "tmpl-$_" } | Invoke-KumoiAction { if ($_.Name -eq "tmpl-kvm02-2") { throw } }'
    }
    @{
      undone = 'Import-KumoiVM'; element = 'copied'; vmHost = 'kvm02'; vm = 'copied'; kinds = 'Import', 'CreateVolume', 'UploadVolume', 'Define', 'UndoDefine', 'RemoveVolume'
      text = '
        [System.IO.File]::WriteAllBytes("$TestDrive/disk.img", [byte[]]::new(1MB))
        $volume = Import-KumoiVolume "$TestDrive/disk.img" from-1 -VMHost kvm01
        New-KumoiVM from -VMHost kvm01 -DiskPath $volume.Path -DiskFormat raw | Export-KumoiVM -LocalPath $TestDrive
        Get-KumoiHost kvm02, kvm03 | Select-Object -First 1 | Import-KumoiVM "$TestDrive/from" -Name copied | Invoke-KumoiAction { if ($_.VMHost -eq "kvm02") { throw } }'
    }
    @{
      undone = 'Resume-KumoiVM'; element = 'kvm02-2'; vmHost = 'kvm02'; vm = 'kvm02-2'; kinds = 'Start', 'Resume', 'Suspend'
      text = 'Start-KumoiVM kvm01-2, kvm02-2, kvm03-2 -Paused; Get-KumoiVM -State Paused | Select-Object -First 2 | Resume-KumoiVM -PassThru | Invoke-KumoiAction { if ($_.Name -eq "kvm02-2") { throw } }'
    }
    @{
      undone = 'Invoke-KumoiAction'; element = 'kvm02'; vmHost = 'kvm02'; vm = $null; kinds = 'Define'
      text = 'Add-KumoiFault kvm02 Define; Get-KumoiHost | Select-Object -First 2 | Invoke-KumoiAction { $_ } -Undo { } | New-KumoiVM -Name web'
    }
    @{
      # The action itself has failed, half done.
      undone = 'Invoke-KumoiAction'; element = 'kvm02'; vmHost = 'kvm02'; vm = $null; kinds = @()
      text = 'Get-KumoiHost | Select-Object -First 2 | Invoke-KumoiAction { if ($_.Name -eq "kvm02") { throw } } -Undo { }'
    }
  ) {
    $null = & ([scriptblock]::Create($text)) 3>$null
    $told = Get-KumoiEvent -Kind Compensation
    $told | Should -HaveCount 1
    $told.Message | Should -Be "$undone was undone on $element."
    $told.VMHost, $told.VM | Should -Be $vmHost, $vm
    $data = $told.Data | ConvertFrom-Json
    $data.undone, $data.element, $data.problem | Should -Be $undone, $element, $null
    (Get-KumoiOperation -VMHost $vmHost).Kind | Should -Be $kinds
    (Get-KumoiEvent -Kind Substitution).VMHost | Should -Be $vmHost
    # The undoing of a definition has the id of the definition.
    Get-KumoiOperation | Where-Object Kind -eq UndoDefine | ForEach-Object { (Get-KumoiOperation $_.Id).Kind | Should -Be Define, UndoDefine }
  }

  It 'has what an earlier cmdlet did to a candidate that was turned down, and was undone' {
    Add-KumoiFault kvm02 Define | Out-Null
    $vms = Get-KumoiHost | Select-Object -First 2 | Invoke-KumoiAction { $_ } -Undo { if ($_.Name -eq 'kvm03') { throw 'stuck' } } |
      Where-Object Name -ne kvm03 | New-KumoiVM -Name { "web-$_" } -WarningAction SilentlyContinue -WarningVariable warnings -ErrorAction SilentlyContinue -ErrorVariable errors
    # What is left on kvm03 could be a second copy of what another would make.
    $vms.VMHost | Should -Be kvm01
    $errors[0].ErrorDetails.Message | Should -Match 'injected fault. What was done on kvm03 could not be undone, so nothing else is tried'
    $told = Get-KumoiEvent -Kind Compensation
    $told.Message | Should -Be 'Invoke-KumoiAction was undone on kvm02.', 'Invoke-KumoiAction could not be undone on kvm03: stuck'
    ($told[1].Data | ConvertFrom-Json).problem | Should -Be stuck
    $warnings.Message | Should -Be 'What was done on kvm03 could not be undone: stuck'
  }

  It 'has an unknown outcome as Unknown, with an event' {
    Add-KumoiFault kvm05 Start -OutcomeUnknown -Message 'answer lost' | Out-Null
    Start-KumoiVM (New-KumoiVM -VMHost kvm05 -Name web) -ErrorAction SilentlyContinue
    $unknown = Get-KumoiOperation -State Unknown
    $unknown.Kind, $unknown.VM, $unknown.Error | Should -Be Start, web, 'answer lost'
    (Get-KumoiEvent -Kind OutcomeUnknown).OperationId | Should -Be $unknown.Id
  }

  It 'has masked failures, repeated ones once' {
    Add-KumoiFault kvm03 Read -Message 'no answer' | Out-Null
    Get-KumoiHost -FailureOblivious -WarningAction SilentlyContinue | Out-Null
    $told = Get-KumoiEvent -Kind FailureOblivious
    $told | Should -HaveCount 1
    $told.VMHost | Should -Be kvm03
    $told.Message | Should -Be 'Get-KumoiHost left out kvm03: no answer'
  }

  It 'gives the first and the last events, by host, VM and time' {
    1..5 | ForEach-Object {
      Add-KumoiFault "kvm0$_" Start -OutcomeUnknown | Out-Null
      Start-KumoiVM (New-KumoiVM -VMHost "kvm0$_" -Name "web$_") -ErrorAction SilentlyContinue
    }
    (Get-KumoiEvent -First 2).VM | Should -Be web1, web2
    (Get-KumoiEvent -Last 2).VM | Should -Be web4, web5
    (Get-KumoiEvent -VMHost kvm03).VM | Should -Be web3
    (Get-KumoiEvent -VM web[34] -Last 1).VM | Should -Be web4
    (Get-KumoiEvent -Before (Get-KumoiEvent -VM web3).At.LocalDateTime).VM | Should -Be web1, web2
    (Get-KumoiEvent -After (Get-KumoiEvent -VM web3).At.LocalDateTime).VM | Should -Be web3, web4, web5
  }

  It 'is shared with other processes' {
    New-KumoiVM -VMHost kvm05 -Name mine | Out-Null
    & $script:pwsh -NoProfile -NonInteractive -Command "
      Import-Module '$env:KUMOI_MODULE'
      `$null = Connect-KumoiHost 'sim://lab?hosts=2'
      `$null = New-KumoiVM -VMHost kvm01 -Name theirs
      (Get-KumoiOperation).VM" | Should -Be mine, theirs
    (Get-KumoiOperation).VM | Should -Be mine, theirs
  }
}

Describe 'A journal that cannot be written' {
  BeforeEach { Reset-All }

  It 'stops a change before it goes out, replaces nothing, and says what to do' {
    New-Item -ItemType Directory $env:KUMOI_STATE | Out-Null
    Set-Content (Join-Path $env:KUMOI_STATE journal.db) 'damaged'
    Get-KumoiHost | Sort-Object CpuRatio | Select-Object -First 1 | New-KumoiVM -Name { "web-$($_.Name)" } -ErrorVariable failure -ErrorAction SilentlyContinue
    $failure | Should -HaveCount 1
    $failure.FullyQualifiedErrorId | Should -BeLike 'JournalDamaged,*'
    $failure.Exception.Message | Should -BeLike "*$(Join-Path $env:KUMOI_STATE journal.db)*"
    $failure.ErrorDetails.RecommendedAction | Should -BeLike '*KUMOI_STATE*'
    New-KumoiVM -VMHost kvm05 -Name web -FailureOblivious -ErrorVariable failure -ErrorAction SilentlyContinue
    $failure | Should -HaveCount 1 -Because 'it is never masked'
    Get-KumoiVM web* | Should -BeNullOrEmpty
    Get-Content (Join-Path $env:KUMOI_STATE journal.db) | Should -Be damaged
    { Get-KumoiEvent -ErrorAction Stop } | Should -Throw -ErrorId 'JournalDamaged,*'
  }

  It 'is left behind when KUMOI_STATE is set anew' {
    Set-Content $env:KUMOI_STATE 'a file where the folder should be'
    New-KumoiVM -VMHost kvm05 -Name web -ErrorAction SilentlyContinue -ErrorVariable failure | Should -BeNullOrEmpty
    $failure.FullyQualifiedErrorId | Should -BeLike 'JournalUnavailable,*'
    $env:KUMOI_STATE += '-other'
    (New-KumoiVM -VMHost kvm05 -Name web).Name | Should -Be web
    (Get-KumoiOperation).VM | Should -Be web
  }

  It 'does not stop reads' {
    Set-Content $env:KUMOI_STATE 'a file where the folder should be'
    Get-KumoiHost | Should -HaveCount 20
  }
}

Describe 'Watch-KumoiEvent' {
  BeforeEach {
    Reset-All
    $vm = Get-KumoiVM -State Running | Select-Object -First 1
    function Switch-VM { Suspend-KumoiVM $vm; Resume-KumoiVM $vm }
    function Start-Watch {
      param([string] $Command)
      $shell = [powershell]::Create().AddScript("Import-Module '$env:KUMOI_MODULE'; $Command")
      $output = [System.Management.Automation.PSDataCollection[psobject]]::new()
      $handle = $shell.BeginInvoke([System.Management.Automation.PSDataCollection[psobject]]$null, $output)
      [pscustomobject]@{ Shell = $shell; Output = $output; Handle = $handle }
    }
  }

  It 'gives what hosts tell of their VMs, and ends when enough has come' {
    $watch = Start-Watch 'Watch-KumoiEvent -Kind VMLifecycle | Select-Object -First 2'
    Wait-Until { $watch.Handle.IsCompleted } { Switch-VM }
    $watch.Shell.EndInvoke($watch.Handle)
    $watch.Output | Should -HaveCount 2
    $watch.Output[0].Kind | Should -Be VMLifecycle
    $watch.Output[0].VM | Should -Be $vm.Name
    $watch.Output[0].VMHost | Should -Be $vm.VMHost
    $watch.Shell.Dispose()
  }

  It 'gives what other processes have journaled' {
    $watch = Start-Watch 'Watch-KumoiEvent -Kind OutcomeUnknown | Select-Object -First 1'
    Wait-Until { $watch.Handle.IsCompleted } {
      & $script:pwsh -NoProfile -NonInteractive -Command "
        Import-Module '$env:KUMOI_MODULE'
        `$null = Connect-KumoiHost 'sim://other?hosts=1'
        `$null = Add-KumoiFault * Define -OutcomeUnknown
        New-KumoiVM -VMHost * -Name theirs -ErrorAction SilentlyContinue"
    }
    $watch.Output[0].VM | Should -Be theirs
    $watch.Shell.Dispose()
  }

  It 'can be stopped while nothing happens' {
    $watch = Start-Watch 'Watch-KumoiEvent'
    Wait-Until { $watch.Output.Count -gt 0 } { Switch-VM }
    Stop-Shell $watch.Shell
    $watch.Shell.Dispose()
  }

  It 'watches only the hosts that were asked for' {
    $other = Get-KumoiVM -State Running | Where-Object VMHost -ne $vm.VMHost | Select-Object -First 1
    $watch = Start-Watch "Watch-KumoiEvent -VMHost $($other.VMHost) | Select-Object -First 1"
    Wait-Until { $watch.Handle.IsCompleted } { Switch-VM; Suspend-KumoiVM $other; Resume-KumoiVM $other }
    $watch.Output[0].VMHost | Should -Be $other.VMHost
    $watch.Shell.Dispose()
  }
}
