BeforeAll { . "$PSScriptRoot/Fleet.ps1" }

Describe 'Virtual networks' {
  BeforeEach { Reset-Fleet 'sim://lab?hosts=3&vms=2&seed=7' }

  It 'are read of all hosts, of some, and by name' {
    (Get-KumoiNetwork).VMHost | Should -Be kvm01, kvm02, kvm03
    $network = Get-KumoiNetwork default -VMHost kvm02
    $network.Kind, $network.Bridge, $network.IsActive, $network.Addresses | Should -Be Nat, virbr0, $true, 192.168.122.1/24
    (Get-KumoiHost kvm03 | Get-KumoiNetwork d*).VMHost | Should -Be kvm03
    { Get-KumoiNetwork lan -VMHost kvm01 -ErrorAction Stop } | Should -Throw "*no network 'lan'*"
    $network | Out-String -Width 200 | Should -Match '(?m)^default +kvm02 +yes +Nat +virbr0 +192\.168\.122\.1/24 +192\.168\.122\.2-192\.168\.122\.254'
  }

  It 'are made, stopped, started and removed' {
    $made = Get-KumoiHost kvm01, kvm02 | New-KumoiNetwork lan 10.5.0.0/24
    $made.VMHost | Should -Be kvm01, kvm02
    $made[0].Addresses, $made[0].DhcpRanges, $made[0].IsActive, $made[0].IsAutostart | Should -Be 10.5.0.1/24, 10.5.0.2-10.5.0.254, $true, $true
    Stop-KumoiNetwork lan -VMHost kvm01 | Should -BeNullOrEmpty
    (Get-KumoiNetwork lan -VMHost kvm01).IsActive | Should -BeFalse
    { Get-KumoiDhcpLease lan -VMHost kvm01 -ErrorAction Stop } | Should -Throw '*is not active*'
    (Get-KumoiNetwork lan | Start-KumoiNetwork -PassThru).IsActive | Should -Be $true, $true
    (Set-KumoiNetwork lan -VMHost kvm01 -AutoStart:$false -PassThru).IsAutostart | Should -BeFalse
    $made | Remove-KumoiNetwork -Confirm:$false
    $made | Remove-KumoiNetwork -Confirm:$false # they are gone, as was wanted
    (Get-KumoiNetwork).Name | Should -Be default, default, default
  }

  It 'divide a subnet: <subnet>' -ForEach @(
    @{ subnet = '10.5.0.0/24'; address = '10.5.0.1/24'; dhcp = '10.5.0.2-10.5.0.254' }
    @{ subnet = '10.5.0.254/24'; address = '10.5.0.254/24'; dhcp = '10.5.0.1-10.5.0.253' }
    @{ subnet = '10.5.0.100/24'; address = '10.5.0.100/24'; dhcp = '10.5.0.101-10.5.0.254' }
    @{ subnet = '10.5.0.8/29'; address = '10.5.0.9/29'; dhcp = '10.5.0.10-10.5.0.14' }
    @{ subnet = '10.0.0.0/8'; address = '10.0.0.1/8'; dhcp = '10.0.0.2-10.255.255.254' }
  ) {
    $network = New-KumoiNetwork lan $subnet -VMHost kvm01
    $network.Addresses | Should -Be $address
    $network.DhcpRanges | Should -Be $dhcp
  }

  It 'may be isolated, of a bridge, without DHCP or with some of it, and only defined' {
    $alone = New-KumoiNetwork alone -Isolated -VMHost kvm01
    $alone.Kind, $alone.Addresses.Count | Should -Be Isolated, 0
    $bridge = New-KumoiNetwork br -Bridge br0 -VMHost kvm01 -NoStart -NoAutoStart
    $bridge.Kind, $bridge.Bridge, $bridge.IsActive, $bridge.IsAutostart | Should -Be Bridge, br0, $false, $false
    (New-KumoiNetwork quiet 10.5.0.0/24 -NoDhcp -VMHost kvm01).DhcpRanges | Should -BeNullOrEmpty
    (New-KumoiNetwork some 10.6.0.0/24 -Isolated -DhcpFirst 10.6.0.50 -DhcpLast 10.6.0.60 -VMHost kvm01).DhcpRanges | Should -Be 10.6.0.50-10.6.0.60
  }

  It 'have leases of the VMs that run there' {
    New-KumoiNetwork lan 10.5.0.0/24 -VMHost kvm01 | Out-Null
    Add-KumoiNetworkAdapter kvm01-1 lan -MacAddress 52:54:00:00:00:01
    Add-KumoiNetworkAdapter kvm01-2 lan -MacAddress 52:54:00:00:00:02
    Stop-KumoiVM kvm01-2 -TurnOff
    $lease = Get-KumoiDhcpLease lan -VMHost kvm01
    $lease.Address, $lease.MacAddress, $lease.HostName, $lease.Network, $lease.VMHost | Should -Be 10.5.0.2, 52:54:00:00:00:01, kvm01-1, lan, kvm01
    (Get-KumoiNetwork lan | Get-KumoiDhcpLease -MacAddress 52:54:00:00:00:01).HostName | Should -Be kvm01-1
    { Get-KumoiDhcpLease -MacAddress 52:54:00:00:00:09 -ErrorAction Stop } | Should -Throw '*52:54:00:00:00:09*'
    $lease | Out-String -Width 200 | Should -Match '(?m)^10\.5\.0\.2 +52:54:00:00:00:01 +kvm01-1 +lan +kvm01'
  }

  It 'stay while VMs are connected to them' {
    $network = New-KumoiNetwork lan 10.5.0.0/24 -VMHost kvm01
    Add-KumoiNetworkAdapter kvm01-1 lan
    $failed = { $network | Stop-KumoiNetwork -ErrorAction Stop } | Should -Throw "*'kvm01-1' has an adapter in it*" -PassThru
    $failed.FullyQualifiedErrorId | Should -BeLike 'InvalidState,*'
    Stop-KumoiVM kvm01-1 -TurnOff
    $network | Stop-KumoiNetwork
    { $network | Remove-KumoiNetwork -Confirm:$false -ErrorAction Stop } | Should -Throw "*'kvm01-1' has an adapter in it*"
    Remove-KumoiNetworkAdapter kvm01-1 * -Confirm:$false
    $network | Remove-KumoiNetwork -Confirm:$false
    Get-KumoiNetwork lan* | Should -BeNullOrEmpty
  }

  It 'refuse <why>, with an id and advice, and nothing is made' -ForEach @(
    @{ why = 'a name that is taken'; call = { New-KumoiNetwork default 10.5.0.0/24 -VMHost kvm01 }; id = 'NetworkClash' }
    @{ why = 'addresses that are taken'; call = { New-KumoiNetwork x 192.168.0.0/16 -VMHost kvm01 }; id = 'NetworkClash' }
    @{ why = 'some addresses that are taken'; call = { New-KumoiNetwork x 192.168.122.128/25 -VMHost kvm01 }; id = 'NetworkClash' }
    @{ why = 'what is no subnet'; call = { New-KumoiNetwork x 10.5.0.0 -VMHost kvm01 }; id = 'InvalidSpecification' }
    @{ why = 'a subnet without room'; call = { New-KumoiNetwork x 10.5.0.0/30 -VMHost kvm01 }; id = 'InvalidSpecification' }
    @{ why = 'the last address for the host'; call = { New-KumoiNetwork x 10.5.0.255/24 -VMHost kvm01 }; id = 'InvalidSpecification' }
    @{ why = 'IPv6'; call = { New-KumoiNetwork x fd00::/64 -VMHost kvm01 }; id = 'InvalidSpecification' }
    @{ why = 'addresses of elsewhere'; call = { New-KumoiNetwork x 10.5.0.0/24 -DhcpFirst 10.6.0.2 -DhcpLast 10.6.0.9 -VMHost kvm01 }; id = 'InvalidSpecification' }
    @{ why = 'the host''s address for VMs'; call = { New-KumoiNetwork x 10.5.0.0/24 -DhcpFirst 10.5.0.1 -VMHost kvm01 }; id = 'InvalidSpecification' }
    @{ why = 'addresses in the wrong order'; call = { New-KumoiNetwork x 10.5.0.0/24 -DhcpFirst 10.5.0.9 -DhcpLast 10.5.0.2 -VMHost kvm01 }; id = 'InvalidSpecification' }
    @{ why = 'a name with more in it'; call = { New-KumoiNetwork 'a/b' 10.5.0.0/24 -VMHost kvm01 }; id = 'InvalidSpecification' }
    @{ why = 'a control character'; call = { New-KumoiNetwork "a`e[2J" 10.5.0.0/24 -VMHost kvm01 }; id = 'InvalidSpecification' }
    @{ why = 'a bridge that cannot be'; call = { New-KumoiNetwork x -Bridge 'a b' -VMHost kvm01 }; id = 'InvalidSpecification' }
    @{ why = 'a network that is not there'; call = { Start-KumoiNetwork none -VMHost kvm01 }; id = 'NotFound' }
  ) {
    $ErrorActionPreference = 'Stop'
    $failed = { & $call } | Should -Throw -PassThru
    $failed.FullyQualifiedErrorId | Should -BeLike "$id,*"
    $failed.ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
    (Get-KumoiNetwork).Name | Should -Be default, default, default
  }

  It 'a host whose network cannot be made is an error, and the others have theirs' {
    Add-KumoiFault kvm02 CreateNetwork | Out-Null
    $made = New-KumoiNetwork lan 10.5.0.0/24 -VMHost kvm0* -ErrorVariable failed -ErrorAction SilentlyContinue
    $made.VMHost | Should -Be kvm01, kvm03
    $failed | Should -HaveCount 1
  }

  It 'are completed' { (TabExpansion2 'Stop-KumoiNetwork d').CompletionMatches.CompletionText | Should -Be default }
}
