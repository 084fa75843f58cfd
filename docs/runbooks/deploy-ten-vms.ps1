#Requires -Version 7.6
<#
.SYNOPSIS
  Brings a group of VMs to so many, one on each of the least loaded hosts.
.EXAMPLE
  ./deploy-ten-vms.ps1 -Prefix web -Count 10 -MemoryBytes 512MB
#>
[CmdletBinding(SupportsShouldProcess)]
param(
  # The VMs are named <prefix>-<host>.
  [Parameter(Mandatory)][string] $Prefix,
  # How many there shall be in all.
  [ValidateRange(1, 1000)][int] $Count = 10,
  [long] $MemoryBytes = 1GB,
  [int] $CpuCount = 1,
  # Busier hosts get none, 0 to 1.
  [double] $MaxCpuRatio = 0.9,
  # Only hosts with this label.
  [string[]] $Tag = @()
)
$missing = $Count - @(Get-KumoiVM "$Prefix-*").Count
if ($missing -le 0) { return }

Get-KumoiHost -Tag $Tag |
  Where-Object { $_.CpuRatio -lt $MaxCpuRatio -and $_.FreeMemoryBytes -ge $MemoryBytes } |
  Where-Object { $_.VMs.Name -notcontains "$Prefix-$($_.Name)" } |
  Sort-Object CpuRatio |
  Select-Object -First $missing |
  New-KumoiVM -Name { "$Prefix-$($_.Name)" } -MemoryBytes $MemoryBytes -CpuCount $CpuCount -Start
