#Requires -Version 7.6
<#
.SYNOPSIS
  Keeps the mean load of a group of VMs between two limits, until it is ended: a service.
.DESCRIPTION
  Connects to the hosts, and writes each look at the group that changed it. A failure that is not masked ends the script with that error.
.EXAMPLE
  ./scale-a-group.ps1 web template -Uri qemu+tls://kvm01/system, qemu+tls://kvm02/system -FailureOblivious
#>
[CmdletBinding(SupportsShouldProcess)]
param(
  # The VMs are named <group>-1, <group>-2, and so on.
  [Parameter(Mandatory, Position = 0)][string] $Group,
  # The VM that they are clones of.
  [Parameter(Mandatory, Position = 1)][string] $Master,
  # The hosts to connect to; without it, those that are connected.
  [string[]] $Uri = @(),
  [ValidateRange(0, 10000)][int] $Minimum = 1,
  [ValidateRange(1, 10000)][int] $Maximum = 4,
  # The limits of the mean load, 0 to 1.
  [ValidateRange(0.0, 1.0)][double] $LowerCpuRatio = 0.2,
  [ValidateRange(0.0, 1.0)][double] $UpperCpuRatio = 0.8,
  # So many looks in a row beyond a limit change the group.
  [ValidateRange(1, 10000)][int] $BreachCount = 3,
  [ValidateRange(0, 86400)][int] $IntervalSec = 30,
  # How much memory must stay free on a host that gets a clone.
  [ValidateRange(0, [long]::MaxValue)][long] $MinFreeMemoryBytes = 1GB,
  # End after so many looks.
  [ValidateRange(1, [int]::MaxValue)][int] $Count = [int]::MaxValue,
  # Go on after failures.
  [switch] $FailureOblivious
)
# The first error ends the script, and with it the service, which is restarted.
$ErrorActionPreference = 'Stop'
if ($FailureOblivious) { $KumoiPreference = @{ FailureOblivious = $true; Substitution = $KumoiPreference.Substitution } }
if ($Uri) { Connect-KumoiHost $Uri -ErrorAction ($FailureOblivious ? 'Continue' : 'Stop') | Out-Null }

$options = @{
  Group = $Group; Master = $Master; Minimum = $Minimum; Maximum = $Maximum; LowerCpuRatio = $LowerCpuRatio; UpperCpuRatio = $UpperCpuRatio
  BreachCount = $BreachCount; IntervalSec = $IntervalSec; MinFreeMemoryBytes = $MinFreeMemoryBytes
}
if ($WhatIfPreference) { return Start-KumoiScaling @options -WhatIf }
Start-KumoiScaling @options -Wait -Count $Count | Where-Object Step
