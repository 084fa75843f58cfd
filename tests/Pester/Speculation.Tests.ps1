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
    (Get-KumoiEvent -Kind Speculation | Where-Object OperationId -eq $operation.Id).VMHost | Should -Be kvm03, kvm03
    Get-KumoiOperation -Unfinished | Where-Object Kind -eq SpeculativeMigrate | Should -BeNullOrEmpty
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
