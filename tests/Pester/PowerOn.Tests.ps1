# Starting a VM on one of several hosts, as a user sees it. The protocol itself is tested in C#, with every death of the controller.
BeforeAll { . $PSScriptRoot/Fleet.ps1 }

Describe 'New-KumoiVM -Speculative' {
  BeforeEach {
    $script:state, $env:KUMOI_STATE = $env:KUMOI_STATE, (Join-Path $TestDrive ([guid]::NewGuid()))
    Reset-Fleet 'sim://lab?hosts=6&vms=1&running=1&seed=7'
    $WarningPreference = 'SilentlyContinue'
  }

  AfterEach { $env:KUMOI_STATE = $script:state }

  It 'makes one VM, which runs, and leaves nothing on the other hosts' {
    $vm = New-KumoiVM web -VMHost kvm0[1-3] -Speculative -Replicas 3
    $vm | Should -HaveCount 1
    $vm.State | Should -Be Running
    $vm.VMHost | Should -BeIn kvm01, kvm02, kvm03
    (Get-KumoiVM web).Id | Should -Be $vm.Id
    Get-KumoiVM | Should -HaveCount 7
    Get-KumoiOperation -Unfinished -VM web | Should -BeNullOrEmpty
  }

  It 'takes its hosts from the pipeline, the preferred first' {
    (Get-KumoiHost kvm0[2-4] | Sort-Object Name -Descending | New-KumoiVM web -Speculative -Replicas 1).VMHost | Should -Be kvm04
    Get-KumoiVM web | Should -HaveCount 1
  }

  It 'takes the next host for each that fails, without an error' {
    Add-KumoiFault kvm01 Define -Message 'no room' | Out-Null
    Add-KumoiFault kvm02 Start -Message 'no image' | Out-Null
    (New-KumoiVM web -VMHost kvm01, kvm02, kvm03 -Speculative -Replicas 2 -ErrorVariable errors).VMHost | Should -Be kvm03
    $errors | Should -BeNullOrEmpty
    Get-KumoiVM web | Should -HaveCount 1
  }

  It 'where all fail nothing is left, and the first cause is the error' {
    Add-KumoiFault kvm0[12] Start -Message 'no image' -FaultDomain Host | Out-Null
    New-KumoiVM web -VMHost kvm01, kvm02 -Speculative -ErrorVariable errors -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
    $errors | Should -HaveCount 1
    $errors[0].FullyQualifiedErrorId | Should -BeLike 'SpeculationFailed*'
    $errors[0].Exception.Message | Should -Be "'web' was not made: no image"
    Get-KumoiVM web -ErrorAction Ignore | Should -BeNullOrEmpty
  }

  It 'asks as many hosts as the journal says are needed with -Replicas Auto' {
    # Two of the prior's reliability reach 0.98.
    New-KumoiVM auto -VMHost kvm0[1-5] -Speculative -Replicas Auto -WantedSuccess 0.98 | Out-Null
    (Get-KumoiOperation -VM auto | Where-Object Kind -eq Define) | Should -HaveCount 2
  }

  It 'makes nothing with -WhatIf, and nothing without the journal' {
    New-KumoiVM web -VMHost kvm01, kvm02 -Speculative -WhatIf
    $before, $env:KUMOI_STATE = $env:KUMOI_STATE, '/dev/null/nowhere'
    try { { New-KumoiVM web -VMHost kvm01, kvm02 -Speculative -ErrorAction Stop } | Should -Throw -ErrorId 'Journal*' }
    finally { $env:KUMOI_STATE = $before }
    Get-KumoiVM | Should -HaveCount 6
  }

  It 'needs a name of its own' {
    { Get-KumoiHost kvm01, kvm02 | New-KumoiVM -Speculative -ErrorAction Stop } | Should -Throw -ErrorId 'NameMissing*'
  }

  It 'takes XML, and keeps one id for all copies' {
    $vm = New-KumoiVM -Xml '<domain type="kvm"><name>fromxml</name><memory unit="MiB">64</memory></domain>' -VMHost kvm01, kvm02 -Speculative
    $vm.Name | Should -Be fromxml
    $vm.MemoryBytes | Should -Be 64MB
    Get-KumoiVM fromxml | Should -HaveCount 1
  }

  It 'an overlay of a template is made' {
    (New-KumoiVM overlaid -VMHost kvm01, kvm02 -DiskTemplatePath /images/base.qcow2 -Speculative).State | Should -Be Running
    (Get-KumoiOperation -VM overlaid | Where-Object Kind -eq Define)[0].Details | Should -BeLike '*"template":"/images/base.qcow2"*'
  }
}

