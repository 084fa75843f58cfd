# Migration to several targets as a user sees it. The protocol itself is tested in C#, with every death of the controller.
BeforeAll { . $PSScriptRoot/Fleet.ps1 }

Describe 'Move-KumoiVM -Speculative' {
  BeforeEach {
    Reset-Fleet 'sim://lab?hosts=6&vms=1&running=1&seed=7'
    $WarningPreference = 'SilentlyContinue'
    function Get-Place { (Get-KumoiVM kvm01-1).VMHost }
  }

  It 'moves the VM to the first that has it, and the others keep nothing' {
    $moved = Get-KumoiHost kvm03, kvm04, kvm05 | Move-KumoiVM -VM kvm01-1 -Speculative -PassThru
    $moved.VMHost | Should -Be kvm03
    $moved.State | Should -Be Running
    Get-KumoiVM | Should -HaveCount 6
    (Get-KumoiVM kvm01-1) | Should -HaveCount 1
  }

  It 'takes the destinations in the order in which they come' {
    (Get-KumoiHost kvm0[3-5] | Sort-Object Name -Descending | Move-KumoiVM -VM kvm01-1 -Speculative -PassThru).VMHost | Should -Be kvm05
  }

  It 'moves many VMs, each to one of the same destinations' {
    $moved = Get-KumoiVM kvm01-1, kvm02-1 | Move-KumoiVM -Destination kvm05, kvm06 -Speculative -PassThru
    $moved.VMHost | Should -Be kvm05, kvm05
  }

  It 'one that fails does not matter' {
    Add-KumoiFault kvm03 Migrate -Message 'no room' | Out-Null
    (Move-KumoiVM kvm01-1 kvm03, kvm04 -Speculative -PassThru -ErrorVariable errors).VMHost | Should -Be kvm04
    $errors | Should -BeNullOrEmpty
  }

  It 'the reserve is tried when all replicas have failed' {
    Add-KumoiFault kvm0[34] Migrate -Message 'no room' | Out-Null
    (Move-KumoiVM kvm01-1 kvm03, kvm04, kvm05 -Speculative -Replicas 2 -PassThru).VMHost | Should -Be kvm05
  }

  It 'where all fail, the VM runs on where it was, and the first cause is the error' {
    Add-KumoiFault kvm0[345] Migrate -Message 'no room' -FaultDomain Host | Out-Null
    Move-KumoiVM kvm01-1 kvm03, kvm04, kvm05 -Speculative -ErrorVariable errors -ErrorAction SilentlyContinue
    $errors | Should -HaveCount 1
    $errors[0].FullyQualifiedErrorId | Should -BeLike 'SpeculationFailed*'
    $errors[0].Exception.Message | Should -Be "'kvm01-1' stays on kvm01: no room"
    (Get-KumoiVM kvm01-1).State | Should -Be Running
    Get-Place | Should -Be kvm01
  }

  It 'tries one after the other with -HedgeDelaySec' {
    Add-KumoiFault kvm03 Migrate | Out-Null
    (Move-KumoiVM kvm01-1 kvm03, kvm04 -Speculative -HedgeDelaySec 5 -PassThru).VMHost | Should -Be kvm04
  }

  It 'needs a target other than its own host' {
    { Move-KumoiVM kvm01-1 kvm01 -Speculative -ErrorAction Stop } | Should -Throw -ErrorId 'InvalidState*'
  }

  It 'moves nothing with -WhatIf, and nothing without the journal' {
    Move-KumoiVM kvm01-1 kvm03, kvm04 -Speculative -WhatIf
    Get-Place | Should -Be kvm01
    $before, $env:KUMOI_STATE = $env:KUMOI_STATE, '/dev/null/nowhere'
    try { { Move-KumoiVM kvm01-1 kvm03, kvm04 -Speculative -ErrorAction Stop } | Should -Throw -ErrorId 'Journal*' }
    finally { $env:KUMOI_STATE = $before }
    Get-Place | Should -Be kvm01
  }

  It 'is one operation in the journal, with its steps' {
    Move-KumoiVM kvm01-1 kvm03, kvm04 -Speculative
    $operation = Get-KumoiOperation | Where-Object Kind -eq SpeculativeMigrate | Select-Object -Last 1
    $operation.State | Should -Be Succeeded
    $events = Get-KumoiEvent -Kind Speculation | Where-Object OperationId -eq $operation.Id
    $events.VMHost | Should -Be kvm03, kvm03, $null
    $events[-1].Message | Should -Be "'kvm01-1': kvm03 won, kvm04 was complete too."
    Get-KumoiOperation -Unfinished | Where-Object Kind -eq SpeculativeMigrate | Should -BeNullOrEmpty
  }

  It 'warns of a host that does not answer any more, where a copy may be left' {
    Add-KumoiFault kvm04 Stop -Message 'gone' | Out-Null
    Move-KumoiVM kvm01-1 kvm03, kvm04 -Speculative -WarningVariable warnings
    $warnings | Should -HaveCount 1
    $warnings[0].Message | Should -BeLike "kvm04 may still hold a copy of 'kvm01-1', which cannot start by itself*"
    Get-Place | Should -Be kvm03
  }

  It 'several destinations without it are an error' {
    { Move-KumoiVM kvm01-1 kvm03, kvm04 -ErrorAction Stop } | Should -Throw -ErrorId 'TooManyDestinations*'
  }

  It 'is taken back by Ctrl+C' {
    Reset-Fleet 'sim://lab?hosts=6&vms=1&running=1&seed=7&delay=200'
    $shell = [powershell]::Create()
    $null = $shell.AddScript("Import-Module '$env:KUMOI_MODULE'; Move-KumoiVM kvm01-1 kvm03, kvm04 -Speculative")
    $running = $shell.BeginInvoke()
    while ($shell.Streams.Progress.Count -eq 0 -and -not $running.IsCompleted) { [System.Threading.Thread]::Yield() | Out-Null }
    $shell.Stop()
    $shell.Dispose()
    # What is under way is taken back before the pipeline has ended.
    (Get-KumoiVM kvm01-1) | Should -HaveCount 1
    (Get-KumoiVM kvm01-1).State | Should -Be Running
    Get-Place | Should -Be kvm01
  }
}

