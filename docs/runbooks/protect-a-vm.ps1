#Requires -Version 7.6
<#
.SYNOPSIS
  Protects a VM, proves that its backup could take over, and says what the protection costs.
.DESCRIPTION
  The backups are the least loaded hosts that can run the VM. What stands in the way is told, and nothing is begun. Run again, it leaves a
  VM alone that is protected, and tries the takeover out once more.
.EXAMPLE
  ./protect-a-vm.ps1 web1 -Uri qemu+tls://kvm01/system, qemu+tls://kvm02/system, qemu+tls://kvm03/system -CheckpointPath /srv/kumoi -FenceCommand /usr/local/sbin/power-off
#>
[CmdletBinding(SupportsShouldProcess)]
param(
  [Parameter(Mandatory, Position = 0)][string] $VM,
  # The hosts to connect to; without it, those that are connected.
  [string[]] $Uri = @(),
  # How many hosts may take over.
  [ValidateRange(1, 16)][int] $BackupCount = 2,
  # A folder that all hosts have. Simulated hosts need none.
  [string] $CheckpointPath,
  # Switches a host's power off. Without it a host that does not answer is waited for.
  [string] $FenceCommand,
  [ValidateRange(1, 3600000)][int] $MaxOutputLatencyMs = 500
)
$ErrorActionPreference = 'Stop'
if ($Uri) { Connect-KumoiHost $Uri | Out-Null }

if (-not (Get-KumoiFtPair $VM -ErrorAction Ignore | Where-Object State -NotIn Stopped, Lost)) {
  $options = @{ VM = $VM; MaxOutputLatencyMs = $MaxOutputLatencyMs }
  if ($CheckpointPath) { $options.CheckpointPath = $CheckpointPath }
  if ($FenceCommand) { $options.FenceCommand = $FenceCommand } else { $options.NoFence = $true }
  $own = (Get-KumoiVM $VM).VMHost
  $pairs = Get-KumoiHost | Where-Object Name -NE $own | Sort-Object CpuRatio | Select-Object -First $BackupCount |
    Start-KumoiFtPair @options
  # With -WhatIf these are what stands in the way.
  if ($WhatIfPreference) { return $pairs }
}

if ($PSCmdlet.ShouldProcess($VM, 'Try out the takeover')) { Test-KumoiFtPair $VM -Confirm:$false | Out-Null }
Get-KumoiFtPair $VM | Select-Object VM, State, Primary, Backup, PauseP99Ms, OutputLatencyP99Ms, DowntimeRatio, MissedGoal
