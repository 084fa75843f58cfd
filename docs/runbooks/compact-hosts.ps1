#Requires -Version 7.6
<#
.SYNOPSIS
  Moves VMs together, and writes the hosts that are empty then and could be switched off.
.DESCRIPTION
  Plans first, and moves nothing if the plan does not empty enough hosts. With -WhatIf it writes the plan.
.EXAMPLE
  ./compact-hosts.ps1 -WhatIf
.EXAMPLE
  ./compact-hosts.ps1 -Tag rack1 -AtLeast 2 -FailureOblivious
#>
[CmdletBinding(SupportsShouldProcess)]
param(
  # Only hosts with this label.
  [string[]] $Tag = @(),
  # Move nothing unless so many hosts become empty by the plan.
  [ValidateRange(1, 1000)][int] $AtLeast = 1,
  # How busy a host may become, 0 to 1.
  [ValidateRange(0.0, 1.0)][double] $MaxCpuRatio = 0.8,
  # How much memory must stay free on a host.
  [ValidateRange(0, [long]::MaxValue)][long] $MinFreeMemoryBytes = 4GB,
  [switch] $AllowUnsafe,
  # Go on without the hosts and VMs that fail.
  [switch] $FailureOblivious
)
if ($FailureOblivious) { $KumoiPreference = @{ FailureOblivious = $true; Substitution = $KumoiPreference.Substitution } }

# The first hosts are filled, the last are emptied: those with the fewest VMs, so that few are moved.
$hosts = @(Get-KumoiHost -Tag $Tag -ErrorAction Stop | Where-Object { -not $_.IsMasked } | Sort-Object RunningVMCount -Descending -Stable)
if (-not $hosts) {
  Write-Error "No host that can be read is connected$($Tag ? " and has a label of: $Tag" : '')." -Category ObjectNotFound -ErrorId NoHost -ErrorAction Stop
}

$limits = @{ MaxCpuRatio = $MaxCpuRatio; MinFreeMemoryBytes = $MinFreeMemoryBytes; AllowUnsafe = $AllowUnsafe }
$plan = @($hosts | Optimize-KumoiPlacement @limits -WhatIf -ErrorAction Stop)
$emptied = @($plan.VMHost | Select-Object -Unique)
if ($WhatIfPreference) { return $plan }

if ($emptied.Count -ge $AtLeast) {
  $hosts | Optimize-KumoiPlacement @limits | ForEach-Object { Write-Verbose "$_" }
}
elseif ($plan) {
  Write-Warning "Nothing was moved: $($plan.Count) VMs would be moved to empty $($emptied.Count) of at least $AtLeast hosts."
}

# Read again now. A host that cannot be read does not count as empty.
Get-KumoiHost -VMHost $hosts |
  Where-Object { -not $_.IsMasked -and -not ($_.VMs | Where-Object State -notin Shutoff, Crashed) }
