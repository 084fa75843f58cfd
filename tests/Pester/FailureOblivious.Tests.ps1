BeforeAll { . $PSScriptRoot/Fleet.ps1 }

Describe 'Failure-oblivious reads' {
  BeforeEach {
    Reset-Fleet 'sim://lab?hosts=7&vms=2&seed=7'
    Add-KumoiFault kvm03 Read -Message 'down' | Out-Null
  }

  It 'a host that cannot be read stands there with typed defaults' {
    $hosts = Get-KumoiHost -FailureOblivious -WarningVariable warnings -WarningAction SilentlyContinue -ErrorVariable errors
    $hosts | Should -HaveCount 7
    $masked = $hosts | Where-Object IsMasked
    $masked.Name | Should -Be kvm03
    # Pessimistic: a dead host does not look idle.
    $masked.CpuRatio | Should -Be 1
    $masked.FreeMemoryBytes | Should -Be 0
    $masked.VMs | Should -BeNullOrEmpty
    $errors | Should -BeNullOrEmpty
    $warnings.Message | Should -Be '1 failure was masked: kvm03: down'
  }

  It 'with other defaults: <name>' -ForEach @(
    @{ name = 'zero'; arguments = @{ MaskMode = 'Zero' }; ratio = 0 }
    @{ name = 'given'; arguments = @{ MaskedValue = @{ CpuRatio = 0.5 } }; ratio = 0.5 }
  ) {
    (Get-KumoiHost kvm03 -FailureOblivious @arguments -WarningAction SilentlyContinue).CpuRatio | Should -Be $ratio
  }

  It 'with the last good reading, and its age' {
    Clear-KumoiFault
    $good = Get-KumoiHost kvm03
    Add-KumoiFault kvm03 Read | Out-Null
    $last = Get-KumoiHost kvm03 -FailureOblivious -MaskMode LastKnown -WarningAction SilentlyContinue
    $last.IsMasked | Should -BeTrue
    $last.CpuRatio | Should -Be $good.CpuRatio
    $last.CapturedAt | Should -Be $good.CapturedAt
  }

  It 'a host that cannot be read attracts nothing, by whatever hosts are chosen: <text>' -ForEach @(
    @{ text = 'Sort-Object CpuRatio' }
    @{ text = 'Sort-Object VMCount' }
    @{ text = 'Sort-Object RunningVMCount' }
    @{ text = 'Sort-Object FreeMemoryBytes -Descending' }
    @{ text = 'Sort-Object MemoryBytes -Descending' }
    @{ text = 'Sort-Object CpuCount -Descending' }
  ) {
    $hosts = . ([scriptblock]::Create("Get-KumoiHost -FailureOblivious -WarningAction SilentlyContinue | $text"))
    $hosts[-1].Name | Should -Be kvm03
    $hosts[-1].IsMasked | Should -BeTrue
  }

  It 'a host whose own tags cannot be read matches only those that were given when connecting' {
    $tag = (Get-KumoiHost kvm01).Tags[0]
    (Get-KumoiHost -FailureOblivious -Tag $tag -WarningAction SilentlyContinue -WarningVariable warnings).Name | Should -Not -Contain kvm03
    $warnings | Should -HaveCount 1
    Disconnect-KumoiHost *
    Connect-KumoiHost 'sim://lab?hosts=7&vms=2&seed=7' -Tag mine | Out-Null
    (Get-KumoiHost -FailureOblivious -Tag mine -WarningAction SilentlyContinue).Name | Should -Contain kvm03
  }

  It 'a value for what is no property is an error' {
    { Get-KumoiHost kvm03 -FailureOblivious -MaskedValue @{ Nonsense = 1 } -WarningAction SilentlyContinue } | Should -Throw '*Nonsense*'
  }

  It 'is told also where a later command has enough' {
    $null = Get-KumoiHost -FailureOblivious -WarningVariable warnings -WarningAction SilentlyContinue | Select-Object -First 5
    $warnings.Message | Should -Be '1 failure was masked: kvm03: down'
  }

  It 'VMs of a host that cannot be read are left out' {
    (Get-KumoiVM -FailureOblivious -WarningAction SilentlyContinue).VMHost | Select-Object -Unique | Should -Be kvm01, kvm02, kvm04, kvm05, kvm06, kvm07
  }

  It 'each masked failure is an information record' {
    $null = Get-KumoiHost -FailureOblivious -InformationVariable told -WarningAction SilentlyContinue
    $told.Tags | Should -Be FailureOblivious
    $told.MessageData.Description | Should -Be 'Get-KumoiHost: kvm03: down'
  }

  It 'for a whole session with $KumoiPreference, but for one call' {
    $KumoiPreference.FailureOblivious = $true
    try {
      Get-KumoiHost -WarningAction SilentlyContinue | Should -HaveCount 7
      Get-KumoiHost -FailureOblivious:$false -ErrorAction SilentlyContinue | Should -HaveCount 6
    }
    finally { $KumoiPreference.FailureOblivious = $false }
  }
}

