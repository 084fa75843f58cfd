#Requires -Version 7.6
<#
.SYNOPSIS
  Upgrades all hosts, one after the other, without stopping a VM. Run it again to go on after an interruption.
.EXAMPLE
  ./upgrade-hosts.ps1 july { ssh "root@$(([uri] $_.Uri).Host)" 'apt-get -y dist-upgrade' } -ReturnVM
#>
[CmdletBinding(SupportsShouldProcess)]
param(
  # The name of the upgrade. The same name goes on with it.
  [Parameter(Mandatory, Position = 0)][string] $Name,
  # Upgrades the host $_, which is empty. It must be safe to run twice.
  [Parameter(Mandatory, Position = 1)][scriptblock] $Upgrade,
  # Gives true when the host $_ is what it should be.
  [scriptblock] $Verify = { $true },
  # Only hosts with this label.
  [string[]] $Tag = @(),
  # How long a host may take to answer again, and to be verified.
  [int] $TimeoutSec = 1200,
  # VMs come back to their hosts.
  [switch] $ReturnVM,
  # Each VM is sent to two hosts at once.
  [switch] $Speculative,
  [switch] $AllowUnsafe
)
# An upgrade in which a command fails must not go on with the next host.
$PSNativeCommandUseErrorActionPreference = $true
$hosts = Get-KumoiHost -Tag $Tag -ErrorAction Stop | Sort-Object RunningVMCount, Name
if (-not $hosts) {
  Write-Error 'There is no host to upgrade.' -ErrorId NoHost -ErrorAction Stop
}
$update = @{
  Name = $Name; ScriptBlock = $Upgrade; VerifyScriptBlock = $Verify; TimeoutSec = $TimeoutSec
  ReturnVM = $ReturnVM; Speculative = $Speculative; AllowUnsafe = $AllowUnsafe
}
# The plan first: without room for the VMs of one host, the upgrade would end half-way, with that host in maintenance.
$plan = $hosts | Update-KumoiHost @update -WhatIf
if ($WhatIfPreference) {
  return $plan
}
if ($stuck = $plan | Where-Object State -eq Failed) {
  Write-Error "Nothing was done. $($stuck.Error)" -ErrorId NoRoom -ErrorAction Stop
}
$hosts | Update-KumoiHost @update -Confirm:$false
if ($left = Get-KumoiHost -Tag $Tag | Where-Object IsInMaintenance) {
  Write-Warning "In maintenance: $($left -join ', '). Fix the cause and run it again, or take them back with Resume-KumoiHost."
}
