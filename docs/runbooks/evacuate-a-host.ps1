#Requires -Version 7.6
<#
.SYNOPSIS
  Moves all VMs of a host to the least loaded others, one by one.
.EXAMPLE
  ./evacuate-a-host.ps1 kvm03
#>
[CmdletBinding(SupportsShouldProcess)]
param(
  # The host to empty.
  [Parameter(Mandatory, Position = 0)][string] $VMHost,
  # Only to hosts with this label.
  [string[]] $Tag = @(),
  # Not to busier hosts, 0 to 1.
  [double] $MaxCpuRatio = 0.9,
  [switch] $AllowUnsafe
)
foreach ($vm in Get-KumoiVM -VMHost $VMHost -State Running, Paused) {
  # Hosts are read anew for each VM: the last one made its host busier.
  $moved = Get-KumoiHost -Tag $Tag |
    Where-Object { $_.Name -ne $VMHost -and $_.CpuRatio -lt $MaxCpuRatio -and $_.FreeMemoryBytes -ge $vm.MemoryBytes } |
    Sort-Object CpuRatio |
    Select-Object -First 1 |
    Move-KumoiVM -VM $vm -AllowUnsafe:$AllowUnsafe -PassThru
  $moved
  if (-not $moved -and -not $WhatIfPreference) { Write-Error "'$($vm.Name)' is still on $VMHost." -TargetObject $vm -ErrorId NotMoved }
}