Describe 'Failure-oblivious writes' {
  BeforeEach { Reset-Fleet 'sim://lab?hosts=7&vms=2&seed=7' }

  It 'deploy with one of seven hosts bad: six VMs with, and with -ErrorAction Stop fewer without' {
    Add-KumoiFault kvm05 Define | Out-Null
    $with = Get-KumoiHost | New-KumoiVM -Name { "a-$($_.Name)" } -FailureOblivious -ErrorAction Stop -WarningAction SilentlyContinue
    $with | Should -HaveCount 6
    # As the paper's script without it: one after the other, until the first failure.
    $without = @()
    try { foreach ($h in Get-KumoiHost) { $without += New-KumoiVM -Name "b-$h" -VMHost $h -ErrorAction Stop } } catch { $caught = $_ }
    $without | Should -HaveCount 4
    $caught | Should -Not -BeNullOrEmpty
  }

  It 'what lineage could replace is replaced, and only the rest is masked' {
    Add-KumoiFault kvm01 Define | Out-Null
    (Get-KumoiHost | Select-Object -First 3 | New-KumoiVM -Name { "a-$($_.Name)" } -FailureOblivious -WarningAction SilentlyContinue).VMHost | Should -Be kvm02, kvm03, kvm04
    Add-KumoiFault * Define | Out-Null
    Get-KumoiHost | Select-Object -First 3 | New-KumoiVM -Name { "b-$($_.Name)" } -FailureOblivious -WarningVariable warnings -WarningAction SilentlyContinue -ErrorVariable errors | Should -BeNullOrEmpty
    $errors | Should -BeNullOrEmpty
    $warnings.Message | Should -BeLike '3 failures were masked:*'
  }

  It 'an unknown outcome is an error even so' {
    Add-KumoiFault kvm01 Start -OutcomeUnknown | Out-Null
    Start-KumoiVM kvm01-2 -FailureOblivious -ErrorVariable errors -ErrorAction SilentlyContinue
    $errors | Should -HaveCount 1
  }

  It 'a substitute whose outcome is unknown is an error too' {
    Start-KumoiVM kvm05-1
    Add-KumoiFault kvm01 Migrate -Message 'no room' -FaultDomain Host | Out-Null
    Add-KumoiFault kvm02 Migrate -Message 'answer lost' -OutcomeUnknown -FaultDomain Host | Out-Null
    Get-KumoiHost kvm01, kvm02 | Select-Object -First 1 | Move-KumoiVM -VM kvm05-1 -FailureOblivious -ErrorVariable errors -ErrorAction SilentlyContinue
    $errors | Should -HaveCount 1
    $errors[0].ErrorDetails.Message | Should -BeLike 'no room. answer lost*'
  }
}
