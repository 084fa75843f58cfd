#Requires -Version 7.6
<#
.SYNOPSIS
  Appends to a file what VMs have used after the last run: for a timer.
.DESCRIPTION
  The first run has nothing to go on from: it notes the counters. They are in the journal, so that a run that fails or is left out loses nothing.
.EXAMPLE
  ./account-usage.ps1 /var/lib/kumoi/usage.csv -Uri qemu+tls://kvm01/system, qemu+tls://kvm02/system -FailureOblivious
#>
[CmdletBinding()]
param(
  # The file: comma-separated values.
  [Parameter(Mandatory, Position = 0)][string] $Path,
  # The hosts to connect to; without it, those that are connected.
  [string[]] $Uri = @(),
  # Only VMs of these names, with wildcards. The same in all runs.
  [string[]] $Name = '*',
  # Account the hosts that can be read; the others in the next run in which they can.
  [switch] $FailureOblivious
)
# An error ends the script, and its status says so.
$ErrorActionPreference = 'Stop'
if ($FailureOblivious) { $KumoiPreference = @{ FailureOblivious = $true } }

# What is accounted once is not accounted again: check first that the file can be written.
$file = $PSCmdlet.GetUnresolvedProviderPathFromPSPath($Path)
try { [System.IO.File]::Open($file, 'Append', 'Write', 'Read').Dispose() }
catch {
  Write-Error "'$file' cannot be written, and nothing was accounted: $($_.Exception.InnerException.Message)" -Category WriteError -TargetObject $file -ErrorId UsageFileFailed
}

if ($Uri) { Connect-KumoiHost $Uri -ErrorAction ($FailureOblivious ? 'Continue' : 'Stop') | Out-Null }
if (-not (Get-KumoiConnection)) { Write-Error 'No host is connected.' -Category ConnectionError -ErrorId NoHost }
Measure-KumoiUsage -Name $Name -Continue -IntervalSec 0 -Path $file
