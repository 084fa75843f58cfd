#Requires -Version 7.6
<#
.SYNOPSIS
  The studies of paper 002, what replicated operations bring on a simulated fleet, and of paper 004, which mode of a fault-tolerant pair.
.DESCRIPTION
  Writes a CSV file for each workload and report.html, and puts the tables into a page between its marks. Run by './build.sh simulate'.
  Settings are chosen so that it takes one to two minutes on two cores: ten runs of each combination, of a simulated day (power-ons, which
  are many more: of six hours; an upgrade: until it is done).
#>
[CmdletBinding()]
param(
  # The folder of the built module.
  [Parameter(Mandatory)][string] $Module,
  # The folder of the report.
  [Parameter(Mandatory)][string] $Target,
  # The folder into which npm has installed the charting library; none: the report has tables only.
  [string] $Npm,
  # The page with the tables; none: only the report is written.
  [string] $Page
)
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
Import-Module $Module
. $PSScriptRoot/Report.ps1
. $PSScriptRoot/Modes.ps1
$fleet = @{ HostCount = 1024; Runs = 10; Seed = 2 }
$study = @{
  FailureRate = 0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5
  Replicas    = 1, 2, 3, 4, 'Auto'
  HedgeDelay  = 0, 95
}
$workloads = [ordered]@{
  CapacityMultiplexing  = [timespan]::FromDays(1)
  ContinuousIntegration = [timespan]::FromHours(6)
  RollingUpgrade        = [timespan]::FromDays(10)
}
$watch = [System.Diagnostics.Stopwatch]::StartNew()
$null = New-Item -ItemType Directory -Force $Target
$results = foreach ($workload in $workloads.Keys) {
  $measured = @(Measure-KumoiPolicy $workload -Duration $workloads[$workload] @study @fleet)
  $measured | ForEach-Object { ConvertTo-FlatRow $_ } | Export-Csv (Join-Path $Target "$workload.csv")
  Write-Host ('{0}: {1} combinations, {2:0} s' -f $workload, $measured.Count, $watch.Elapsed.TotalSeconds)
  $measured
}

# Where the assumptions of the closed forms hold: each operation fails by itself, and has room everywhere. What is under way at the end of a
# run counts nowhere, and successes take longer than failures: over three hours that is a bias of less than 0.1 %.
$closed = foreach ($f in 0.2, 0.5) {
  Measure-KumoiPolicy ContinuousIntegration -FailureRate 0 -OperationFailureRate $f -Replicas 2, 3 -VMsPerHost 16 -Duration 03:00:00 @fleet |
    ForEach-Object { Compare-ClosedForm $_ $f }
}
$closed | Export-Csv (Join-Path $Target 'ClosedForms.csv')

# As the paper has it: ten runs of half an hour.
$modes = ([Kumoi.PolicySimulation.Modes.ModeStudy]@{ Runs = 10; Duration = [timespan]::FromMinutes(30); Seed = $fleet.Seed }).Run()
$modes | ForEach-Object { ConvertTo-FlatRow $_ } | Export-Csv (Join-Path $Target 'Modes.csv')
Write-Host ('Modes: {0} combinations, {1:0} s' -f $modes.Count, $watch.Elapsed.TotalSeconds)

$report = Join-Path $Target 'report.html'
Export-Report -Results $results -Fleet $fleet -Modes (Get-ModeSection $modes) -Npm $Npm -Path $report
if ($Page) {
  Update-Page -Page $Page -Tables (Get-PolicyTable -Results $results -Closed $closed)
  Update-Page -Page $Page -Tables (Get-ModeTable $modes)
}
Write-Host ('{0}, after {1:0} s' -f $report, $watch.Elapsed.TotalSeconds)
if ($results.DoubledVMCount -gt 0) { throw 'A VM ran twice.' }
