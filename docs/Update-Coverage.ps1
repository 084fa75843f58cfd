#Requires -Version 7.6
<#
.SYNOPSIS
  Makes docs/coverage.md: what Kumoi has for each command of the Hyper-V module, of PowerCLI and of virsh.
.DESCRIPTION
  Run by './build.sh docs' in a fresh pwsh. The lists in docs/coverage say what is meant to answer a command; whether it does is asked of the
  built module. Where they disagree it names the rows, writes nothing and ends with status 1:

  - same, better: all that the row names is exported.
  - planned: something that the row names is not exported. When it is, somebody must judge the row again and change the column How.
  - left out: the row says why. What is 'must' is never left out.
#>
[CmdletBinding()]
param(
  # The folder of the built module.
  [Parameter(Mandatory)][string] $Module,
  [string] $Lists = (Join-Path $PSScriptRoot 'coverage'),
  [string] $Page = (Join-Path $PSScriptRoot 'coverage.md')
)
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
Import-Module $Module

# In the order of the page. The issue plans cmdlets in the areas with $true.
$areas = [ordered]@{
  'VMs' = $true; 'Snapshots' = $true; 'Storage' = $true; 'Networks' = $true; 'Guest' = $true; 'Tags and rules' = $true
  'Hosts' = $false; 'Migration and availability' = $false; 'Watching' = $true; 'Long work' = $true; 'Connections' = $true
}
$sources = [ordered]@{ 'hyperv' = 'Hyper-V'; 'powercli' = 'PowerCLI'; 'virsh' = 'virsh' }
$priorities = 'must', 'should', 'may'
$hows = 'same', 'better', 'planned', 'left out'
$exported = @{}
foreach ($command in Get-Command -Module Kumoi -CommandType Cmdlet) { $exported[$command.Name] = $command }

function Get-Answer {
  # What the column Kumoi names: 'Set-KumoiVM -CpuCount -Live; Rename-KumoiVM' are two answers, each with what of it is not exported.
  param([string] $Text)
  foreach ($part in $Text -split ';' -ne '') {
    $name, $parameters = -split $part
    $parameters = @(@($parameters) -ne $null)
    $missing = if (-not $exported.ContainsKey($name)) { @($name) }
    else { @($parameters | Where-Object { -not $exported[$name].Parameters.ContainsKey($_.TrimStart('-')) } | ForEach-Object { "$name $_" }) }
    [pscustomobject]@{ Name = $name; Text = $part.Trim(); Parameters = $parameters; Missing = @($missing) }
  }
}

function Get-Problem {
  # What is wrong with a row, in words; nothing if it is right.
  param([Parameter(Mandatory)] $Row)
  if ($Row.Area -cnotin $areas.Keys) { "the area '$($Row.Area)' is none of: $($areas.Keys -join ', ')" }
  if ($Row.Priority -cnotin $priorities) { "the priority '$($Row.Priority)' is none of: $($priorities -join ', ')" }
  if ($Row.How -cnotin $hows) { "'$($Row.How)' is none of: $($hows -join ', ')" }
  $missing = @($Row.Answers | ForEach-Object Missing)
  if ($Row.How -ne 'left out' -and -not $Row.Answers) { 'it names no cmdlet' }
  if ($Row.How -in 'same', 'better' -and $missing) { "the module does not export $($missing -join ', ')" }
  if ($Row.How -eq 'planned' -and $Row.Answers -and -not $missing) { "the module exports $($Row.Kumoi) now: judge it again, and write same or better" }
  if ($Row.How -eq 'planned' -and $Row.Priority -eq 'must' -and -not $areas[$Row.Area]) { "the issue plans nothing in the area '$($Row.Area)'" }
  if ($Row.How -eq 'left out' -and $Row.Priority -eq 'must') { 'what an admin must have is left out' }
  if ($Row.How -eq 'left out' -and $Row.Kumoi) { "it is left out, and names $($Row.Kumoi)" }
  if ($Row.How -in 'better', 'left out' -and -not $Row.Why) { 'it does not say why' }
}

function Format-Cell { param([string] $Text) $Text -replace '\|', '\|' -replace '<', '&lt;' }

function Format-Answer {
  param($Answers)
  @(foreach ($answer in $Answers) {
      $name = if ($exported.ContainsKey($answer.Name)) { "[$($answer.Name)](cmdlets/$($answer.Name).md)" } else { "*$($answer.Name)*" }
      (@($name) + $answer.Parameters) -join ' '
    }) -join '; '
}

$rows = @(foreach ($source in $sources.Keys) {
    foreach ($row in Import-Csv (Join-Path $Lists "$source.csv")) {
      $row | Add-Member -NotePropertyMembers @{ Source = $sources[$source]; Answers = @(Get-Answer $row.Kumoi) } -PassThru
    }
  })
$only = @(Import-Csv (Join-Path $Lists 'only-kumoi.csv'))