Describe 'What the journal knows of hosts' {
  BeforeEach {
    $before, $env:KUMOI_STATE = $env:KUMOI_STATE, (Join-Path $TestDrive ([guid]::NewGuid()))
    Reset-Fleet 'sim://lab?hosts=6&vms=1&running=1&seed=7'
    # Each of these fails on its target; the VM stays on kvm01.
    function Invoke-FailingMove {
      param([string[]] $Target, [int] $Times = 5, [string] $FaultDomain = 'Host')
      $Target | ForEach-Object { Add-KumoiFault $_ Migrate -Message 'no room' -FaultDomain $FaultDomain | Out-Null }
      foreach ($name in $Target) { 1..$Times | ForEach-Object { Move-KumoiVM kvm01-1 $name -ErrorAction SilentlyContinue } }
      Clear-KumoiFault
    }
    function Get-Plan {
      param([hashtable] $With = @{}, [string[]] $To = @('kvm03', 'kvm04', 'kvm05'))
      (Move-KumoiVM kvm01-1 $To -Speculative -WhatIf -Verbose @With 4>&1 | Where-Object { $_ -is [System.Management.Automation.VerboseRecord] -and "$_" -like 'kvm01-1: *' }).Message
    }
  }
  AfterEach { $env:KUMOI_STATE = $before }

  Context 'Measure-KumoiHostReliability' {
    It 'writes nothing where nothing was done' {
      Measure-KumoiHostReliability | Should -BeNullOrEmpty
    }

    It 'writes one object for each host and kind, and a host that fails has the worse estimate' {
      Invoke-FailingMove kvm03
      Move-KumoiVM kvm01-1 kvm04
      Get-KumoiVM kvm02-1 | Stop-KumoiVM -TurnOff -Confirm:$false
      Start-KumoiVM kvm02-1
      $all = Measure-KumoiHostReliability
      $all | ForEach-Object { "$($_.VMHost) $($_.Kind) $($_.Attempts) $($_.Failures)" } | Should -Be 'kvm02 PowerOn 1 0', 'kvm03 Migration 5 5', 'kvm04 Migration 1 0'
      $all[1] | Should -BeOfType Kumoi.KumoiHostReliability
      $all[1].Success | Should -BeLessThan 0.3
      $all[1].SuccessLowerBound | Should -BeLessThan $all[1].Success
      $all[1].MeanDurationSec | Should -BeNullOrEmpty
      $all[2].Success | Should -BeGreaterThan 0.9
      $all[2].P95DurationSec | Should -Not -BeNullOrEmpty
      $all.IsSimulated | Should -Not -Contain $false
      $all | Out-String | Should -Match 'AtLeast'
    }

    It 'knows hosts that are not connected, by name, by wildcard and from the pipeline' {
      Invoke-FailingMove kvm03, kvm04 -Times 1
      $kvm04 = Get-KumoiHost kvm04
      Disconnect-KumoiHost * -Confirm:$false
      (Measure-KumoiHostReliability kvm03).VMHost | Should -Be kvm03
      (Measure-KumoiHostReliability kvm0[45]).VMHost | Should -Be kvm04
      ($kvm04 | Measure-KumoiHostReliability).VMHost | Should -Be kvm04
      @() | Measure-KumoiHostReliability | Should -BeNullOrEmpty
    }

    It 'can be limited to a kind and to what is new, and needs a half-life' {
      Invoke-FailingMove kvm03 -Times 1
      Measure-KumoiHostReliability -Kind PowerOn | Should -BeNullOrEmpty
      Measure-KumoiHostReliability -Kind Migration | Should -HaveCount 1
      Measure-KumoiHostReliability -After (Get-Date).AddDays(1) | Should -BeNullOrEmpty
      Measure-KumoiHostReliability -HalfLife 7.00:00:00 | Should -HaveCount 1
      { Measure-KumoiHostReliability -HalfLife 0 -ErrorAction Stop } | Should -Throw -ErrorId 'InvalidDuration*'
    }

    It 'does not blame a host for the VM' {
      Invoke-FailingMove kvm03 -FaultDomain VM
      Measure-KumoiHostReliability | Should -BeNullOrEmpty
    }

    It 'counts each replica of a speculative migration' {
      Add-KumoiFault kvm03 Migrate -Message 'no room' | Out-Null
      Move-KumoiVM kvm01-1 kvm03, kvm04, kvm05 -Speculative -Replicas 3
      Measure-KumoiHostReliability | ForEach-Object { "$($_.VMHost) $($_.Attempts) $($_.Failures)" } | Should -Be 'kvm03 1 1', 'kvm04 1 0', 'kvm05 1 0'
    }

    It 'is an error with a journal that cannot be read' {
      $env:KUMOI_STATE = Join-Path $TestDrive damaged
      New-Item -ItemType Directory $env:KUMOI_STATE | Out-Null
      Set-Content (Join-Path $env:KUMOI_STATE journal.db) 'no journal at all, and longer than the header of one would be'
      { Measure-KumoiHostReliability } | Should -Throw -ErrorId 'JournalDamaged*'
    }
  }

  Context 'Move-KumoiVM -Speculative -Replicas Auto' {
    It 'takes two of hosts that nothing is known of, and says so' {
      Get-Plan @{ Replicas = 'Auto' } | Should -Be 'kvm01-1: 2 at once: kvm03 (0.9 after 0), kvm04 (0.9 after 0); predicted success 0.99, wanted 0.99, at most 4 replicas; reserve: kvm05.'
      (Move-KumoiVM kvm01-1 kvm03, kvm04, kvm05 -Speculative -Replicas Auto -PassThru).VMHost | Should -Be kvm03
    }

    It 'leaves a host that fails for the reserve' {
      Invoke-FailingMove kvm03
      Get-Plan @{ Replicas = 'auto' } | Should -BeLike '*2 at once: kvm04 (*), kvm05 (*reserve: kvm03.'
      (Move-KumoiVM kvm01-1 kvm03, kvm04, kvm05 -Speculative -Replicas Auto -PassThru).VMHost | Should -Be kvm04
    }

    It 'takes more where hosts fail, fewer where less is wanted, and never more than the limit' {
      Invoke-FailingMove kvm03, kvm04, kvm05 -Times 3
      Get-Plan @{ Replicas = 'Auto' } | Should -BeLike '*: 3 at once: *'
      Get-Plan @{ Replicas = 'Auto'; WantedSuccess = 0.5 } | Should -BeLike '*: 2 at once: *'
      Get-Plan @{ Replicas = 'Auto'; CostLimit = 1 } | Should -BeLike '*: 1 at once: *'
    }

    It 'prefers hosts that do not fail together' {
      Disconnect-KumoiHost * -Confirm:$false
      Connect-KumoiHost 'sim://lab?hosts=6&vms=1&running=1&seed=7' | Out-Null
      Disconnect-KumoiHost kvm03, kvm04 -Confirm:$false
      $connected = Connect-KumoiHost (3..4 | ForEach-Object { "sim://lab/kvm0$($_)?hosts=6&vms=1&running=1&seed=7" }) -FailureGroup rack1
      $connected.FailureGroup | Should -Be rack1, rack1
      (Get-KumoiHost kvm03, kvm05).FailureGroup | Should -Be rack1, $null
      Get-Plan @{ Replicas = 'Auto' } | Should -BeLike '*2 at once: kvm03 in rack1 (*), kvm05 (*reserve: kvm04.'
    }

    It 'takes a number or Auto, and completes it' {
      foreach ($wrong in 0, 17, 'some', '1.5', '-1', '') { { Move-KumoiVM kvm01-1 kvm03 -Speculative -Replicas $wrong } | Should -Throw "*is neither a number of replicas, 1 to 16, nor 'Auto'*" }
      { Move-KumoiVM kvm01-1 kvm03 -Speculative -Replicas $null } | Should -Throw
      (TabExpansion2 'Move-KumoiVM kvm01-1 kvm03 -Speculative -Replicas a').CompletionMatches.CompletionText | Should -Be Auto
    }
  }

  Context 'Move-KumoiVM -Speculative -HedgePercentile' {
    It 'tries one at a time, without a limit while too little is known' {
      Get-Plan @{ HedgePercentile = 95 } | Should -Be 'kvm01-1: one after the other: kvm03 (0.9 after 0), kvm04 (0.9 after 0), kvm05 (0.9 after 0); each without a limit: of 20 durations that a percentile needs, 0 are known.'
      Add-KumoiFault kvm03 Migrate | Out-Null
      (Move-KumoiVM kvm01-1 kvm03, kvm04 -Speculative -HedgePercentile 95 -PassThru).VMHost | Should -Be kvm04
    }

    It 'takes the percentile of the migrations in the journal, single ones and speculative ones' {
      1..12 | ForEach-Object {
        Get-KumoiVM kvm01-1 | Move-KumoiVM -Destination kvm02
        Get-KumoiVM kvm01-1 | Move-KumoiVM -Destination kvm01 -Speculative -Replicas 1
      }
      Get-Plan @{ HedgePercentile = 95 } | Should -BeLike '*each for * s, the p95 of 24.'
      Get-Plan @{ HedgePercentile = 50; Replicas = 'Auto' } | Should -BeLike '*one after the other: *the p50 of 24.'
    }

    It 'does not go with -HedgeDelaySec' {
      { Move-KumoiVM kvm01-1 kvm03 -Speculative -HedgePercentile 95 -HedgeDelaySec 5 } | Should -Throw -ErrorId 'TwoHedgeDelays*'
    }
  }
}

Describe 'Repair-KumoiOperation' {
  BeforeEach { Reset-Fleet 'sim://lab?hosts=3&vms=1&running=1&seed=7' }

  It 'does nothing with an operation that has ended, and says so' {
    Move-KumoiVM kvm01-1 kvm02, kvm03 -Speculative
    $operation = Get-KumoiOperation | Where-Object Kind -eq SpeculativeMigrate | Select-Object -Last 1
    $result = $operation | Repair-KumoiOperation -WarningVariable warnings -WarningAction SilentlyContinue
    $result.IsRepaired | Should -BeFalse
    $warnings.Message | Should -Be 'The operation has ended: Succeeded.'
    (Get-KumoiVM kvm01-1).VMHost | Should -Be kvm02
  }

  It 'an operation that the journal does not have is an error' {
    { Repair-KumoiOperation ([guid]::NewGuid()) -ErrorAction Stop } | Should -Throw -ErrorId 'NotFound*'
  }
}
