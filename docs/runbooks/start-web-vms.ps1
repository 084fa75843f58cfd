#Requires -Version 7.6
<#
.SYNOPSIS
  Starts one VM on each of so many hosts with a label: another VM where one does not start, another host where none does.
.EXAMPLE
  ./start-web-vms.ps1 -Tag web -Count 10
#>
[CmdletBinding(SupportsShouldProcess)]
param(
  # The label of the hosts.
  [string[]] $Tag = 'web',
  # On how many hosts.
  [ValidateRange(1, 1000)][int] $Count = 10,
  # Only VMs of this name, with wildcards.
  [string] $Name = '*'
)
Get-KumoiHost -Tag $Tag |
  Where-Object { $_.VMs | Where-Object { $_.State -eq 'Shutoff' -and $_.Name -like $Name } } |
  Sort-Object CpuRatio |
  Select-Object -First $Count |
  Invoke-KumoiAction { Get-KumoiVM $Name -VMHost $_ -State Shutoff | Select-Object -First 1 | Start-KumoiVM -PassThru }
