BeforeAll { . "$PSScriptRoot/Fleet.ps1" }

Describe 'Set-KumoiVM' {
  BeforeEach { Reset-Fleet 'sim://lab?hosts=3&vms=2&seed=7' }

  It 'says that the host starts the VM with itself, and that it does not' {
    Set-KumoiVM kvm01-1 -AutoStart | Should -BeNullOrEmpty
    (Get-KumoiVM kvm01-1).IsAutostart | Should -BeTrue
    (Get-KumoiVM kvm01-2).IsAutostart | Should -BeFalse
    (Set-KumoiVM kvm01-1 -AutoStart:$false -PassThru).IsAutostart | Should -BeFalse
  }

  It 'is an error for the VM that fails, and for no other' {
    Add-KumoiFault kvm02 SetAutostart -Message 'read-only' | Out-Null
    Get-KumoiVM | Set-KumoiVM -AutoStart -ErrorVariable failed -ErrorAction SilentlyContinue
    $failed.TargetObject.Name | Should -Be kvm02-1, kvm02-2
    (Get-KumoiVM | Where-Object IsAutostart).VMHost | Sort-Object -Unique | Should -Be kvm01, kvm03
  }

  It 'takes no other VM in the place of one that fails' {
    Add-KumoiFault kvm01 SetAutostart | Out-Null
    Get-KumoiVM | Select-Object -First 1 | Set-KumoiVM -AutoStart -ErrorVariable failed -ErrorAction SilentlyContinue
    $failed | Should -HaveCount 1
    Get-KumoiVM | Where-Object IsAutostart | Should -BeNullOrEmpty
  }
}

Describe 'Set-KumoiVM of CPUs and memory' {
  BeforeEach { Reset-Fleet 'sim://lab?hosts=3&vms=2&seed=7' }

  It 'changes what the VM has from its next start on' {
    $set = Set-KumoiVM kvm01-2 -CpuCount 3 -MemoryBytes 192MB -PassThru
    $set.CpuCount, $set.MemoryBytes | Should -Be 3, 192MB
    (Start-KumoiVM kvm01-2 -PassThru).CpuCount | Should -Be 3
  }

  It 'leaves what it is not told of' {
    $before = Get-KumoiVM kvm01-2
    $set = Set-KumoiVM kvm01-2 -CpuCount 3 -PassThru
    $set.MemoryBytes, $set.IsAutostart | Should -Be $before.MemoryBytes, $false
  }

  It 'refuses <why>' -ForEach @(
    @{ why = 'more CPUs than a VM that runs can have'; prepare = { }; vm = 'kvm01-1'; message = "*'kvm01-1' can have * CPUs while it runs, not 7*" }
    @{ why = 'one with a saved state'; prepare = { Save-KumoiVM kvm01-1 }; vm = 'kvm01-1'; message = "*'kvm01-1' has a saved state*" }
  ) {
    & $prepare
    $before = Get-KumoiVM $vm
    { Set-KumoiVM $vm -CpuCount 7 -AutoStart -ErrorAction Stop } | Should -Throw $message
    $after = Get-KumoiVM $vm
    $after.CpuCount, $after.IsAutostart | Should -Be $before.CpuCount, $before.IsAutostart
  }

  It 'changes what a VM that runs has within what it can have, and what it can have from its next start on' {
    Set-KumoiVM kvm01-2 -CpuCount 2 -MaxCpuCount 8 -MemoryBytes 1GB -MaxMemoryBytes 4GB
    $started = Start-KumoiVM kvm01-2 -PassThru
    $started.CpuCount, $started.MaxCpuCount, $started.AssignedMemoryBytes, $started.MemoryBytes | Should -Be 2, 8, 1GB, 4GB
    $set = Set-KumoiVM kvm01-2 -CpuCount 6 -MemoryBytes 3GB -PassThru -WarningVariable warned
    $set.CpuCount, $set.AssignedMemoryBytes, $set.MemoryBytes | Should -Be 6, 3GB, 4GB
    $warned | Should -BeNullOrEmpty
    { Set-KumoiVM kvm01-2 -MemoryBytes 5GB -ErrorAction Stop } | Should -Throw "*can have 4096 MiB of memory while it runs, not 5120*"
    Set-KumoiVM kvm01-2 -MaxCpuCount 16 -WarningVariable warned -WarningAction SilentlyContinue
    "$warned" | Should -BeLike '*changes when it is stopped and started again*'
    (Get-KumoiVM kvm01-2).MaxCpuCount | Should -Be 8
    Stop-KumoiVM kvm01-2 -TurnOff
    $after = Start-KumoiVM kvm01-2 -PassThru
    $after.CpuCount, $after.MaxCpuCount, $after.AssignedMemoryBytes | Should -Be 6, 16, 3GB
    { Set-KumoiVM kvm01-2 -MaxCpuCount 1 -ErrorAction Stop } | Should -Throw "*cannot have 6 CPUs of at most 1*"
  }

  It 'changes all or nothing' {
    Add-KumoiFault kvm01 SetAutostart | Out-Null
    $before = Get-KumoiVM kvm01-2
    { Set-KumoiVM kvm01-2 -CpuCount 7 -MemoryBytes 99MB -AutoStart -ErrorAction Stop } | Should -Throw '*injected fault*'
    $after = Get-KumoiVM kvm01-2
    $after.CpuCount, $after.MemoryBytes | Should -Be $before.CpuCount, $before.MemoryBytes
  }

  It 'says that there is nothing to set' {
    { Set-KumoiVM kvm01-2 } | Should -Throw 'There is nothing to set.'
  }
}

