BeforeDiscovery {
  Import-Module $env:KUMOI_MODULE
  $commands = (Get-Module Kumoi).ExportedCmdlets.Values
  $changing = $commands | Where-Object { $_.Parameters.ContainsKey('WhatIf') } | ForEach-Object Name
  $approved = (Get-Verb).Verb
}
BeforeAll { . $PSScriptRoot/Fleet.ps1 }

Describe 'Every exported command' {
  It '<_>: approved verb, singular noun, an output type or none' -ForEach ((Get-Module Kumoi).ExportedCmdlets.Keys) {
    $command = Get-Command $_
    (Get-Verb).Verb | Should -Contain $command.Verb
    $command.Noun | Should -Not -Match 's$'
  }

  It 'that changes something supports -WhatIf and -Confirm' {
    $readOnly = 'Get', 'Find', 'Select', 'Measure', 'Connect', 'Test', 'Wait', 'Watch'
    foreach ($command in (Get-Module Kumoi).ExportedCmdlets.Values | Where-Object Verb -NotIn $readOnly) {
      $command.Parameters.Keys | Should -Contain WhatIf -Because $command.Name
    }
  }

  It 'hides -ReplayToken, and refuses it in scripts' {
    Reset-Fleet
    (TabExpansion2 'New-KumoiVM -').CompletionMatches.CompletionText | Should -Not -Contain '-ReplayToken'
    { New-KumoiVM -Name x -VMHost kvm01 -ReplayToken 'guess:1' } | Should -Throw '*not for use in scripts*'
  }
}

