#Requires -Version 7.6
<#
.SYNOPSIS
  Brings docs/cmdlets up to date with the module: new cmdlets and parameters get a place to be described, and what was written by hand stays.
.DESCRIPTION
  Run by './build.sh docs' in a fresh pwsh. It ends with status 1 if a text is still missing, and names the pages.
#>
[CmdletBinding()]
param(
  # The folder of the built module.
  [Parameter(Mandatory)][string] $Module,
  [string] $Pages = (Join-Path $PSScriptRoot 'cmdlets')
)
# No strict mode: it reaches into PlatyPS, which then fails.
$ErrorActionPreference = 'Stop'
# A copy of the module without help: PlatyPS merges what Get-Help says into the pages, again at each run.
$work = Join-Path ([System.IO.Path]::GetTempPath()) "kumoi-help-$PID"
$null = New-Item -ItemType Directory -Force $work
Copy-Item (Resolve-Path $Module) (Join-Path $work 'Kumoi') -Recurse
Remove-Item (Join-Path $work 'Kumoi/en-US') -Recurse -Force -ErrorAction Ignore
Import-Module (Join-Path $work 'Kumoi')
Import-Module Microsoft.PowerShell.PlatyPS

function Get-HiddenParameter {
  # Parameters with DontShow. PlatyPS does not look at it in compiled cmdlets.
  param([Parameter(Mandatory)] $Command)
  $Command.Parameters.Values | Where-Object { $_.Attributes.Where({ $_ -is [Parameter] }).DontShow -contains $true } | ForEach-Object Name
}

function Get-AcceptedValue {
  # The values of a ValidateSet or an enum, which PlatyPS drops.
  param([Parameter(Mandatory)] $Parameter)
  $set = $Parameter.Attributes.Where({ $_ -is [ValidateSet] })
  if ($set) { return $set[0].ValidValues }
  $type = [Nullable]::GetUnderlyingType($Parameter.ParameterType) ?? $Parameter.ParameterType
  if ($type.IsArray) { $type = $type.GetElementType() }
  if ($type.IsEnum) { [enum]::GetNames($type) }
}

function Format-Syntax {
  # Wraps between parameters, not within one.
  param([Parameter(Mandatory)][string] $Line)
  $lines = [System.Collections.Generic.List[string]]::new()
  $current = ''
  foreach ($part in $Line -split ' (?=\[*-|\[<)') {
    if ($current -and ($current.Length + $part.Length) -ge 98) {
      $lines.Add($current)
      $current = " $part"
    }
    else {
      $current = $current ? "$current $part" : $part
    }
  }
  $lines.Add($current)
  $lines -join "`n"
}

function Repair-Page {
  # What PlatyPS 1.0 gets wrong. Returns the text of the page.
  param([Parameter(Mandatory)][string] $Text, [Parameter(Mandatory)] $Command, [switch] $IsWritten)
  foreach ($name in Get-HiddenParameter $Command) {
    $Text = $Text -replace "(?s)\r?\n### -$name\r?\n.*?(?=\r?\n### )", ''
    $Text = $Text -replace "\s+\[-$name <[^>]+>\]", ''
  }

  # Aliases of cmdlets there are none.
  $Text = $Text -replace '(?s)## ALIASES.*?(?=## DESCRIPTION)', ''
  if ($IsWritten) {
    $Text = $Text -replace '(?s)### [^\n]+\n\s*\{\{ Fill in the Description \}\}\s*', ''
    # Put back by each update, below the text that stands there.
    $Text = $Text -replace '(?m)(?<=\S\n)(Prompts you for confirmation before running the cmdlet\.|Runs the command in a mode that only reports .*)\n', ''
  }

  $Text = [regex]::Replace($Text, '(?s)## SYNTAX.*?(?=## DESCRIPTION)', {
      param($syntax)
      [regex]::Replace($syntax.Value, '(?s)(```\r?\n)(.*?)(\r?\n```)', {
          param($block)
          $line = $block.Groups[2].Value -replace '\s+', ' ' -replace ' ?\[<CommonParameters>\]', ''
          $block.Groups[1].Value + (Format-Syntax "$line [<CommonParameters>]") + $block.Groups[3].Value
        })
    })
  foreach ($parameter in $Command.Parameters.Values) {
    $values = @(Get-AcceptedValue $parameter)
    if ($values.Count -gt 0) {
      $list = ($values | ForEach-Object { "- '$_'" }) -join "`n"
      $Text = $Text -replace "(?s)(\n### -$($parameter.Name)\n.*?\nAcceptedValues:)(?: \[\]|(?:\n- [^\n]+)+)", "`$1`n$list"
    }
  }

  $Text.TrimStart([char]0xFEFF).TrimEnd() + "`n"
}

$null = New-Item -ItemType Directory -Force $Pages
foreach ($command in Get-Command -Module Kumoi -CommandType Cmdlet) {
  $page = Join-Path $Pages "$($command.Name).md"
  if (Test-Path $page) {
    $before = Get-Content $page -Raw
    Update-MarkdownCommandHelp $page -NoBackup
  }
  else {
    $before = ''
    Move-Item (New-MarkdownCommandHelp -CommandInfo $command -OutputFolder (Join-Path $work 'new') -Force) $page
  }

  $after = Repair-Page -Text (Get-Content $page -Raw) -Command $command -IsWritten:($before -ne '')
  # The date alone is no change.
  $date = '(?m)^ms\.date: .*$'
  if (($before -replace $date) -eq ($after -replace $date)) { $after = $before }
  Set-Content $page $after -NoNewline
  if ($before -ne $after) { Write-Host "Updated $($command.Name)" }
}

foreach ($page in Get-ChildItem $Pages -Filter '*-Kumoi*.md') {
  if (-not (Get-Command $page.BaseName -Module Kumoi -ErrorAction Ignore)) { Write-Warning "$($page.Name) is of no cmdlet of the module." }
}

# Windows keeps the files of a module that is loaded; its temporary folder is emptied some day.
Remove-Item $work -Recurse -Force -ErrorAction Ignore
$missing = @(Select-String '\{\{' (Join-Path $Pages '*.md'))
$missing | ForEach-Object { Write-Host "Text is missing: $($_.Filename):$($_.LineNumber): $($_.Line.Trim())" }
exit [int]($missing.Count -gt 0)
