# Fault-tolerant pairs on simulated fleets, which the session itself keeps.
BeforeAll {
  . $PSScriptRoot/Fleet.ps1
  . $PSScriptRoot/Pairs.ps1
}

AfterAll { Stop-KumoiFtPair * -ErrorAction Ignore | Out-Null }

Describe 'A protected VM' {
  BeforeEach {
    Reset-Pairs
    $WarningPreference = 'SilentlyContinue'
  }

  It 'is protected when Start-KumoiFtPair returns, and the hosts are in the order in which they were given' {
    $pair = Start-KumoiFtPair kvm01-1 -BackupHost kvm04, kvm02 -CheckpointPeriodMs 5
    $pair.State | Should -Be Protected
    $pair.Primary, $pair.Backup | Should -Be kvm01, kvm04
    $pair.VMHosts | Should -Be kvm01, kvm04, kvm02
    $pair.KeptBy | Should -Be Session
    (Get-KumoiFtPair kvm01-1).Id | Should -Be $pair.Id
  }

  It 'says which engine was chosen and why, but not where it was asked for' {
    $pair = Start-KumoiFtPair kvm01-1 -BackupHost kvm02 -CheckpointPeriodMs 5
    $pair.Engine, $pair.EngineReason | Should -Be LibvirtSnapshot, 'Simulated hosts make checkpoints so.'
    (Start-KumoiFtPair kvm02-1 -BackupHost kvm03 -CheckpointPeriodMs 5 -Engine LibvirtSnapshot).EngineReason | Should -BeNullOrEmpty
  }

  It 'takes its backups from a pipeline' {
    $expected = Get-KumoiHost | Where-Object Name -NE kvm01 | Sort-Object CpuRatio | Select-Object -First 2
    $pair = Get-KumoiHost | Where-Object Name -NE kvm01 | Sort-Object CpuRatio | Select-Object -First 2 | Start-KumoiFtPair -VM kvm01-1
    $pair.VMHosts | Should -Be (@('kvm01') + $expected.Name)
  }

  It 'gets the next backup that the pipeline would have chosen where the one it chose cannot serve' {
    $order = (Get-KumoiHost | Where-Object Name -NE kvm01 | Sort-Object CpuRatio).Name
    Suspend-KumoiHost $order[0] -Confirm:$false -WarningAction SilentlyContinue | Out-Null
    try {
      $pair = Get-KumoiHost | Where-Object Name -NE kvm01 | Sort-Object CpuRatio | Select-Object -First 1 |
        Start-KumoiFtPair -VM kvm01-1 -WarningVariable warnings
      $pair.State | Should -Be Protected
      $pair.Backup | Should -Be $order[1]
      "$warnings" | Should -BeLike "*$($order[1]) took their place*"
    }
    finally { Resume-KumoiHost $order[0] -Confirm:$false | Out-Null }
  }

  It 'goes on at its backup when its host is lost and fenced, is protected again, and does not run on the old host when that is back' {
    Start-KumoiFtPair kvm01-1 -BackupHost kvm02, kvm03 -CheckpointPeriodMs 5 -SilenceMs 100 -FenceCommand (Get-Program true) | Out-Null
    $fault = Add-KumoiFault kvm01 *
    $pair = Wait-Pair kvm01-1 { $_.State -eq 'Protected' -and $_.Primary -eq 'kvm02' }
    $pair.Backup | Should -Be kvm03
    $pair.FailoverCount | Should -Be 1
    $fault | Clear-KumoiFault
    (Get-KumoiVM kvm01-1 -State Running).VMHost | Should -Be kvm02
    (Get-KumoiVM kvm01-1 -VMHost kvm01).State | Should -Be Shutoff
  }

  It 'goes on nowhere while its host is silent and cannot be fenced' {
    Start-KumoiFtPair kvm01-1 -BackupHost kvm02 -CheckpointPeriodMs 5 -SilenceMs 100 -FenceCommand (Get-Program false) | Out-Null
    $fault = Add-KumoiFault kvm01 *
    $pair = Wait-Pair kvm01-1 { $_.State -eq 'FailingOver' -and $_.Reason -like '*fence command ended with 1*' }
    Get-KumoiVM kvm01-1 -VMHost kvm02 -ErrorAction Ignore | Should -BeNullOrEmpty
    $fault | Clear-KumoiFault
    (Wait-Pair kvm01-1 { $_.State -eq 'Protected' }).Primary | Should -Be kvm02
    (Get-KumoiVM kvm01-1 -State Running).VMHost | Should -Be kvm02
  }

  It 'gets another backup when its backup is lost' {
    Start-KumoiFtPair kvm01-1 -BackupHost kvm02, kvm03 -CheckpointPeriodMs 5 -SilenceMs 100 | Out-Null
    Add-KumoiFault kvm02 * | Out-Null
    $pair = Wait-Pair kvm01-1 { $_.State -eq 'Protected' -and $_.Backup -eq 'kvm03' }
    $pair.Primary | Should -Be kvm01
  }

  It 'runs alone when no backup is left, says so, and is protected again when there is one' {
    Start-KumoiFtPair kvm01-1 -BackupHost kvm02 -CheckpointPeriodMs 5 -SilenceMs 100 | Out-Null
    $fault = Add-KumoiFault kvm02 *
    $alone = Wait-Pair kvm01-1 { $_.State -eq 'Unprotected' }
    $alone.Reason | Should -Not -BeNullOrEmpty
    $fault | Clear-KumoiFault
    (Wait-Pair kvm01-1 { $_.State -eq 'Protected' }).Backup | Should -Be kvm02
  }

  It 'is taken over as planned by Switch-KumoiFtPair' {
    Start-KumoiFtPair kvm01-1 -BackupHost kvm02 -CheckpointPeriodMs 5 | Out-Null
    (Switch-KumoiFtPair kvm01-1).Primary | Should -Be kvm02
    (Get-KumoiVM kvm01-1 -State Running).VMHost | Should -Be kvm02
  }

  It 'is tried out by Test-KumoiFtPair, which leaves nothing on the backup' {
    Start-KumoiFtPair kvm01-1 -BackupHost kvm02 -CheckpointPeriodMs 5 | Out-Null
    $drill = Test-KumoiFtPair kvm01-1
    $drill.Backup | Should -Be kvm02
    $drill.RestoreMs | Should -BeGreaterThan 0
    (Get-KumoiVM kvm01-1 -State Running).VMHost | Should -Be kvm01
    Get-KumoiVM kvm01-1 -VMHost kvm02 -ErrorAction Ignore | Where-Object State -NE Shutoff | Should -BeNullOrEmpty
  }

  It 'runs on when its protection ends, and can be protected again' {
    Start-KumoiFtPair kvm01-1 -BackupHost kvm02 -CheckpointPeriodMs 5 | Out-Null
    (Stop-KumoiFtPair *).State | Should -Be Stopped
    (Get-KumoiVM kvm01-1).State | Should -Be Running
    (Start-KumoiFtPair kvm01-1 -BackupHost kvm03).State | Should -Be Protected
  }

  It 'is protected no more when its simulated hosts are disconnected, and another one of that name can be' {
    Start-KumoiFtPair kvm01-1 -BackupHost kvm02 -CheckpointPeriodMs 5 | Out-Null
    Reset-Fleet 'sim://lab?hosts=5&vms=1&running=1&seed=7'
    Get-KumoiFtPair | Should -BeNullOrEmpty
    (Start-KumoiFtPair kvm01-1 -BackupHost kvm03).Backup | Should -Be kvm03
  }

  It 'is protected no more when its simulated hosts are disconnected, for several that are begun at once too' {
    foreach ($round in 1..5) {
      $pairs = Start-KumoiFtPair kvm01-1, kvm02-1, kvm03-1, kvm04-1 -BackupHost kvm05 -CheckpointPeriodMs 5 -ErrorVariable errors -ErrorAction SilentlyContinue
      "$errors" | Should -BeNullOrEmpty
      $pairs | Should -HaveCount 4
      Reset-Fleet 'sim://lab?hosts=5&vms=1&running=1&seed=7'
    }
  }

  It 'is started where it is off' {
    Stop-KumoiVM kvm01-1 -TurnOff -Confirm:$false | Out-Null
    Start-KumoiFtPair kvm01-1 -BackupHost kvm02 -CheckpointPeriodMs 5 | Out-Null
    (Get-KumoiVM kvm01-1 -VMHost kvm01).State | Should -Be Running
  }

  It 'has its history in the journal' {
    Start-KumoiFtPair kvm01-1 -BackupHost kvm02 -CheckpointPeriodMs 5 | Out-Null
    Switch-KumoiFtPair kvm01-1 | Out-Null
    Stop-KumoiFtPair kvm01-1 | Out-Null
    $messages = (Get-KumoiEvent -Kind FaultTolerance -VM kvm01-1).Message
    $messages | Should -Contain "'kvm01-1' is to be protected: it runs on kvm01."
    $messages | Should -Contain "kvm02 has taken over 'kvm01-1'."
  }

  It 'shows what it costs, again and again with -Continuous until a pipeline has enough' {
    Start-KumoiFtPair kvm01-1 -BackupHost kvm02 -CheckpointPeriodMs 5 | Out-Null
    # As soon as it has made more than at first; on a busy computer that takes several looks.
    $seen = [System.Collections.Generic.List[object]]::new()
    $later = Get-KumoiFtPair kvm01-1 -Continuous -IntervalMs 50 | Select-Object -First 400 | Where-Object PauseP50Ms -GT 0 |
      Where-Object { $seen.Add($_); $_.CheckpointCount -gt $seen[0].CheckpointCount } | Select-Object -First 1
    $later | Should -HaveCount 1
    $later.PauseP50Ms | Should -BeGreaterThan 24
    ($later | Format-Table | Out-String -Width 200) | Should -Match 'kvm01-1 +Protected +kvm01 +kvm02'
  }
}

