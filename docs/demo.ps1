# The main job: ten VMs come out although a host is broken. Run by './build.sh demo'.
param([Parameter(Mandatory)][string] $Module)
$ErrorActionPreference = 'Stop'
Import-Module $Module

# A simulated fleet of twenty hosts, one of which has a damaged disk image.
Connect-KumoiHost 'sim://lab?hosts=20&vms=2&seed=7' | Out-Null
Add-KumoiFault -VMHost kvm14 -Operation Start -Message "disk image isn't accessible" | Out-Null

$vms = Get-KumoiHost |
  Where-Object CpuRatio -lt 0.9 |
  Sort-Object CpuRatio |
  Select-Object -First 10 |
  New-KumoiVM -Name { "web-$($_.Name)" } -MemoryBytes 64MB -Start

$vms | Format-Table | Out-Host
Get-KumoiLineage | Out-Host
"Left on the broken host: $(@(Get-KumoiVM web-* -VMHost kvm14).Count) VMs"
