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