Describe 'What cannot be protected' {
  BeforeEach {
    Reset-Pairs
    $WarningPreference = 'SilentlyContinue'
  }

  It 'is refused with one error, and nothing is begun: <What>' -ForEach @(
    @{ What = 'a pair with itself'; Arguments = @{ VM = 'kvm01-1'; BackupHost = 'kvm01' }; Message = '*cannot be its own backup*' }
    @{ What = 'a host that does not answer'; Arguments = @{ VM = 'kvm01-1'; BackupHost = 'kvm02' }; Fault = 'kvm02'; Message = '*kvm02 could not be asked*' }
    @{ What = 'a VM whose host does not answer'; Arguments = @{ VM = 'kvm01-1'; BackupHost = 'kvm02' }; Fault = 'kvm01'; Message = '*' }
    @{ What = 'a VM that is not there'; Arguments = @{ VM = 'nobody'; BackupHost = 'kvm02' }; Message = "*No VM named 'nobody'*" }
    @{ What = 'a host that is not there'; Arguments = @{ VM = 'kvm01-1'; BackupHost = 'nowhere' }; Message = "*No connected host is named 'nowhere'*" }
  ) {
    $fault = if ($_['Fault']) { Add-KumoiFault $Fault * }
    Start-KumoiFtPair @Arguments -ErrorVariable errors -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
    $fault | Clear-KumoiFault
    @($errors).Count | Should -BeGreaterThan 0
    "$($errors[-1])" | Should -BeLike $Message
    $errors[-1].ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
    Get-KumoiFtPair | Where-Object State -NotIn Stopped, Lost | Should -BeNullOrEmpty
  }

  It 'is refused by an engine that its host does not have' {
    Start-KumoiFtPair kvm01-1 -BackupHost kvm02 -Engine Migrate -AllowUnencrypted -ErrorVariable errors -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
    "$errors" | Should -BeLike '*cannot be protected in this way*'
    $errors[0].ErrorDetails.RecommendedAction | Should -BeLike '*-Engine LibvirtSnapshot*'
    Start-KumoiFtPair kvm01-1 -BackupHost kvm02 -Engine SharedDelta -ErrorVariable errors -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
    "$errors" | Should -BeLike '*does not see the memory of VMs on kvm01*'
    Get-KumoiFtPair | Where-Object State -NotIn Stopped, Lost | Should -BeNullOrEmpty
  }

  It 'is refused where memory lacks on the only backup' {
    $vm = Get-KumoiVM kvm01-1
    $free = (Get-KumoiHost kvm02).FreeMemoryBytes
    New-KumoiVM filler -VMHost kvm02 -MemoryBytes ($free - 1MB) -Start | Out-Null
    Start-KumoiFtPair $vm -BackupHost kvm02 -ErrorVariable errors -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
    "$errors" | Should -BeLike '*memory*'
    Get-KumoiVM kvm01-1 -VMHost kvm02 -ErrorAction Ignore | Should -BeNullOrEmpty
  }

  It 'is left out with a warning where another backup can serve' {
    $free = (Get-KumoiHost kvm02).FreeMemoryBytes
    New-KumoiVM filler -VMHost kvm02 -MemoryBytes ($free - 1MB) -Start | Out-Null
    $pair = Start-KumoiFtPair kvm01-1 -BackupHost kvm02, kvm03 -WarningVariable warnings -WarningAction SilentlyContinue
    $pair.VMHosts | Should -Be kvm01, kvm03
    "$warnings" | Should -BeLike "*kvm02 cannot take over 'kvm01-1', and is left out*"
  }

  It 'is protected already' {
    Start-KumoiFtPair kvm01-1 -BackupHost kvm02 | Out-Null
    Start-KumoiFtPair kvm01-1 -BackupHost kvm03 -ErrorVariable errors -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
    "$errors" | Should -BeLike "*'kvm01-1' is protected already*"
    $errors[0].FullyQualifiedErrorId | Should -BeLike 'InvalidState,*'
  }

  It 'is told by -WhatIf, with what to do, and nothing is begun' {
    $free = (Get-KumoiHost kvm02).FreeMemoryBytes
    New-KumoiVM filler -VMHost kvm02 -MemoryBytes ($free - 1MB) -Start | Out-Null
    $found = Start-KumoiFtPair kvm01-1 -BackupHost kvm02 -WhatIf
    $found | Should -HaveCount 1
    $found.VMHost | Should -Be kvm02
    $found.Message | Should -BeLike '*memory*'
    $found.RecommendedAction | Should -Not -BeNullOrEmpty
    Get-KumoiFtPair | Where-Object State -NE Stopped | Should -BeNullOrEmpty
  }

  It 'is asked for with parameters that contradict each other: <Id>' -ForEach @(
    @{ Id = 'PeriodAndLimits'; Arguments = @{ CheckpointPeriodMs = 100; MaxDowntimeRatio = 0.1 } }
    @{ Id = 'FenceAndNoFence'; Arguments = @{ FenceCommand = 'true'; NoFence = $true } }
    @{ Id = 'FenceCommandNotFound'; Arguments = @{ FenceCommand = '/no/such/program' } }
  ) {
    { Start-KumoiFtPair kvm01-1 -BackupHost kvm02 @Arguments } | Should -Throw -ErrorId "$Id,*"
  }

  It 'is no pair for Get, Stop, Switch and Test' {
    foreach ($command in 'Get-KumoiFtPair', 'Stop-KumoiFtPair', 'Switch-KumoiFtPair', 'Test-KumoiFtPair') {
      & $command nobody -ErrorVariable errors -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
      $errors[0].FullyQualifiedErrorId | Should -BeLike 'NotFound,*'
    }
  }

  It 'has too long a path for its sockets' {
    Start-KumoiFtPair kvm01-1 -BackupHost kvm02 -CheckpointPath "/tmp/$('x' * 60)" -ErrorVariable errors -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
    "$errors" | Should -BeLike '*is too long for the sockets in it*'
  }

  It 'needs a fence or -NoFence, and a place for checkpoints, on real hosts' {
    Connect-TestNode real -VM vm1 | Out-Null
    Connect-TestNode other -VM vm2 | Out-Null
    Start-KumoiFtPair vm1 -BackupHost other -ErrorVariable errors -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
    "$errors" | Should -BeLike '*There is no fence for real*'
    Start-KumoiFtPair vm1 -BackupHost other -NoFence -ErrorVariable errors -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
    "$errors" | Should -BeLike '*The checkpoints need a place*'
  }
}