Describe 'Rename-KumoiVM' {
  BeforeEach { Reset-Fleet 'sim://lab?hosts=3&vms=2&seed=7' }

  It 'gives a VM that is off another name, under which it is found, and it is the same VM' {
    $before = Get-KumoiVM kvm01-2
    Rename-KumoiVM kvm01-2 db1 | Should -BeNullOrEmpty
    Get-KumoiVM kvm01-2 | Should -BeNullOrEmpty
    (Get-KumoiVM db1).Id | Should -Be $before.Id
    (Rename-KumoiVM db1 db1 -PassThru).Name | Should -Be db1
  }

  It 'makes each name of its own VM' {
    $before = Get-KumoiVM -State Shutoff
    $renamed = $before | Rename-KumoiVM -NewName { $_.Name -replace '^kvm', 'web' } -PassThru
    $renamed.Name | Should -Be web01-2, web02-2, web03-2
    $renamed.Id | Should -Be $before.Id
  }

  It 'refuses <why>, and changes nothing' -ForEach @(
    @{ why = 'a VM that runs'; vm = 'kvm01-1'; name = 'db1'; message = "*'kvm01-1' is Running: only a VM that is off is renamed*" }
    @{ why = 'a name that another has'; vm = 'kvm01-2'; name = 'kvm01-1'; message = "*already has a VM 'kvm01-1'*" }
    @{ why = 'a name that no VM can have'; vm = 'kvm01-2'; name = "a`nb"; message = '*name*' }
    @{ why = 'a name with a slash'; vm = 'kvm01-2'; name = 'a/b'; message = '*name*' }
  ) {
    $before = (Get-KumoiVM).Name
    { Rename-KumoiVM $vm $name -ErrorAction Stop } | Should -Throw $message
    (Get-KumoiVM).Name | Should -Be $before
  }
}

Describe 'Save-KumoiVM' {
  BeforeEach { Reset-Fleet 'sim://lab?hosts=3&vms=2&seed=7' }

  It 'turns the VM off with its state, and its next start goes on from there' {
    $saved = Save-KumoiVM kvm01-1 -PassThru
    $saved.State, $saved.HasSavedState | Should -Be Shutoff, $true
    $started = Start-KumoiVM kvm01-1 -PassThru
    $started.State, $started.HasSavedState | Should -Be Running, $false
  }

  It 'keeps a VM paused that was paused' {
    Suspend-KumoiVM kvm01-1
    Save-KumoiVM kvm01-1
    (Start-KumoiVM kvm01-1 -PassThru).State | Should -Be Paused
    Resume-KumoiVM kvm01-1
    Stop-KumoiVM kvm01-1 -TurnOff
    (Start-KumoiVM kvm01-1 -PassThru).State | Should -Be Running
  }

  It 'refuses a VM that is off, and saves the others' {
    Get-KumoiVM kvm01-* | Save-KumoiVM -ErrorVariable failed -ErrorAction SilentlyContinue
    $failed.Exception.Message | Should -BeLike "*'kvm01-2' is Shutoff: only a VM that runs or is paused is saved*"
    (Get-KumoiVM | Where-Object HasSavedState).Name | Should -Be kvm01-1
  }
}

Describe 'Wait-KumoiVM' {
  BeforeEach { Reset-Fleet 'sim://lab?hosts=3&vms=2&seed=7' }

  It 'gives the VMs that are in the state, in the order in which they came' {
    (Get-KumoiVM -State Running | Wait-KumoiVM).Name | Should -Be kvm01-1, kvm02-1, kvm03-1
    (Wait-KumoiVM kvm02-2 -State Shutoff).State | Should -Be Shutoff
  }

  It 'is an error for each VM that is not in it in time, and says what it is instead' {
    $there = Get-KumoiVM kvm01-* | Wait-KumoiVM -TimeoutSec 0 -ErrorVariable failed -ErrorAction SilentlyContinue
    $there.Name | Should -Be kvm01-1
    $failed.Exception.Message | Should -BeLike "'kvm01-2' is Shutoff after 0 s, and not Running."
    $failed.FullyQualifiedErrorId | Should -BeLike TimedOut*
    $failed.TargetObject.Name | Should -Be kvm01-2
  }

  It 'says that a VM was removed meanwhile' {
    $vm = Get-KumoiVM kvm01-2
    Remove-KumoiVM kvm01-2 -Force
    { $vm | Wait-KumoiVM -ErrorAction Stop } | Should -Throw "*'kvm01-2' is no longer on kvm01*"
  }
}

Describe 'A fault of one call' {
  BeforeEach { Reset-Fleet 'sim://lab?hosts=3&vms=2&seed=7' }

  It 'hits that call, and no other of its group' {
    Add-KumoiFault kvm01 suspendvm | Out-Null
    { Suspend-KumoiVM kvm01-1 -ErrorAction Stop } | Should -Throw 'injected fault'
    Stop-KumoiVM kvm01-1 -TurnOff
    (Get-KumoiFault).Hits | Should -Be 1
  }

  It 'hits a phase of a speculative move, which goes to the other target' {
    Add-KumoiFault kvm02 FinishMigration | Out-Null
    Move-KumoiVM kvm01-1 kvm02, kvm03 -Speculative -Replicas 2
    (Get-KumoiVM kvm01-1).VMHost | Should -Be kvm03
  }

  It 'is refused under a name that no call has' {
    { Add-KumoiFault kvm01 Reed } | Should -Throw "*'Reed' is not an operation*ReadHost*"
  }
}