$problems = @(
  foreach ($row in $rows) { Get-Problem $row | ForEach-Object { "$($row.Source), $($row.Command): $_." } }
  $rows | Group-Object Source, Command | Where-Object Count -gt 1 | ForEach-Object { "$($_.Name): it is there twice." }
  foreach ($name in $only.Cmdlet | Where-Object { -not $exported.ContainsKey($_) }) { "only-kumoi.csv, ${name}: the module does not export it." }
  $named = @($rows.Answers.Name) + @($only.Cmdlet)
  foreach ($name in $exported.Keys | Where-Object { $_ -notin $named } | Sort-Object) { "${name}: no row names it, nor does only-kumoi.csv." }
)
if ($problems) {
  $problems | ForEach-Object { Write-Host "Coverage: $_" }
  exit 1
}

function Measure-Row {
  # A line of the first table.
  param([string] $Name, $Of)
  $count = @{}
  $Of | Group-Object How | ForEach-Object { $count[$_.Name] = $_.Count }
  $there = [int]$count['same'] + [int]$count['better']
  "| $Name | $(@($Of).Count) | $there | $([int]$count['better']) | $([int]$count['planned']) | $([int]$count['left out']) |"
}

$must = @($rows | Where-Object Priority -eq must)
$mustThere = @($must | Where-Object How -in same, better)
$text = @(
  '# What Kumoi has for what you know'
  ''
  'For each cmdlet of the Hyper-V module (Windows Server 2022), for each of PowerCLI''s cmdlets (VMware.VimAutomation.Core, and of'
  'VMware.VimAutomation.Storage those of disks and policies) that manages VMs, hosts, storage, networks, snapshots, tags, statistics, tasks,'
  'templates and inventory, and for each command of `virsh` (9.0): what of Kumoi does it. Made by `docs/Update-Coverage.ps1` from the lists in'
  '`docs/coverage` and from the module as it is built: what is called there is there.'
  ''
  "**Of what an admin must have, $($mustThere.Count) of $($must.Count) commands are there; $($must.Count - $mustThere.Count) are planned, none is left out.**"
  ''
  '| | commands | there | of these better | planned | left out |'
  '| --- | ---: | ---: | ---: | ---: | ---: |'
  foreach ($priority in $priorities) { Measure-Row $priority ($rows | Where-Object Priority -eq $priority) }
  foreach ($source in $sources.Values) { Measure-Row $source ($rows | Where-Object Source -eq $source) }
  ''
  '*must*: an admin needs it in a usual week. *should*: now and then, and misses it then. *may*: rarely, or only on the other system. A name in'
  'italics is not there yet.'
)

# What is missing, by how much it is missed.
$wanted = foreach ($row in $rows | Where-Object How -eq planned) {
  foreach ($missing in $row.Answers.Missing | Select-Object -Unique) { [pscustomobject]@{ Name = $missing; Row = $row } }
}
$text += '', '## What is planned', '', '| | area | must | should | may |', '| --- | --- | ---: | ---: | ---: |'
$text += $wanted | Group-Object Name | ForEach-Object {
  $counts = foreach ($priority in $priorities) { @($_.Group | Where-Object { $_.Row.Priority -eq $priority }).Count }
  [pscustomobject]@{ Counts = $counts; Name = $_.Name; Line = "| *$($_.Name)* | $(@($_.Group.Row.Area | Select-Object -Unique) -join ', ') | $($counts -join ' | ') |" }
} | Sort-Object @{ Expression = { $_.Counts[0] }; Descending = $true }, @{ Expression = { $_.Counts[1] }; Descending = $true }, Name | ForEach-Object Line

foreach ($area in $areas.Keys) {
  $text += '', "## $area", '', '| command | of | priority | Kumoi | how |', '| --- | --- | --- | --- | --- |'
  # Commands with the same answer are one line.
  $text += $rows | Where-Object Area -eq $area |
    Group-Object Priority, Source, How, Kumoi, Why |
    Sort-Object { $priorities.IndexOf($_.Group[0].Priority) }, { $hows.IndexOf($_.Group[0].How) }, { @($sources.Values).IndexOf($_.Group[0].Source) }, { $rows.IndexOf($_.Group[0]) } |
    ForEach-Object {
      $row = $_.Group[0]
      $how = if ($row.Why) { "$($row.How): $(Format-Cell $row.Why)" } else { $row.How }
      "| $($_.Group.Command -join ', ') | $($row.Source) | $($row.Priority) | $(Format-Answer $row.Answers) | $how |"
    }
}

$text += '', '## Only Kumoi has this', '', '| cmdlet | what for |', '| --- | --- |'
$text += $only | ForEach-Object { "| [$($_.Cmdlet)](cmdlets/$($_.Cmdlet).md) | $(Format-Cell $_.What) |" }
Set-Content $Page (($text -join "`n") + "`n") -NoNewline
Write-Host "Coverage: of what an admin must have, $($mustThere.Count) of $($must.Count) commands are there."
exit 0
