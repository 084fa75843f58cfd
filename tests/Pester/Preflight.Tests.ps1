# What stands in the way of migrations, as a user sees it. What is judged is tested in C#.
BeforeAll { . $PSScriptRoot/Fleet.ps1 }

Describe 'Test-KumoiMigration' {
  BeforeAll {
    $gpu = "<domain type='kvm'><name>gpu</name><memory unit='GiB'>1</memory><vcpu>1</vcpu><devices><hostdev mode='subsystem' type='pci'/></devices></domain>"
  }
  BeforeEach {
    Reset-Fleet 'sim://lab?hosts=6&vms=1&running=1&seed=7'
    function New-PassThroughVM { New-KumoiVM -VMHost kvm01 -Xml $gpu -Start }
  }

  It 'checks a VM against all other hosts' {
    $checks = Test-KumoiMigration kvm01-1
    $checks | Should -HaveCount 5
    $checks[0] | Should -BeOfType Kumoi.KumoiMigrationCheck
    $checks.Destination | Should -Be kvm02, kvm03, kvm04, kvm05, kvm06
    $checks.CanMigrate | Should -Not -Contain $false
    $checks[0].VM.Name | Should -Be kvm01-1
    $checks[0].VMHost | Should -Be kvm01
  }

  It 'changes nothing: the VM stays, and nothing is in the journal' {
    $before = @(Get-KumoiOperation).Count
    Test-KumoiMigration kvm01-1 kvm02 | Out-Null
    (Get-KumoiVM kvm01-1).VMHost | Should -Be kvm01
    @(Get-KumoiOperation).Count | Should -Be $before
  }

  It 'takes VMs by the pipeline, as objects and as names' {
    (Get-KumoiVM kvm0[12]-1 | Test-KumoiMigration -Destination kvm03).VMHost | Should -Be kvm01, kvm02
    ('kvm01-1', 'kvm02-1' | Test-KumoiMigration -Destination kvm03).VMHost | Should -Be kvm01, kvm02
    'kvm01-1' | Test-KumoiMigration | Should -HaveCount 5
  }

  It 'takes destinations by the pipeline, in their order' {
    (Get-KumoiHost kvm0[3-5] | Sort-Object Name -Descending | Test-KumoiMigration -VM kvm01-1).Destination | Should -Be kvm05, kvm04, kvm03
    ('kvm05', 'kvm03' | Test-KumoiMigration -VM kvm01-1).Destination | Should -Be kvm05, kvm03
  }

  It 'no destination that came by the pipeline does not mean all' {
    Get-KumoiHost | Where-Object Name -eq none | Test-KumoiMigration -VM kvm01-1 | Should -BeNullOrEmpty
  }

  It 'says which obstacle there is, and what to do' {
    New-KumoiVM filler -VMHost kvm02 -MemoryBytes (Get-KumoiHost kvm02).FreeMemoryBytes -Start
    $full, $own, $good = Test-KumoiMigration kvm01-1 kvm02, kvm01, kvm03
    $full.CanMigrate | Should -BeFalse
    $full.Obstacles.Kind | Should -Be Memory
    $full.Obstacles[0].Message | Should -BeLike 'kvm02 has 0 MiB of memory free*'
    $full.Obstacles[0].RecommendedAction | Should -Not -BeNullOrEmpty
    $own.Obstacles.Kind | Should -Be SameHost
    $good.CanMigrate | Should -BeTrue
    $full | Out-String | Should -Match 'kvm01-1\s+kvm01\s+kvm02\s+False'
  }

  It 'a host in maintenance takes no VMs' {
    Suspend-KumoiHost kvm02 -Confirm:$false | Out-Null
    (Test-KumoiMigration kvm01-1 kvm02, kvm03).Obstacles.Kind | Should -Be Maintenance
    (Move-KumoiVM kvm01-1 kvm02, kvm03 -Speculative -PassThru).VMHost | Should -Be kvm03
    Resume-KumoiHost kvm02 | Out-Null
    (Test-KumoiMigration kvm01-1 kvm02).CanMigrate | Should -BeTrue
  }

  It 'a host that cannot be asked is an obstacle and no error' {
    Add-KumoiFault kvm02 Read -Message 'no route' | Out-Null
    $check = Test-KumoiMigration kvm01-1 kvm02 -ErrorVariable errors 2> $null
    # Finding the VM by its name asks all hosts, and this one does not answer.
    $errors | Should -HaveCount 1
    $check.Obstacles.Kind | Should -Be HostUnreachable
    $vm = Get-KumoiVM kvm01-1 -VMHost kvm01
    ($vm | Test-KumoiMigration -Destination kvm02 -ErrorVariable errors).CanMigrate | Should -BeFalse
    $errors | Should -BeNullOrEmpty
  }

  It "the VM's own host that cannot be asked is an error" {
    $vm = Get-KumoiVM kvm01-1
    Add-KumoiFault kvm01 Read -Message 'no route' | Out-Null
    { $vm | Test-KumoiMigration -ErrorAction Stop } | Should -Throw 'no route'
    { Test-KumoiMigration nobody -ErrorAction Stop } | Should -Throw
  }

  It 'a VM that is off cannot be migrated anywhere' {
    Get-KumoiVM kvm01-1 | Stop-KumoiVM -TurnOff -Confirm:$false
    (Test-KumoiMigration kvm01-1 kvm02, kvm03).Obstacles.Kind | Should -Be NotRunning, NotRunning
  }

  It 'a device of the host is told, and the migration fails by it' {
    $vm = New-PassThroughVM
    $check = $vm | Test-KumoiMigration -Destination kvm02
    $check.Obstacles.Kind | Should -Be Device
    { $vm | Move-KumoiVM -Destination kvm02 -ErrorAction Stop } | Should -Throw $check.Obstacles[0].Message
  }

  It '-Quiet writes only true and false' {
    Test-KumoiMigration kvm01-1 kvm01, kvm02 -Quiet | Should -Be $false, $true
    Test-KumoiMigration kvm01-1 kvm02 -Quiet | Should -BeOfType bool
  }

  Context 'Move-KumoiVM -Speculative' {
    It 'leaves out a destination with an obstacle' {
      New-KumoiVM filler -VMHost kvm02 -MemoryBytes (Get-KumoiHost kvm02).FreeMemoryBytes -Start
      (Move-KumoiVM kvm01-1 kvm02, kvm03 -Speculative -PassThru).VMHost | Should -Be kvm03
    }

    It 'says why where there is no other' {
      New-KumoiVM filler -VMHost kvm02 -MemoryBytes (Get-KumoiHost kvm02).FreeMemoryBytes -Start
      { Move-KumoiVM kvm01-1 kvm02 -Speculative -ErrorAction Stop } | Should -Throw "'kvm01-1' stays on kvm01: kvm02 has 0 MiB of memory free*" -ErrorId 'SpeculationFailed*'
    }

    It 'a VM that cannot be migrated is refused before anything is begun' {
      New-PassThroughVM | Out-Null
      { Move-KumoiVM gpu kvm02, kvm03 -Speculative -ErrorAction Stop } | Should -Throw "'gpu' stays on kvm01: A device of the host (hostdev 'pci') cannot be migrated." -ErrorId 'InvalidState*'
      Get-KumoiOperation | Where-Object { $_.Kind -eq 'SpeculativeMigrate' -and $_.VM -eq 'gpu' } | Should -BeNullOrEmpty
    }
  }
}