Describe '-WhatIf changes nothing' {
  BeforeAll {
    Reset-Fleet
    Add-KumoiFault kvm09 Start | Out-Null
    Checkpoint-KumoiVM kvm02-1 kept
    Add-KumoiDisk kvm02-1 -SizeBytes 1GB
    Add-KumoiNetworkAdapter kvm02-1 default -MacAddress 52:54:00:00:00:01
    $before = Get-KumoiVM | ForEach-Object { "$($_.Name) $($_.VMHost) $($_.State)" }
    # One call for each command that changes something; a command without a line here fails the test below.
    $script:calls = @{
      'Add-KumoiDisk'        = { Add-KumoiDisk kvm01-1 -SizeBytes 1GB -WhatIf; Get-KumoiDisk kvm01-1 | Should -BeNullOrEmpty }
      'Add-KumoiFault'       = { Add-KumoiFault kvm01 Start -WhatIf }
      'Add-KumoiNetworkAdapter' = { Add-KumoiNetworkAdapter kvm01-1 default -WhatIf; Get-KumoiNetworkAdapter kvm01-1 | Should -BeNullOrEmpty }
      'Checkpoint-KumoiVM'   = { Checkpoint-KumoiVM kvm01-1 x -WhatIf; Get-KumoiSnapshot kvm01-1 | Should -BeNullOrEmpty }
      'Clear-KumoiFault'     = { Clear-KumoiFault -WhatIf }
      'Copy-KumoiVM'         = { Copy-KumoiVM kvm01-2 other -Count 2 -WhatIf }
      'Copy-KumoiVolume'     = { Copy-KumoiVolume kvm02-1-1 other -VMHost kvm02 -WhatIf; Get-KumoiVolume -VMHost kvm02 | Should -HaveCount 1 }
      'Disconnect-KumoiHost' = { Disconnect-KumoiHost kvm01 -WhatIf }
      'Export-KumoiVM'       = { Export-KumoiVM kvm02-1 $TestDrive -WhatIf; Get-ChildItem $TestDrive -Force | Should -BeNullOrEmpty }
      'Export-KumoiVolume' = { Export-KumoiVolume kvm02-1-1 $TestDrive/x -VMHost kvm02 -WhatIf; Test-Path $TestDrive/x | Should -BeFalse }
      'Import-KumoiVM'       = { Import-KumoiVM $PSCommandPath kvm01 -WhatIf; Get-KumoiVolume -VMHost kvm01 | Should -BeNullOrEmpty }
      'Import-KumoiVolume' = { Import-KumoiVolume $PSCommandPath -VMHost kvm01 -WhatIf; Get-KumoiVolume -VMHost kvm01 | Should -BeNullOrEmpty }
      'Invoke-KumoiAction'   = { Get-KumoiHost kvm01 | Invoke-KumoiAction { New-KumoiVM -Name x -VMHost $_ } -WhatIf }
      'Invoke-KumoiBalance'  = { Invoke-KumoiBalance -MaxCpuRatio 0.5 -WhatIf | Should -Not -BeNullOrEmpty }
      'Move-KumoiVM'         = { Move-KumoiVM kvm01-1 kvm02 -WhatIf }
      'Move-KumoiVMStorage'  = { Move-KumoiVMStorage kvm02-1 default -WhatIf; (Get-KumoiDisk kvm02-1).Path | Should -BeLike */images/* }
      'New-KumoiNetwork' = { New-KumoiNetwork x 10.5.0.0/24 -VMHost kvm01 -WhatIf; Get-KumoiNetwork -VMHost kvm01 | Should -HaveCount 1 }
      'New-KumoiPool' = { New-KumoiPool x /srv/x -VMHost kvm01 -WhatIf; Get-KumoiPool -VMHost kvm01 | Should -HaveCount 1 }
      'New-KumoiTemplate'    = { New-KumoiTemplate kvm01-2 golden -WhatIf; Get-KumoiTemplate | Should -BeNullOrEmpty }
      'New-KumoiVM'          = { New-KumoiVM -Name x -VMHost kvm01 -WhatIf }
      'New-KumoiVolume'      = { New-KumoiVolume x -VMHost kvm01 -SizeBytes 1GB -WhatIf; Get-KumoiVolume -VMHost kvm01 | Should -BeNullOrEmpty }
      'Optimize-KumoiPlacement' = { Optimize-KumoiPlacement -MaxCpuRatio 1 -WhatIf | Should -Not -BeNullOrEmpty }
      'Remove-KumoiDisk'     = { Remove-KumoiDisk kvm02-1 vda -WhatIf; Get-KumoiDisk kvm02-1 | Should -HaveCount 1 }
      'Remove-KumoiNetwork' = { Remove-KumoiNetwork default -VMHost kvm01 -WhatIf; Get-KumoiNetwork -VMHost kvm01 | Should -HaveCount 1 }
      'Remove-KumoiNetworkAdapter' = { Remove-KumoiNetworkAdapter kvm02-1 52:54:00:00:00:01 -WhatIf; Get-KumoiNetworkAdapter kvm02-1 | Should -HaveCount 1 }
      'Remove-KumoiPool' = { Remove-KumoiPool default -VMHost kvm01 -WhatIf; Get-KumoiPool -VMHost kvm01 | Should -HaveCount 1 }
      'Remove-KumoiSnapshot' = { Remove-KumoiSnapshot kvm02-1 kept -WhatIf; Get-KumoiSnapshot kvm02-1 | Should -HaveCount 1 }
      'Remove-KumoiTemplate' = { Remove-KumoiTemplate golden -WhatIf -ErrorAction Ignore }
      'Remove-KumoiVM'       = { Remove-KumoiVM kvm01-1 -Force -WhatIf; Remove-KumoiVM kvm01-2 -WhatIf }
      'Remove-KumoiVolume'   = { Remove-KumoiVolume kvm02-1-1 -VMHost kvm02 -WhatIf; Get-KumoiVolume -VMHost kvm02 | Should -HaveCount 1 }
      'Rename-KumoiSnapshot' = { Rename-KumoiSnapshot kvm02-1 kept other -WhatIf; (Get-KumoiSnapshot kvm02-1).Name | Should -Be kept }
      'Rename-KumoiVM'       = { Rename-KumoiVM kvm01-2 other -WhatIf }
      'Repair-KumoiOperation' = { Repair-KumoiOperation ([guid]::NewGuid()) -WhatIf -ErrorAction Ignore }
      'Resize-KumoiDisk'     = { Resize-KumoiDisk kvm02-1 vda -SizeBytes 9GB -WhatIf; (Get-KumoiDisk kvm02-1).CapacityBytes | Should -Be 1GB }
      'Resize-KumoiVolume'   = { Resize-KumoiVolume kvm02-1-1 -VMHost kvm02 -SizeBytes 9GB -WhatIf; (Get-KumoiVolume -VMHost kvm02).CapacityBytes | Should -Be 1GB }
      'Restart-KumoiVM'      = { Restart-KumoiVM kvm01-1 -WhatIf }
      'Restore-KumoiSnapshot' = { Restore-KumoiSnapshot kvm02-1 kept -WhatIf }
      'Restore-KumoiVM'      = { Restore-KumoiVM $TestDrive -VMHost kvm01 -WhatIf -ErrorAction Ignore; Get-ChildItem $TestDrive -Recurse | Should -BeNullOrEmpty }
      'Resume-KumoiHost'     = { Resume-KumoiHost kvm01 -ReturnVM -WhatIf | Should -Not -BeNullOrEmpty }
      'Resume-KumoiVM'       = { Resume-KumoiVM kvm01-1 -WhatIf }
      'Save-KumoiVM'         = { Save-KumoiVM kvm01-1 -WhatIf }
      'Set-KumoiCdDrive'     = { Set-KumoiCdDrive kvm01-1 /a.iso -WhatIf }
      'Set-KumoiDisk'        = { Set-KumoiDisk kvm02-1 vda -BytesPerSecond 1MB -WhatIf; (Get-KumoiDisk kvm02-1).Limits.BytesPerSecond | Should -Be 0 }
      'Set-KumoiNetwork' = { Set-KumoiNetwork default -VMHost kvm01 -AutoStart:$false -WhatIf; (Get-KumoiNetwork -VMHost kvm01).IsAutostart | Should -BeTrue }
      'Set-KumoiNetworkAdapter' = { Set-KumoiNetworkAdapter kvm02-1 * -Connected $false -WhatIf; (Get-KumoiNetworkAdapter kvm02-1).IsConnected | Should -BeTrue }
      'Set-KumoiPool' = { Set-KumoiPool default -VMHost kvm01 -AutoStart:$false -WhatIf; (Get-KumoiPool -VMHost kvm01).IsAutostart | Should -BeTrue }
      'Set-KumoiVM'          = { Set-KumoiVM kvm01-1 -AutoStart -WhatIf }
      'Start-KumoiAgent'     = { Start-KumoiAgent -WhatIf }
      'Start-KumoiFtPair'    = { Start-KumoiFtPair kvm01-1 -BackupHost kvm01 -WhatIf | Should -Not -BeNullOrEmpty }
      'Start-KumoiNetwork' = { Start-KumoiNetwork default -VMHost kvm01 -WhatIf }
      'Start-KumoiPool' = { Start-KumoiPool default -VMHost kvm01 -WhatIf }
      'Start-KumoiScaling'   = { Start-KumoiScaling web kvm01-1 -WhatIf | Should -Not -BeNullOrEmpty }
      'Start-KumoiVM'        = { Start-KumoiVM kvm01-2 -WhatIf }
      'Stop-KumoiAgent'      = { Stop-KumoiAgent -WhatIf }
      'Stop-KumoiFtPair'     = { Stop-KumoiFtPair * -WhatIf }
      'Stop-KumoiNetwork' = { Stop-KumoiNetwork default -VMHost kvm01 -WhatIf; (Get-KumoiNetwork -VMHost kvm01).IsActive | Should -BeTrue }
      'Stop-KumoiPool' = { Stop-KumoiPool default -VMHost kvm01 -WhatIf; (Get-KumoiPool -VMHost kvm01).IsActive | Should -BeTrue }
      'Stop-KumoiFleet'      = { Stop-KumoiFleet -WhatIf | Should -Not -BeNullOrEmpty }
      'Stop-KumoiScaling'    = { Stop-KumoiScaling * -WhatIf }
      'Stop-KumoiTask'       = { Get-KumoiTask | Stop-KumoiTask -WhatIf }
      'Stop-KumoiUsage'      = { Stop-KumoiUsage -WhatIf -ErrorAction Ignore }
      'Stop-KumoiVM'         = { Stop-KumoiVM kvm01-1 -WhatIf }
      'Suspend-KumoiHost'    = { Suspend-KumoiHost kvm01 -WhatIf | Should -Not -BeNullOrEmpty }
      'Suspend-KumoiVM'      = { Suspend-KumoiVM kvm01-1 -WhatIf }
      'Switch-KumoiFtPair'   = { Switch-KumoiFtPair * -WhatIf }
      'Test-KumoiFtPair'     = { Test-KumoiFtPair * -WhatIf }
      'Update-KumoiHost'     = { Update-KumoiHost { throw 'not with -WhatIf' } -WhatIf | Should -Not -BeNullOrEmpty }
      'Update-KumoiPool' = { Update-KumoiPool default -VMHost kvm01 -WhatIf | Should -BeNullOrEmpty }
    }
  }

  It '<_>' -ForEach $changing {
    $script:calls.Keys | Should -Contain $_
    & $script:calls[$_] 6>$null
    Get-KumoiVM | ForEach-Object { "$($_.Name) $($_.VMHost) $($_.State)" } | Should -Be $before
    Get-KumoiConnection | Should -HaveCount 20
    Get-KumoiFault | Should -HaveCount 1
    Get-KumoiHost | Where-Object IsInMaintenance | Should -BeNullOrEmpty
  }
}

Describe 'VMs' {
  BeforeEach { Reset-Fleet 'sim://lab?hosts=3&vms=2&seed=7' }

  It 'go through their life' {
    $vm = New-KumoiVM -Name web1 -VMHost kvm01 -MemoryBytes 256MB -CpuCount 2
    $vm.State | Should -Be Shutoff
    $vm.MemoryBytes | Should -Be 256MB
    $vm.CpuCount | Should -Be 2
    ($vm | Start-KumoiVM -PassThru).State | Should -Be Running
    (Suspend-KumoiVM web1 -PassThru).State | Should -Be Paused
    (Resume-KumoiVM web1 -PassThru).State | Should -Be Running
    (Restart-KumoiVM web1 -PassThru).State | Should -Be Running
    (Move-KumoiVM web1 -Destination kvm02 -PassThru).VMHost | Should -Be kvm02
    (Stop-KumoiVM web1 -PassThru).State | Should -Be Shutoff
    Remove-KumoiVM web1 -Confirm:$false
    Get-KumoiVM web* | Should -BeNullOrEmpty
  }

  It 'can be started paused' { (Start-KumoiVM kvm01-2 -Paused -PassThru).State | Should -Be Paused }

  It 'write nothing without -PassThru' { Start-KumoiVM kvm01-2 | Should -BeNullOrEmpty }

  It 'come by wildcard, by object, by property name and by host' {
    (Start-KumoiVM kvm0?-2 -PassThru).Name | Should -Be kvm01-2, kvm02-2, kvm03-2
    (Get-KumoiVM *-2 | Stop-KumoiVM -TurnOff -PassThru).State | Should -Be Shutoff, Shutoff, Shutoff
    ([pscustomobject]@{ Name = 'kvm01-2'; VMHost = 'kvm01' } | Start-KumoiVM -PassThru).Name | Should -Be kvm01-2
    (Get-KumoiVM -VMHost kvm02, kvm03).VMHost | Select-Object -Unique | Should -Be kvm02, kvm03
    (Get-KumoiHost kvm02 | Get-KumoiVM).Name | Should -Be kvm02-1, kvm02-2
    (Get-KumoiVM -State Running).Name | Should -Be kvm01-1, kvm01-2, kvm02-1, kvm03-1
  }

  It 'give their definition with -Raw' {
    (Get-KumoiVM kvm01-1).Xml | Should -BeNullOrEmpty
    ([xml](Get-KumoiVM kvm01-1 -Raw).Xml).domain.name | Should -Be kvm01-1
  }

  It 'can be made from XML; the name is replaced' {
    $vm = New-KumoiVM -Name web1 -VMHost kvm01 -Xml "<domain type='kvm'><name>template</name><memory unit='MiB'>64</memory><vcpu>2</vcpu><kept/></domain>"
    $vm.Name | Should -Be web1
    $vm.MemoryBytes | Should -Be 64MB
    (Get-KumoiVM web1 -Raw).Xml | Should -Match '<kept'
  }

  It 'keep the name that is in the XML if none is given' {
    (Get-KumoiHost kvm01 | New-KumoiVM -Xml "<domain type='kvm'><name>template</name><memory unit='MiB'>64</memory></domain>").Name | Should -Be template
  }

  It 'that are missing are one error, whichever host they are looked for on' {
    (Get-KumoiHost | Get-KumoiVM kvm01-1, nothing -ErrorVariable errors -ErrorAction SilentlyContinue).VMHost | Should -Be kvm01
    $errors.TargetObject | Should -Be nothing
  }

  It 'can be read while others are moved away' {
    Reset-Fleet 'sim://lab?hosts=2&vms=6&running=6&seed=7'
    Add-KumoiFault kvm01 Migrate -Delay $script:never | Out-Null
    $null = Stop-When 'Get-KumoiVM -VMHost kvm01 | Move-KumoiVM -Destination kvm02' {
      if ((Get-KumoiFault).Hits -lt 4) { return $false }
      Get-KumoiVM -VMHost kvm01 | Should -HaveCount 6
      $true
    }
  }

  It 'move as many at a time as -ThrottleLimit says, also after some have arrived' {
    Reset-Fleet 'sim://lab?hosts=2&vms=8&running=8&seed=7' -Patient
    $before = @(Get-KumoiOperation).Count
    Add-KumoiFault kvm01 Migrate -After 3 -Delay $script:never | Out-Null
    $null = Stop-When 'Get-KumoiVM -VMHost kvm01 | Move-KumoiVM -Destination kvm02 -ThrottleLimit 1' { (Get-KumoiFault).Hits -ge 1 }
    # What has not begun is not in the journal.
    Get-KumoiOperation | Select-Object -Skip $before | Group-Object State -NoElement | ForEach-Object { "$($_.Count) $($_.Name)" } | Should -Be '3 Succeeded', '1 Failed'
  }

  It 'have no name of the host by accident' {
    Get-KumoiHost kvm01 | New-KumoiVM -ErrorVariable errors -ErrorAction SilentlyContinue
    $errors[0].FullyQualifiedErrorId | Should -BeLike 'NameMissing*'
    Get-KumoiVM kvm01 -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
  }

  It 'do not take their memory and CPUs from the host they are piped with' {
    $vm = Get-KumoiHost kvm01 | New-KumoiVM -Name web1
    $vm.MemoryBytes | Should -Be 1GB
    $vm.CpuCount | Should -Be 1
  }

  It 'a running one is not removed without -Force' {
    Remove-KumoiVM kvm01-1 -Confirm:$false -ErrorVariable errors -ErrorAction SilentlyContinue
    $errors[0].FullyQualifiedErrorId | Should -BeLike 'InvalidState*'
    $errors[0].ErrorDetails.RecommendedAction | Should -Match 'Stop-KumoiVM'
    Remove-KumoiVM kvm01-1 -Force
    Get-KumoiVM kvm01-1 -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
  }

  It 'one VM moves to one host' {
    Get-KumoiHost kvm02, kvm03 | Move-KumoiVM -VM kvm01-1 -ErrorVariable errors -ErrorAction SilentlyContinue
    $errors[0].FullyQualifiedErrorId | Should -BeLike 'TooManyDestinations*'
    (Get-KumoiVM kvm01-1).VMHost | Should -Be kvm02
  }

  It 'are moved one by one from the pipeline' {
    (Get-KumoiVM *-1 -VMHost kvm01, kvm02 | Move-KumoiVM -Destination kvm03 -PassThru).VMHost | Should -Be kvm03, kvm03
  }
}

Describe 'Objects' {
  BeforeAll { Reset-Fleet }

  It 'sort naturally, and are their name as text' {
    "$((Get-KumoiHost)[0])" | Should -Be kvm01
    (Get-KumoiHost | Sort-Object | ForEach-Object Name)[9, 10] | Should -Be kvm10, kvm11
    (Get-KumoiVM | Sort-Object -Descending | Select-Object -First 1).Name | Should -Be kvm20-2
  }

  It 'have views: <type>' -ForEach @(
    @{ type = 'host'; get = { Get-KumoiHost kvm01 }; header = 'Name +CPUs +CpuRatio +Memory\(GiB\)' }
    @{ type = 'VM'; get = { Get-KumoiVM kvm01-1 }; header = 'Name +State +VMHost +CPUs' }
    @{ type = 'connection'; get = { Get-KumoiConnection kvm01 }; header = 'Name +Driver +IsOpen' }
  ) {
    (& $get | Out-String -Width 200) -replace "`e\[[0-9;]*m" | Should -Match $header
  }

  It 'host types can be named in scripts' {
    function Test-Type { param([Kumoi.KumoiHost] $VMHost, [Kumoi.PowerState] $State = 'Running') "$VMHost $State" }
    Test-Type (Get-KumoiHost kvm01) | Should -Be 'kvm01 Running'
    (Get-KumoiHost kvm01) -is [Kumoi.KumoiHost] | Should -BeTrue
  }
}

Describe 'Completion' {
  BeforeAll { Reset-Fleet }

  It 'gives hosts: <line>' -ForEach @(
    @{ line = 'Get-KumoiHost kvm0'; first = 'kvm01'; count = 9 }
    @{ line = 'New-KumoiVM -Name x -VMHost kvm1'; first = 'kvm10'; count = 10 }
    @{ line = 'Move-KumoiVM a -Destination kvm20'; first = 'kvm20'; count = 1 }
  ) {
    $found = (TabExpansion2 $line).CompletionMatches
    $found[0].CompletionText | Should -Be $first
    $found | Should -HaveCount $count
  }

  It 'gives VMs' {
    # The prompt does not wait long: where the machine is slow, a later Tab has what was read meanwhile.
    $given = [System.Diagnostics.Stopwatch]::StartNew()
    do { $found = (TabExpansion2 'Start-KumoiVM kvm01-').CompletionMatches.CompletionText } until ($found -or $given.Elapsed -gt $script:givenUpAfter)
    $found | Should -Be kvm01-1, kvm01-2
  }

  It 'gives operations of faults' {
    (TabExpansion2 'Add-KumoiFault kvm01 -Operation Mig').CompletionMatches.CompletionText | Should -Be Migrate, MigrateVM
  }

  It 'does not block the prompt on a host that does not answer' {
    # In a process of its own: what was read here just now would do.
    $output = Join-Path $TestDrive completed.txt
    $command = "
      Import-Module '$env:KUMOI_MODULE'
      `$null = Connect-KumoiHost 'sim://lab?hosts=3&vms=2' -TimeoutSec 3600
      `$null = Add-KumoiFault kvm03 Read -Delay ([timespan]::FromDays(1))
      `$null = TabExpansion2 'Start-KumoiVM kvm'
      while ((Get-KumoiFault).Hits -eq 0) { [System.Threading.Thread]::Yield() | Out-Null }
      Set-Content '$output' completed
      exit 0"
    $encoded = [Convert]::ToBase64String([System.Text.Encoding]::Unicode.GetBytes($command))
    $process = Start-Process $env:KUMOI_PWSH -ArgumentList '-NoProfile', '-NonInteractive', '-EncodedCommand', $encoded -PassThru
    if (-not $process.WaitForExit($script:givenUpAfter)) { $process.Kill($true) }
    $output | Should -Exist -Because 'the prompt came back, and the host that does not answer was asked'
  }
}

Describe 'Faults' {
  BeforeEach { Reset-Fleet 'sim://lab?hosts=3&vms=2&seed=7' }

  It 'hit as often as they are told, and can be seen and cleared' {
    $fault = Add-KumoiFault kvm02 Read -Count 1 -Message 'down'
    Get-KumoiHost -ErrorVariable errors -ErrorAction SilentlyContinue | Should -HaveCount 2
    $errors.Exception.Message | Should -Be down
    Get-KumoiHost | Should -HaveCount 3
    (Get-KumoiFault $fault.Id).Hits | Should -Be 1
    Get-KumoiFault | Clear-KumoiFault
    Get-KumoiFault | Should -BeNullOrEmpty
  }

  It 'let so many calls pass with -After' {
    $fault = Add-KumoiFault kvm02 Read -After 2 -Count 1 -Message 'down later'
    $fault.After | Should -Be 2
    1..2 | ForEach-Object { Get-KumoiHost | Should -HaveCount 3 }
    Get-KumoiHost -ErrorVariable errors -ErrorAction SilentlyContinue | Should -HaveCount 2
    $errors.Exception.Message | Should -Be 'down later'
    Get-KumoiHost | Should -HaveCount 3
    (Get-KumoiFault).Hits | Should -Be 1
    { Add-KumoiFault kvm02 Read -After -1 } | Should -Throw -ErrorId 'ParameterArgumentValidationError,*'
  }

  It 'pass unnoticed with -Transient, as long as there are tries left' {
    $fault = Add-KumoiFault kvm02 Read -Transient -Count 1
    $fault.IsTransient | Should -BeTrue
    Get-KumoiHost -ErrorAction Stop | Should -HaveCount 3
    (Get-KumoiFault).Hits | Should -Be 1
    Clear-KumoiFault
    Add-KumoiFault kvm02 Read -Transient -Message 'again and again' | Out-Null
    Get-KumoiHost -ErrorVariable errors -ErrorAction SilentlyContinue | Should -HaveCount 2
    $errors.Exception.Message | Should -Be 'again and again'
    (Get-KumoiFault).Hits | Should -Be 3
  }

  It 'fail after the delay with -Delay and -Transient' {
    Add-KumoiFault kvm02 Read -Delay ([timespan]::FromMilliseconds(1)) -Transient -Count 3 | Out-Null
    Get-KumoiHost -ErrorAction SilentlyContinue | Should -HaveCount 2
  }

  It 'only slow the host with -Delay alone' {
    Add-KumoiFault kvm02 Read -Delay ([timespan]::FromMilliseconds(1)) | Out-Null
    Get-KumoiHost | Should -HaveCount 3
  }

  It 'need -Force for hosts that are not simulated' -Skip:(-not $env:KUMOI_HAS_LIBVIRT) {
    Connect-KumoiHost test:///default -Name real | Out-Null
    { Add-KumoiFault real Start -ErrorAction Stop } | Should -Throw '*not simulated*'
    Add-KumoiFault r* Read -Force -Message 'forced' | Out-Null
    Get-KumoiHost real -ErrorVariable errors -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
    $errors.Exception.Message | Should -Be forced
  }

  It 'on everything do not reach hosts that are not simulated' -Skip:(-not $env:KUMOI_HAS_LIBVIRT) {
    Add-KumoiFault * Read -Message 'simulated only' -ErrorAction SilentlyContinue | Out-Null
    Connect-KumoiHost test:///default -Name real | Out-Null
    Get-KumoiHost real | Should -HaveCount 1
  }
}
