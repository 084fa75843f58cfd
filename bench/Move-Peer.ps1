# One session's part of the comparison of migrations (Peers.ps1), with the protocol of peers.py's session.
param([string] $Module, [Parameter(ValueFromRemainingArguments)][string[]] $Uris)
$ErrorActionPreference = 'Stop'
Import-Module $Module
$names = (Connect-KumoiHost $Uris).Name
'ready'
while ($line = [Console]::In.ReadLine()) {
  $from = [int] $line.Split()[1]
  $vms = Get-KumoiVM peer-*
  $to = $names[1 - $from]
  $watch = [System.Diagnostics.Stopwatch]::StartNew()
  $null = $vms | Move-KumoiVM -Destination $to -ThrottleLimit 2
  $watch.Elapsed.TotalMilliseconds.ToString([cultureinfo]::InvariantCulture)
}
Disconnect-KumoiHost * -Confirm:$false
