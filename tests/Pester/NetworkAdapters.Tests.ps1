BeforeAll { . "$PSScriptRoot/Fleet.ps1" }

Describe 'Network adapters of VMs' {
  BeforeEach { Reset-Fleet 'sim://lab?hosts=3&vms=2&seed=7' }

  It 'are added while the VM runs and while it is off, and show in the view' {
    Add-KumoiNetworkAdapter kvm01-1 default | Should -BeNullOrEmpty
    (Add-KumoiNetworkAdapter kvm01-1 -Bridge br0 -Model e1000e -MacAddress 52-54-00-AB-CD-EF -Vlan 7 -Disconnected -PassThru).Name | Should -Be kvm01-1
    Get-KumoiVM kvm0*-2 | Add-KumoiNetworkAdapter -NetworkName backup
    $adapters = Get-KumoiNetworkAdapter kvm01-1
    $adapters.Kind | Should -Be Network, Bridge
    $adapters.Source | Should -Be default, br0
    $adapters[0].MacAddress | Should -Match '^52:54:00(:[0-9a-f]{2}){3}$'
    $adapters[0].IsConnected, $adapters[0].Model, $adapters[0].Vlan | Should -Be $true, virtio, $null
    $adapters[1].MacAddress, $adapters[1].IsConnected, $adapters[1].Model, $adapters[1].Vlan | Should -Be 52:54:00:ab:cd:ef, $false, e1000e, 7
    (Get-KumoiVM | Get-KumoiNetworkAdapter).VM | Should -Be kvm01-1, kvm01-1, kvm01-2, kvm02-2, kvm03-2
    (Get-KumoiNetworkAdapter kvm0* *:ab:cd:ef).VM | Should -Be kvm01-1
    $adapters | Out-String -Width 200 | Should -Match '(?m)^kvm01-1 +52:54:00:ab:cd:ef +Bridge +br0 +e1000e +False +7'
  }

  It 'are changed in what is said, and in nothing else' {
    Add-KumoiNetworkAdapter kvm01-1 default -Vlan 7 -MacAddress 52:54:00:00:00:01
    Set-KumoiNetworkAdapter kvm01-1 52:54:00:00:00:01 -Connected $false -InboundKiBPerSec 1024 | Should -BeNullOrEmpty
    $adapter = Get-KumoiNetworkAdapter kvm01-1
    $adapter.IsConnected, $adapter.InboundKiBPerSec, $adapter.OutboundKiBPerSec, $adapter.Vlan, $adapter.Source | Should -Be $false, 1024, $null, 7, default
    $changed = $adapter | Set-KumoiNetworkAdapter -Bridge br1 -Connected $true -Vlan 0 -InboundKiBPerSec 0 -OutboundKiBPerSec 5 -PassThru
    $changed.Kind, $changed.Source, $changed.IsConnected, $changed.Vlan, $changed.InboundKiBPerSec, $changed.OutboundKiBPerSec | Should -Be Bridge, br1, $true, $null, $null, 5
    Get-KumoiNetworkAdapter kvm01-1 | Should -HaveCount 1
  }

  It 'have a filter of their host, which is shown and set' {
    (Get-KumoiNetworkFilter -VMHost kvm01).Name | Should -Be allow-dhcp, clean-traffic, no-mac-spoofing
    (Get-KumoiNetworkFilter no-* | Sort-Object VMHost).VMHost | Should -Be kvm01, kvm02, kvm03
    $filter = Get-KumoiHost kvm02 | Get-KumoiNetworkFilter clean-traffic
    $filter.Chain, $filter.RuleCount | Should -Be root, 0
    $filter.Includes | Should -Be no-mac-spoofing, allow-dhcp
    ([xml]$filter.Xml).filter.name | Should -Be clean-traffic
    $filter | Out-String -Width 200 | Should -Match '(?m)^clean-traffic +kvm02 +root +0 +no-mac-spoofing, allow-dhcp'

    Add-KumoiNetworkAdapter kvm01-1 default -Filter clean-traffic
    Add-KumoiNetworkAdapter kvm01-1 default
    (Get-KumoiNetworkAdapter kvm01-1).Filter | Should -Be clean-traffic, $null
    (Get-KumoiNetworkAdapter kvm01-1 | Set-KumoiNetworkAdapter -Filter no-mac-spoofing -PassThru).Filter | Should -Be no-mac-spoofing, no-mac-spoofing
    (Get-KumoiNetworkAdapter kvm01-1 | Set-KumoiNetworkAdapter -Filter '' -PassThru).Filter | Should -Be $null, $null
    $failed = { Add-KumoiNetworkAdapter kvm01-1 default -Filter none -ErrorAction Stop } | Should -Throw "*no network filter 'none'*" -PassThru
    $failed.FullyQualifiedErrorId | Should -BeLike 'InvalidSpecification,*'
    $failed = { Get-KumoiNetworkAdapter kvm01-1 | Set-KumoiNetworkAdapter -Filter none -ErrorAction Stop } | Should -Throw -PassThru
    $failed.ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
    Get-KumoiNetworkAdapter kvm01-1 | Should -HaveCount 2
  }

  It 'are removed, and one that is gone is fine' {
    Add-KumoiNetworkAdapter kvm01-1 default
    Add-KumoiNetworkAdapter kvm01-1 backup
    $first, $second = Get-KumoiNetworkAdapter kvm01-1
    Remove-KumoiNetworkAdapter kvm01-1 $first.MacAddress -Confirm:$false | Should -BeNullOrEmpty
    $first | Remove-KumoiNetworkAdapter -Confirm:$false
    (Get-KumoiNetworkAdapter kvm01-1).MacAddress | Should -Be $second.MacAddress
    $failed = { $first | Set-KumoiNetworkAdapter -Connected $true -ErrorAction Stop } | Should -Throw -PassThru
    $failed.FullyQualifiedErrorId | Should -BeLike 'AdapterNotFound,*'
  }

  It 'are completed by the addresses that the VM has' {
    Add-KumoiNetworkAdapter kvm01-1 default -MacAddress 52:54:00:00:00:01
    (TabExpansion2 'Remove-KumoiNetworkAdapter kvm01-1 ').CompletionMatches.CompletionText | Should -Be "'52:54:00:00:00:01'"
  }

  It 'refuse <why>, with an id and advice, and nothing is added' -ForEach @(
    @{ why = 'an address that is none'; call = { Add-KumoiNetworkAdapter kvm01-2 default -MacAddress 52:54:00 }; id = 'InvalidSpecification' }
    @{ why = 'an address with more in it'; call = { Add-KumoiNetworkAdapter kvm01-2 default -MacAddress "52:54:00:00:00:0'" }; id = 'InvalidSpecification' }
    @{ why = 'the address of a group'; call = { Add-KumoiNetworkAdapter kvm01-2 default -MacAddress ff:ff:ff:ff:ff:ff }; id = 'InvalidSpecification' }
    @{ why = 'the address of nobody'; call = { Add-KumoiNetworkAdapter kvm01-2 default -MacAddress 00:00:00:00:00:00 }; id = 'InvalidSpecification' }
    @{ why = 'an address that the VM has'; call = { Add-KumoiNetworkAdapter kvm01-1 default -MacAddress 52:54:00:00:00:01 }; id = 'InvalidState' }
    @{ why = 'a name with a control character'; call = { Add-KumoiNetworkAdapter kvm01-2 "a`e[2J" }; id = 'InvalidSpecification' }
    @{ why = 'a bridge and a network'; call = { Set-KumoiNetworkAdapter kvm01-1 * -NetworkName a -Bridge b }; id = 'InvalidSpecification' }
    @{ why = 'a VLAN that is none'; call = { Add-KumoiNetworkAdapter kvm01-2 default -Vlan 4095 }; id = 'ParameterArgumentValidationError' }
    @{ why = 'a VM that is not there'; call = { Add-KumoiNetworkAdapter nobody default }; id = 'NotFound' }
    @{ why = 'an adapter that is not there'; call = { Remove-KumoiNetworkAdapter kvm01-1 52:54:00:00:00:02 -Confirm:$false }; id = 'NotFound' }
    @{ why = 'nothing'; call = { Set-KumoiNetworkAdapter kvm01-1 * }; id = 'NothingToSet' }
  ) {
    Add-KumoiNetworkAdapter kvm01-1 first -MacAddress 52:54:00:00:00:01
    $ErrorActionPreference = 'Stop'
    $failed = { & $call } | Should -Throw -PassThru
    $failed.FullyQualifiedErrorId | Should -BeLike "$id,*"
    if ($id -notlike 'Parameter*') { $failed.ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty }
    Get-KumoiNetworkAdapter kvm01-2 | Should -BeNullOrEmpty
    (Get-KumoiNetworkAdapter kvm01-1).Source | Should -Be first
  }

  It 'name what cannot be an address without what it would do to a terminal' {
    { Add-KumoiNetworkAdapter kvm01-1 default -MacAddress "52:54:00:`e[2J" -ErrorAction Stop } | Should -Throw -PassThru | ForEach-Object { $_.Exception.Message } | Should -Not -Match "`e"
  }

  It 'go back with a snapshot' {
    Checkpoint-KumoiVM kvm01-2 one
    Add-KumoiNetworkAdapter kvm01-2 default
    Restore-KumoiSnapshot kvm01-2 one -Confirm:$false
    Get-KumoiNetworkAdapter kvm01-2 | Should -BeNullOrEmpty
  }
}
