#Requires -Version 7.6
<#
.SYNOPSIS
  Makes a VM on the host that a score likes best, and starts it.
.DESCRIPTION
  A VM of that name that is there already is written as it is.
.EXAMPLE
  ./place-a-vm.ps1 db1 -MemoryBytes 4GB -CpuCount 2
.EXAMPLE
  ./place-a-vm.ps1 db1 -Score { $_.FreeMemoryBytes / $_.MemoryBytes - $_.CpuRatio }
#>
[CmdletBinding(SupportsShouldProcess)]
param(
  # The VM's name.
  [Parameter(Mandatory, Position = 0)][ValidatePattern('^[^/*?\[\]]+$')][string] $Name,
  [long] $MemoryBytes = 1GB,
  [int] $CpuCount = 1,
  # Gives a number for a host, which is in $_. The highest is the best.
  [scriptblock] $Score = { -$_.CpuRatio },
  # Only hosts with this label.
  [string[]] $Tag = @(),
  # Not on busier hosts, 0 to 1.
  [ValidateRange(0.0, 1.0)][double] $MaxCpuRatio = 0.9,
  # How much memory must stay free.
  [ValidateRange(0, [long]::MaxValue)][long] $MinFreeMemoryBytes = 1GB,
  # Go on without the hosts that cannot be read or scored.
  [switch] $FailureOblivious
)
if ($FailureOblivious) { $KumoiPreference = @{ FailureOblivious = $true; Substitution = $KumoiPreference.Substitution } }

# All hosts are read: one that cannot be read may have the VM already.
$there = @(Get-KumoiVM -ErrorAction Stop | Where-Object Name -eq $Name)
if ($there) { return $there }

$hosts = @(Get-KumoiHost -Tag $Tag -ErrorAction Stop | Where-Object { -not $_.IsMasked })
if (-not $hosts) {
  Write-Error "No host that can be read is connected$($Tag ? " and has a label of: $Tag" : '')." -Category ObjectNotFound -ErrorId NoHost -ErrorAction Stop
}

$vm = Find-KumoiPlacement -MemoryBytes $MemoryBytes -CpuCount $CpuCount -VMHost $hosts -Score $Score -MaxCpuRatio $MaxCpuRatio -MinFreeMemoryBytes $MinFreeMemoryBytes |
  Select-Object -First 1 |
  New-KumoiVM -Name $Name -MemoryBytes $MemoryBytes -CpuCount $CpuCount -Start
$vm
if (-not $vm -and -not $WhatIfPreference) { Write-Error "'$Name' was placed on no host." -Category ResourceUnavailable -TargetObject $Name -ErrorId NotPlaced }
