# Dot-sourced by the tests: a fresh simulated fleet for each.
function Reset-Fleet {
  param([string] $Uri = 'sim://lab?hosts=20&vms=2&seed=7')
  Clear-KumoiFault
  if (Get-KumoiConnection) { Disconnect-KumoiHost * -Confirm:$false }
  Connect-KumoiHost $Uri | Out-Null
}

# Hosts of the fleet by load: kvm16 kvm20 kvm03 kvm19 kvm14 kvm02 kvm07 kvm10 kvm13 kvm01 | kvm08 kvm17 kvm18 kvm06 kvm05 kvm04 …
function Get-ByLoad { (Get-KumoiHost | Sort-Object CpuRatio).Name }