Describe 'Start-KumoiVM -Speculative' {
  BeforeEach {
    Reset-Fleet 'sim://lab?hosts=6&vms=1&running=0&seed=7'
    $WarningPreference = 'SilentlyContinue'
  }

  It 'starts the VM on one of the hosts, to which it goes' {
    $before = Get-KumoiVM kvm01-1
    $vm = Start-KumoiVM kvm01-1 -Speculative -Destination kvm02, kvm03 -Replicas 1 -PassThru
    $vm.VMHost | Should -Be kvm02
    $vm.Id | Should -Be $before.Id
    $vm.State | Should -Be Running
    Get-KumoiVM kvm01-1 | Should -HaveCount 1
  }

  It 'starts many VMs, each on one of the same hosts' {
    $started = Get-KumoiVM kvm01-1, kvm02-1 | Start-KumoiVM -Speculative -Destination kvm05, kvm06 -Replicas 1 -PassThru
    $started.VMHost | Should -Be kvm05, kvm05
  }

  It 'stays where it is when its own host wins' {
    Add-KumoiFault kvm02 Define | Out-Null
    (Start-KumoiVM kvm01-1 -Speculative -Destination kvm02, kvm01 -PassThru).VMHost | Should -Be kvm01
  }

  It 'stays off on its host when none lets it run' {
    Add-KumoiFault kvm0[23] Start -Message 'no image' | Out-Null
    Start-KumoiVM kvm01-1 -Speculative -Destination kvm02, kvm03 -ErrorVariable errors -ErrorAction SilentlyContinue
    $errors[0].Exception.Message | Should -Be "'kvm01-1' stays off on kvm01: no image"
    (Get-KumoiVM kvm01-1).State | Should -Be Shutoff
    (Get-KumoiVM kvm01-1).VMHost | Should -Be kvm01
  }

  It 'refuses a VM that runs' {
    Start-KumoiVM kvm01-1
    { Start-KumoiVM kvm01-1 -Speculative -Destination kvm02 -ErrorAction Stop } | Should -Throw -ErrorId 'InvalidState*'
  }

  It 'refuses <Parameters>' -ForEach @(
    @{ Parameters = '-Speculative' }
    @{ Parameters = '-Destination kvm02' }
    @{ Parameters = '-Speculative -Destination kvm02 -Paused' }
  ) {
    { Invoke-Expression "Start-KumoiVM kvm01-1 $Parameters" } | Should -Throw -ErrorId 'DestinationMismatch*'
  }

  It 'refuses two delays' {
    { Start-KumoiVM kvm01-1 -Speculative -Destination kvm02 -HedgePercentile 95 -HedgeDelaySec 5 } | Should -Throw -ErrorId 'TwoHedgeDelays*'
  }
}

Describe 'What is left of an operation on several hosts' {
  BeforeEach {
    $script:state, $env:KUMOI_STATE = $env:KUMOI_STATE, (Join-Path $TestDrive ([guid]::NewGuid()))
    Reset-Fleet 'sim://lab?hosts=6&vms=1&running=0&seed=7'
    # kvm02 takes a copy, and then does not let go of it.
    Add-KumoiFault kvm02 Stop -Message 'silent' | Out-Null
    Add-KumoiFault kvm02 Start -Message 'no image' | Out-Null
    New-KumoiVM web -VMHost kvm02, kvm03 -Speculative -WarningVariable warnings -WarningAction SilentlyContinue | Out-Null
    $script:warning = $warnings.Message
    Clear-KumoiFault
  }

  AfterEach { $env:KUMOI_STATE = $script:state }

  It 'is told by a warning that says how to remove it' {
    $script:warning | Should -BeLike "kvm02 may still hold a copy of 'web'*Repair-KumoiOperation"
    (Get-KumoiVM web).VMHost | Should -Be kvm02, kvm03
  }

  It 'is an unfinished operation, and is removed by its repair' {
    $unfinished = Get-KumoiOperation -Unfinished
    $unfinished.Kind | Should -Be SpeculativeStart
    $result = $unfinished | Repair-KumoiOperation
    $result.IsRepaired | Should -BeTrue
    $result.VMHost | Should -Be kvm03
    (Get-KumoiVM web).VMHost | Should -Be kvm03
    Get-KumoiOperation -Unfinished | Should -BeNullOrEmpty
  }

  It 'is found and removed without the journal too' {
    $env:KUMOI_STATE = Join-Path $TestDrive ([guid]::NewGuid())
    Get-KumoiOperation -Unfinished | Should -BeNullOrEmpty
    $orphan = Get-KumoiOperation -Orphaned
    $orphan.Kind | Should -Be SpeculativeStart
    $orphan.VM | Should -Be web
    ($orphan | Repair-KumoiOperation).Message | Should -Be "'web' runs on kvm03."
    (Get-KumoiVM web).VMHost | Should -Be kvm03
    Get-KumoiOperation -Orphaned | Should -BeNullOrEmpty
  }

  It 'without the journal, is left alone while a host of the operation does not answer' {
    $env:KUMOI_STATE = Join-Path $TestDrive ([guid]::NewGuid())
    $orphan = Get-KumoiOperation -Orphaned
    Add-KumoiFault kvm03 Read -Message 'silent' | Out-Null
    $result = $orphan | Repair-KumoiOperation -WarningAction SilentlyContinue
    $result.IsRepaired | Should -BeFalse
    $result.Message | Should -BeLike '*kvm03 does not.'
    Clear-KumoiFault
    (Get-KumoiVM web).VMHost | Should -Be kvm02, kvm03
  }

  It 'stays unfinished while its host does not answer' {
    Add-KumoiFault kvm02 Stop -Message 'silent' | Out-Null
    $result = Get-KumoiOperation -Unfinished -WarningAction SilentlyContinue | Repair-KumoiOperation -WarningAction SilentlyContinue
    $result.IsRepaired | Should -BeFalse
    $result.Message | Should -BeLike "'web' runs on kvm03. Something may be left*kvm02*"
    Clear-KumoiFault
    (Get-KumoiOperation -Unfinished | Repair-KumoiOperation).IsRepaired | Should -BeTrue
  }
}

Describe 'Move-KumoiVM -Speculative -Strict' {
  BeforeEach { Reset-Fleet 'sim://lab?hosts=6&vms=1&running=1&seed=7' }

  It 'moves the VM, which runs' {
    $moved = Move-KumoiVM kvm01-1 kvm03, kvm04 -Speculative -Strict -PassThru
    $moved.State | Should -Be Running
    Get-KumoiVM kvm01-1 | Should -HaveCount 1
  }
}
