#Requires -Version 7.6
<#
.SYNOPSIS
  Shuts down all VMs of a site in an order, and is an error if one still runs.
.DESCRIPTION
  It asks once. With -WhatIf it writes the plan, with -Confirm:$false it asks nothing.
.EXAMPLE
  ./shut-down-a-site.ps1 -Order web-*, db-*, dns1 -WhatIf
#>
[CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'High')]
param(
  # Names of VMs, with wildcards: one stage each. VMs that none names are shut down first.
  [string[]] $Order = @(),
  # Names of VMs that go on running, with wildcards.
  [string[]] $Exclude = @(),
  # Only VMs of these hosts, with wildcards.
  [string[]] $VMHost = '*',
  # How many seconds a guest may take.
  [ValidateRange(0, 86400)][int] $TimeoutSec = 300,
  # Turn off guests that take longer.
  [switch] $TurnOff,
  # Begin a stage although VMs of the stage before still run.
  [switch] $FailureOblivious
)
# An error here ends the script: nothing was shut down yet.
if (-not (Get-KumoiConnection $VMHost -ErrorAction Stop)) {
  Write-Error "No connected host is named $($VMHost -join ', ')." -Category ObjectNotFound -ErrorId NoHost -ErrorAction Stop
}

$vms = @(Get-KumoiVM -VMHost $VMHost -FailureOblivious:$FailureOblivious -ErrorAction Stop)
foreach ($name in $Order + $Exclude) {
  # A VM whose name is misspelt would be shut down before all others.
  if ($vms.Name -like $name) { continue }
  if ($FailureOblivious) { Write-Warning "No VM that can be read is named '$name'." }
  else { Write-Error "No VM is named '$name': nothing was shut down." -Category ObjectNotFound -TargetObject $name -ErrorId NameNotFound -ErrorAction Stop }
}

$options = @{
  Order = $Order; Exclude = $Exclude; VMHost = $VMHost; TimeoutSec = $TimeoutSec; TurnOff = $TurnOff; FailureOblivious = $FailureOblivious
}
if ($WhatIfPreference) { return Stop-KumoiFleet @options -WhatIf }
if (-not $PSCmdlet.ShouldProcess("the VMs of $($VMHost -join ', ')", 'Shut down')) { return }

Stop-KumoiFleet @options -Confirm:$false

# Nothing is masked here: a host that cannot be read is an error.
$running = @(Get-KumoiVM -VMHost $VMHost -FailureOblivious:$false -ErrorVariable unread | Where-Object State -notin Shutoff, Crashed |
    Where-Object { $vm = $_; -not $Exclude.Where({ $vm.Name -like $_ }) })
if ($running) { Write-Error "Still running: $($running.Name -join ', ')." -Category ResourceBusy -TargetObject $running -ErrorId StillRunning }
if ($unread) { Write-Error 'Nobody knows what runs on the hosts that cannot be read.' -Category ResourceUnavailable -ErrorId NotKnown }
