#Requires -Version 7.6
<#
.SYNOPSIS
  Makes what Get-Help reads, out of docs/cmdlets.
.DESCRIPTION
  PowerShell looks for the help of a binary module in the folder en-US next to the manifest (not next to the dll), under the dll's name:
  Kumoi.PowerShell.dll-Help.xml. Export-MamlCommandHelp writes it; here is repaired what PlatyPS 1.0 leaves out or gets wrong.
#>
[CmdletBinding()]
param(
  # The folder with the pages.
  [Parameter(Mandatory)][string] $Pages,
  # The folder that the file is put into.
  [Parameter(Mandatory)][string] $Target
)
$ErrorActionPreference = 'Stop'
Import-Module Microsoft.PowerShell.PlatyPS

function ConvertTo-Plain {
  # Markdown's marks are noise on a terminal.
  param([AllowEmptyString()][string] $Text)
  $Text -replace '\*\*([^*]+)\*\*', '$1' -replace '`([^`]+)`', '$1' -replace '\[([^\]]+)\]\([^)]+\)', '$1'
}

function Set-Paragraph {
  # Replaces the paragraphs of a description.
  param([Parameter(Mandatory)] $Node, [AllowEmptyString()][string] $Text)
  foreach ($old in @($Node.ChildNodes)) { $null = $Node.RemoveChild($old) }
  foreach ($part in (ConvertTo-Plain $Text) -split '(?:\r?\n){2,}' -ne '') {
    $null = $Node.AppendChild($xml.CreateElement('maml', 'para', $maml)).InnerText = $part
  }
}

function Add-ValueGroup {
  # {qcow2 | raw} instead of <string>.
  param([Parameter(Mandatory)] $Node, [Parameter(Mandatory)][string[]] $Values)
  foreach ($old in @($Node.SelectNodes('command:parameterValueGroup', $names))) { $null = $Node.RemoveChild($old) }
  $group = $xml.CreateElement('command', 'parameterValueGroup', $command)
  foreach ($value in $Values) {
    $item = $group.AppendChild($xml.CreateElement('command', 'parameterValue', $command))
    $item.SetAttribute('required', 'false')
    $item.SetAttribute('variableLength', 'false')
    $item.InnerText = $value
  }

  $null = $Node.InsertAfter($group, $Node.SelectSingleNode('maml:description', $names))
}

$work = Join-Path ([System.IO.Path]::GetTempPath()) "kumoi-maml-$PID"
$help = @(Get-ChildItem $Pages -Filter '*-Kumoi*.md' | ForEach-Object { Import-MarkdownCommandHelp $_.FullName })
$file = $help | Export-MamlCommandHelp -OutputFolder $work -Force | Select-Object -First 1

$maml = 'http://schemas.microsoft.com/maml/2004/10'
$command = 'http://schemas.microsoft.com/maml/dev/command/2004/10'
$dev = 'http://schemas.microsoft.com/maml/dev/2004/10'
$xml = [xml]::new()
$xml.Load([string]$file)
$names = [System.Xml.XmlNamespaceManager]::new($xml.NameTable)
$names.AddNamespace('maml', $maml)
$names.AddNamespace('command', $command)
$names.AddNamespace('dev', $dev)

foreach ($node in $xml.SelectNodes('//command:command', $names)) {
  $page = $help.Where({ $_.Title -eq $node.SelectSingleNode('command:details/command:name', $names).InnerText })[0]
  Set-Paragraph $node.SelectSingleNode('command:details/maml:description', $names) $page.Synopsis
  Set-Paragraph $node.SelectSingleNode('maml:description', $names) $page.Description
  if ($alert = $node.SelectSingleNode('maml:alertSet/maml:alert', $names)) { Set-Paragraph $alert $page.Notes }

  foreach ($parameter in $page.Parameters) {
    $written = $node.SelectSingleNode("command:parameters/command:parameter[maml:name='$($parameter.Name)']", $names)
    $inSyntax = $node.SelectNodes("command:syntax/command:syntaxItem/command:parameter[maml:name='$($parameter.Name)']", $names)
    Set-Paragraph $written.SelectSingleNode('maml:description', $names) $parameter.Description
    # The short name of the type, as in the syntax.
    $value = $written.SelectSingleNode('command:parameterValue', $names)
    if ($value -and $inSyntax.Count -gt 0) { $value.InnerText = $inSyntax[0].SelectSingleNode('command:parameterValue', $names).InnerText }
    if ($parameter.AcceptedValues.Count -gt 0) {
      Add-ValueGroup $written $parameter.AcceptedValues
      foreach ($item in $inSyntax) { Add-ValueGroup $item $parameter.AcceptedValues }
    }

    if ($parameter.DefaultValue) {
      $default = $xml.CreateElement('dev', 'defaultValue', $dev)
      $default.InnerText = $parameter.DefaultValue
      $null = $written.AppendChild($default)
    }
  }

  # PlatyPS puts code and text of an example together into its introduction.
  $examples = $node.SelectNodes('command:examples/command:example', $names)
  for ($i = 0; $i -lt $examples.Count; $i++) {
    $parts = [regex]::Match($page.Examples[$i].Remarks, '(?s)^\s*```\w*\r?\n(?<code>.*?)\r?\n```\s*(?<text>.*)$')
    $introduction = $examples[$i].SelectSingleNode('maml:introduction', $names)
    foreach ($old in @($introduction.ChildNodes)) { $null = $introduction.RemoveChild($old) }
    $examples[$i].SelectSingleNode('dev:code', $names).InnerText = $parts.Groups['code'].Value
    Set-Paragraph $examples[$i].SelectSingleNode('dev:remarks', $names) $parts.Groups['text'].Value.Trim()
  }

  foreach ($list in $node.SelectNodes('command:inputTypes/command:inputType/maml:description | command:returnValues/command:returnValue/maml:description', $names)) {
    Set-Paragraph $list $list.InnerText
  }

  foreach ($link in @($node.SelectNodes('command:relatedLinks/maml:navigationLink', $names))) {
    $uri = $link.SelectSingleNode('maml:uri', $names)
    if ($link.SelectSingleNode('maml:linkText', $names).InnerText -eq 'Online Version') { $null = $link.ParentNode.RemoveChild($link) }
    elseif ($uri.InnerText -notmatch '^https?:') { $uri.InnerText = '' }
  }
}

# What it was made from: a test compares it.
$null = $xml.InsertBefore($xml.CreateComment(" pages: $(& "$PSScriptRoot/Get-PagesHash.ps1" $Pages) "), $xml.DocumentElement)
$null = New-Item -ItemType Directory -Force $Target
$xml.Save((Join-Path $Target 'Kumoi.PowerShell.dll-Help.xml'))
Remove-Item $work -Recurse -Force