Describe 'Names of protected VMs' {
  BeforeEach { Reset-Pairs }

  It 'are completed' {
    Start-KumoiFtPair kvm01-1 -BackupHost kvm02 -WarningAction SilentlyContinue | Out-Null
    (TabExpansion2 'Stop-KumoiFtPair kvm').CompletionMatches.CompletionText | Should -Be kvm01-1
  }

  It 'are patterns where they were typed' {
    Start-KumoiFtPair kvm01-1, kvm02-1 -BackupHost kvm03 -WarningAction SilentlyContinue | Out-Null
    (Get-KumoiFtPair kvm0?-1).VM | Should -Be kvm01-1, kvm02-1
    (Stop-KumoiFtPair * -Confirm:$false).State | Should -Be Stopped, Stopped
  }
}

Describe 'A pair by COLO' {
  BeforeEach {
    Reset-Pairs
    $WarningPreference = 'SilentlyContinue'
  }

  It 'runs along at its backup, says so, and goes on there' {
    $pair = Start-KumoiFtPair kvm01-1 -BackupHost kvm02, kvm03 -Mode Colo
    $pair.State, $pair.Mode, $pair.Engine | Should -Be Protected, Colo, Colo
    $pair.ModeHistory.Reason | Should -Be 'the mode was given'
    Switch-KumoiFtPair kvm01-1 | Out-Null # does not wait for the checkpoint that is due in 20 s
    (Wait-Pair kvm01-1 { $_.State -eq 'Protected' }).Primary | Should -Be kvm02
    Stop-KumoiFtPair kvm01-1 | Out-Null
    (Get-KumoiVM kvm01-1* -State Running).VMHost | Should -Be kvm02
  }

  It 'changes its mode as the controller decides, in the history and in the events' {
    Start-KumoiFtPair kvm01-1 -BackupHost kvm02 -Mode Hybrid -Controller MovingAverage -CheckpointPeriodMs 10 -ControllerOption @{
      LimitMs = 60000; MinCheckpoints = 1; StayCheckpoints = 2; ColoPeriodMs = 1000
    } | Out-Null
    $pair = Wait-Pair kvm01-1 { $_.ModeHistory.Count -ge 3 }
    $pair.ModeHistory[0..2].Mode | Should -Be Colo, Checkpoint, Colo
    Get-KumoiEvent -Kind FaultTolerance | Where-Object Message -Like '*goes on in checkpoint mode: checkpoints of COLO are*' | Should -Not -BeNullOrEmpty
  }

  It 'records its checkpoints, from which Measure-KumoiPolicy tells which mode fits the VM' {
    Start-KumoiFtPair kvm01-1 -BackupHost kvm02 -Mode Hybrid -Controller MovingAverage -CheckpointPeriodMs 10 -ControllerOption @{
      LimitMs = 60000; MinCheckpoints = 1; StayCheckpoints = 20; ColoPeriodMs = 1000
    } | Out-Null
    Wait-Pair kvm01-1 { $_.CheckpointCount -ge 25 } | Out-Null
    $results = Get-KumoiFtPair kvm01-1 | Measure-KumoiPolicy -Runs 2 -WarningVariable warnings
    $results.Policy | Should -Contain COLO
    $results.Policy | Should -Contain Checkpoint
    $results.Policy | Should -Contain Learned
    $warnings | Should -BeNullOrEmpty
    ($results | Out-String) | Should -Match 'Downtime'
  }

  It 'says nothing of COLO where no pair of the VM was in it, and that it does not' {
    $folder = (New-Item -ItemType Directory (Join-Path $TestDrive fresh)).FullName # else it is the VM's, with what it did before
    Start-KumoiFtPair kvm01-1 -BackupHost kvm02 -CheckpointPeriodMs 10 -CheckpointPath $folder | Out-Null
    $file = (Wait-Pair kvm01-1 { $_.CheckpointCount -ge 25 }).CheckpointFile
    Measure-KumoiPolicy -CheckpointFile $file -Runs 2 -WarningVariable warnings | ForEach-Object Policy | Should -Be Checkpoint
    $warnings | Should -BeLike '*never in COLO*'
  }

  It 'tells what is wrong with a file that is no record of checkpoints' {
    Set-Content TestDrive:/no.csv 'Name,State'
    { Measure-KumoiPolicy -CheckpointFile TestDrive:/no.csv -ErrorAction Stop } | Should -Throw '*is not a pair''s checkpoints*' -ErrorId 'CheckpointsNotReadable,*'
    { Measure-KumoiPolicy -CheckpointFile TestDrive:/none.csv -ErrorAction Stop } | Should -Throw -ErrorId 'CheckpointsNotReadable,*'
  }

  It 'says which options the controller has, and their range' {
    $failed = { Start-KumoiFtPair kvm01-1 -BackupHost kvm02 -Mode Hybrid -ControllerOption @{ Nope = 1 } } | Should -Throw -PassThru
    $failed.FullyQualifiedErrorId | Should -BeLike 'ControllerOptionInvalid,*'
    $failed.Exception.Message | Should -BeLike '*ExplorationShare*'
    $failed = { Start-KumoiFtPair kvm01-1 -BackupHost kvm02 -Mode Hybrid -Controller Threshold -ControllerOption @{ MinCheckpoints = 0 } } | Should -Throw -PassThru
    $failed.Exception.Message | Should -BeLike '*from 1 to 1000*'
  }

  It 'refuses what does not fit together' {
    { Start-KumoiFtPair kvm01-1 -BackupHost kvm02 -Mode Colo -Engine Migrate } | Should -Throw -ErrorId 'EngineWithoutColo,*'
    { Start-KumoiFtPair kvm01-1 -BackupHost kvm02 -Controller Learned } | Should -Throw -ErrorId 'ControllerWithoutHybrid,*'
    { Start-KumoiFtPair kvm01-1 -BackupHost kvm02 -Mode Hybrid -MaxOutputLatencyMs 100 } | Should -Throw -ErrorId 'LimitsWithColo,*'
  }
}
