# Log and replay on simulated fleets, and recordings that are kept.
BeforeAll {
  . $PSScriptRoot/Fleet.ps1
  . $PSScriptRoot/Pairs.ps1
}

AfterAll { Stop-KumoiFtPair * -ErrorAction Ignore | Out-Null }

Describe 'A pair by log and replay' {
  BeforeEach {
    Reset-Pairs
    $WarningPreference = 'SilentlyContinue'
  }

  It 'begins with a VM that is off, starts it, and goes on at its backup' {
    New-KumoiVM small -VMHost kvm01 -Minimal -CpuCount 1 -MemoryBytes 64MB | Out-Null
    $pair = Start-KumoiFtPair small -BackupHost kvm02, kvm03 -Mode LogReplay
    $pair.State, $pair.Mode, $pair.Engine | Should -Be Protected, LogReplay, LogReplay
    (Get-KumoiVM small -State Running).VMHost | Should -Be kvm01
    Switch-KumoiFtPair small | Out-Null
    (Wait-Pair small { $_.State -eq 'Protected' }).Primary | Should -Be kvm02
    Stop-KumoiFtPair small | Out-Null
    (Get-KumoiVM small -State Running).VMHost | Should -Be kvm02
  }

  It 'refuses <why>, and says which mode fits instead' -ForEach @(
    @{ why = 'a VM that runs, which was not recorded from its boot'; cpus = 1; start = $true; message = '*QEMU cannot begin in its middle*' }
    @{ why = 'a VM of two CPUs'; cpus = 2; start = $false; message = '*2 virtual CPUs*' }
  ) {
    New-KumoiVM small -VMHost kvm01 -Minimal -CpuCount $cpus -MemoryBytes 64MB -Start:$start | Out-Null
    $failed = { Start-KumoiFtPair small -BackupHost kvm02 -Mode LogReplay -ErrorAction Stop } | Should -Throw $message -PassThru
    $failed.ErrorDetails.RecommendedAction | Should -BeLike '*-Mode Checkpoint*'
    Get-KumoiFtPair | Should -BeNullOrEmpty
  }

  It 'refuses what does not fit together' {
    { Start-KumoiFtPair kvm01-1 -BackupHost kvm02 -Mode LogReplay -Engine Migrate } | Should -Throw -ErrorId 'EngineWithoutLogReplay,*'
    { Start-KumoiFtPair kvm01-1 -BackupHost kvm02 -Mode LogReplay -MaxOutputLatencyMs 100 } | Should -Throw -ErrorId 'LimitsWithLogReplay,*'
    { Start-KumoiFtPair kvm01-1 -BackupHost kvm02 -KeepLog } | Should -Throw -ErrorId 'KeepLogWithoutLogReplay,*'
    { Start-KumoiFtPair kvm01-1 -BackupHost kvm02 -Mode LogReplay -KeepLogBytes 1GB } | Should -Throw -ErrorId 'KeepLogBytesWithoutKeepLog,*'
  }

  It 'says of a simulated VM that nothing of it is recorded' {
    New-KumoiVM small -VMHost kvm01 -Minimal -CpuCount 1 -MemoryBytes 64MB | Out-Null
    $pair = Start-KumoiFtPair small -BackupHost kvm02 -Mode LogReplay -KeepLog -WarningVariable warnings
    "$warnings" | Should -BeLike '*no log is kept*'
    $pair.RecordingPath | Should -BeNullOrEmpty
  }
}

Describe 'A recording' {
  BeforeAll {
    Reset-Pairs
    # As a pair with -KeepLog leaves it: two outputs, and a log that has them.
    $script:noon = [datetime]::new(2026, 1, 2, 12, 0, 0, [System.DateTimeKind]::Utc)
    $script:kept = Join-Path $TestDrive recordings/20260102T120001Z-00000000
    New-Item -ItemType Directory $script:kept | Out-Null
    function New-Moment { param($Second) @{ Moment = @{ At = $script:noon.AddSeconds($Second).ToString('o'); Count = 1000 * $Second; From = 0; To = $Second; Hash = ''; LogBytes = 10 * $Second } } | ConvertTo-Json -Compress }
    '{"Qemu":"10.0.13","Host":"kvm01"}', (New-Moment 1), (New-Moment 3) | Set-Content (Join-Path $script:kept moments)
    @{ Recording = '0' * 32; Until = $script:noon.AddSeconds(5).ToString('o'); LogBytes = 30 } | ConvertTo-Json | Set-Content (Join-Path $script:kept recording.json)
    [System.IO.File]::WriteAllBytes((Join-Path $script:kept log), [byte[]]::new(30))
    '' | Set-Content (Join-Path $script:kept start.qcow2)
    "<domain type='qemu'><name>counter</name><uuid>$([guid]::NewGuid())</uuid><memory unit='MiB'>64</memory><devices/></domain>" | Set-Content (Join-Path $script:kept domain.xml)
    $script:told = '*instruction 1000, 1 bytes of output*'
  }

  It 'is found by an instant, and -WhatIf says where the VM would stand' {
    $plan = & $env:KUMOI_PWSH -NoProfile -Command "Import-Module '$env:KUMOI_MODULE'; Connect-KumoiHost 'sim://lab?hosts=1' | Out-Null; Restore-KumoiVM '$(Split-Path $script:kept)' ([datetime]::new(2026, 1, 2, 12, 0, 2, [System.DateTimeKind]::Utc)) -VMHost kvm01 -WhatIf"
    "$plan" | Should -BeLike $script:told
    "$plan" | Should -BeLike "*'counter-replay'*"
  }

  It 'cannot be replayed by a simulated host, which says so and leaves nothing' {
    $failed = { Restore-KumoiVM $script:kept -VMHost kvm01 -ErrorAction Stop } | Should -Throw -ErrorId 'NotSupported,*' -PassThru
    "$failed" | Should -BeLike '*kvm01 is simulated: it has no QEMU*'
    Get-ChildItem -Directory $script:kept | Should -BeNullOrEmpty
    Get-KumoiVM *-replay | Should -BeNullOrEmpty
  }

  It 'has no instant <why>, and the error says where it begins and ends' -ForEach @(
    @{ why = 'before its first output'; second = 0 }
    @{ why = 'after its end'; second = 6 }
  ) {
    $failed = { Restore-KumoiVM $script:kept $script:noon.AddSeconds($second) -VMHost kvm01 -ErrorAction Stop } |
      Should -Throw -ErrorId 'InvalidSpecification,*' -PassThru
    "$failed" | Should -BeLike "*$($script:noon.AddSeconds(1).ToLocalTime().ToString('HH:mm:ss.fff'))*$($script:noon.AddSeconds(5).ToLocalTime().ToString('HH:mm:ss.fff'))*"
  }

  It 'that is not there is an error' {
    Restore-KumoiVM $TestDrive/nothing -VMHost kvm01 -ErrorAction SilentlyContinue -ErrorVariable failed
    $failed.FullyQualifiedErrorId | Should -Be 'InvalidSpecification,Kumoi.PowerShell.Cmdlets.RestoreKumoiVMCommand'
  }

  It 'that is not whole leads to the last output that is there, with a warning' {
    [System.IO.File]::WriteAllBytes((Join-Path $script:kept log), [byte[]]::new(29))
    try { Restore-KumoiVM $script:kept -VMHost kvm01 -WhatIf -WarningVariable warnings -WarningAction SilentlyContinue 6>$null }
    finally { [System.IO.File]::WriteAllBytes((Join-Path $script:kept log), [byte[]]::new(30)) }
    "$warnings" | Should -BeLike '*not whole*'
  }
}
