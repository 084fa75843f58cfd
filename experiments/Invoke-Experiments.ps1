#Requires -Version 7.6
<#
.SYNOPSIS
  Runs the experiments of the papers, and compares what comes out with what the papers say.
.DESCRIPTION
  Prints each line, writes them all as JSON, and puts them into the tables of a page between its marks. Ends with status 1 if one does not
  hold. Run by './build.sh experiments'.
#>
[CmdletBinding()]
param(
  # The folder of the built module.
  [Parameter(Mandatory)][string] $Module,
  [Parameter(Mandatory)][string] $Report,
  # The page with the tables; none: only the report is written.
  [string] $Page,
  # Also on the real hosts of the lab, which is up.
  [switch] $Lab,
  # Only on those.
  [switch] $OnlyLab
)
$ErrorActionPreference = 'Stop'
Import-Module $Module
$state = $env:KUMOI_STATE
$env:KUMOI_STATE = Join-Path ([System.IO.Path]::GetTempPath()) "kumoi-experiments-$PID"
try {
  . $PSScriptRoot/Experiment.ps1
  if (-not $OnlyLab) {
    . $PSScriptRoot/Lineage.ps1
    . $PSScriptRoot/FailureOblivious.ps1
    . $PSScriptRoot/FailurePoints.ps1
  }
  if ($Lab -or $OnlyLab) { . $PSScriptRoot/Lab.ps1 }
}
finally {
  Clear-KumoiFault
  if (Get-KumoiConnection) { Disconnect-KumoiHost * -Confirm:$false }
  Remove-Module Kumoi
  Remove-Item $env:KUMOI_STATE -Recurse -Force -ErrorAction Ignore
  $env:KUMOI_STATE = $state
}

$null = New-Item -ItemType Directory -Force (Split-Path $Report)
ConvertTo-Json @($rows) | Set-Content $Report
if ($Page) { Update-Page $Page }
$failed = @($rows | Where-Object holds -eq $false)
Write-Host "$($rows.Count - $failed.Count) of $($rows.Count) hold"
exit [int]($failed.Count -gt 0)
