# Dot-sourced by the tests: a fresh simulated fleet for each.
function Reset-Fleet {
  param([string] $Uri = 'sim://lab?hosts=20&vms=2&seed=7')
  Clear-KumoiFault
  if (Get-KumoiConnection) { Disconnect-KumoiHost * -Confirm:$false }
  Connect-KumoiHost $Uri | Out-Null
}

# Hosts of the fleet by load: kvm16 kvm20 kvm03 kvm19 kvm14 kvm02 kvm07 kvm10 kvm13 kvm01 | kvm08 kvm17 kvm18 kvm06 kvm05 kvm04 …
function Get-ByLoad { (Get-KumoiHost | Sort-Object CpuRatio).Name }

# A host of libvirt's test driver with these VMs: name, or @{ Name; Id; State; Xml }. State is libvirt's number (1 running, 3 paused, 5 off, 6 crashed).
function Connect-TestNode {
  param([Parameter(Mandatory)][string] $Name, [Parameter(Mandatory)] $VM, [string] $Node)
  $domains = foreach ($one in $VM) {
    $one = if ($one -is [string]) { @{ Name = $one } } else { $one }
    $id = $one['Id'] ?? [guid]::NewGuid()
    $state = $one['State'] ?? 1
    "<domain type='test'><name>$([System.Security.SecurityElement]::Escape($one.Name))</name><uuid>$id</uuid><memory>131072</memory><vcpu>1</vcpu>" +
    "<os><type>hvm</type></os>$($one['Xml'])<test:runstate xmlns:test='http://libvirt.org/schemas/domain/test/1.0'>$state</test:runstate></domain>"
  }
  $file = Join-Path $TestDrive "$([guid]::NewGuid()).xml"
  Set-Content $file "<node>$domains<cpu><mhz>6000</mhz><model>i686</model><active>50</active><nodes>4</nodes><sockets>4</sockets><cores>4</cores><threads>2</threads></cpu><memory>60000000</memory>$Node</node>"
  Connect-KumoiHost "test://$file" -Name $Name
}
