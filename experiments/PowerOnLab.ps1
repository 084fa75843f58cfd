# Power-on placements on real hosts, with random faults, the controller's death among them. After each, the VM runs on one host, or is as it
# was before, and nothing is left elsewhere. Half of the dead controllers take the journal with them.
param(
  [Parameter(Mandatory)][string] $Module,
  [int] $Count = 50,
  [int] $Seed = 1
)
$ErrorActionPreference = 'Stop'
Import-Module $Module
$env:KUMOI_STATE = Join-Path ([System.IO.Path]::GetTempPath()) "kumoi-poweron-$PID"
. $PSScriptRoot/../tests/Lab/Lab.ps1
$info = Invoke-Lab info --json | ConvertFrom-Json
$machines = $info.hosts.name
$uris = $info.hosts.uri
$pwsh = $env:KUMOI_PWSH
$random = [Random]::new($Seed)
$tally = [ordered]@{ operations = 0; started = 0; stayed = 0; killed = 0; journals = 0; repaired = 0; lost = 0; twice = 0; left = 0 }
$kinds = 'SpeculativeStart'

Connect-KumoiHost $uris -WarningAction SilentlyContinue | Out-Null
Get-KumoiVM | Where-Object State -ne Shutoff | Stop-KumoiVM -TurnOff
Get-KumoiVM | Remove-KumoiVM -Force
$template = (Invoke-Lab domain-xml template qcow2) -join "`n"
# Not by Get-KumoiVM, to which a copy that is being destroyed is still running.
function Get-RunsOn { ,@(foreach ($machine in $machines) { if ((Invoke-Lab exec $machine sh -c "virsh -q domstate $name 2>/dev/null || true") -contains 'running') { $machine } }) }
function Get-Marks { @(foreach ($machine in $machines) { foreach ($vm in Get-KumoiVM -VMHost $machine) { Invoke-Lab exec $machine virsh dumpxml $vm.Name | Select-String 'kumoi-speculation:plan|<plan' } }) }

for ($i = 0; $i -lt $Count; $i++) {
  $name = "power-$PID-$i"
  $order = $machines | Sort-Object { $random.Next() } | Select-Object -First (2 + $random.Next(2))
  $hasHome = $random.Next(2) -eq 0
  if ($hasHome) { New-KumoiVM $name -VMHost $machines[$random.Next($machines.Count)] -Xml $template.Replace('template', $name) | Out-Null }
  $fault = @('none', 'kill', 'kill', 'kill', 'damage', 'daemon')[$random.Next(6)]
  $victim = $order[0]
  if ($fault -eq 'damage') { Invoke-Lab damage $victim }
  $xml = $template.Replace('template', $name).Replace("'", "''")
  # Another process, which can die.
  $do = if ($hasHome) { "Start-KumoiVM $name -Speculative -Destination $($order -join ',') -Replicas $($order.Count)" }
  else { "New-KumoiVM $name -VMHost $($order -join ',') -Xml '$xml' -Speculative -Replicas $($order.Count) | Out-Null" }
  $script = "Import-Module '$Module'; Connect-KumoiHost $(($uris | ForEach-Object { "'$_'" }) -join ',') -WarningAction SilentlyContinue | Out-Null; [Console]::Out.WriteLine('begin'); $do"
  $start = [System.Diagnostics.ProcessStartInfo]::new($pwsh, [string[]] @('-NoProfile', '-NonInteractive', '-Command', $script))
  $start.RedirectStandardOutput = $start.RedirectStandardError = $true
  $process = [System.Diagnostics.Process]::Start($start)
  $null = $process.StandardOutput.ReadLine()
  $moment = $random.Next(1200)
  if ($fault -in 'kill', 'daemon') { [System.Threading.Tasks.Task]::Delay($moment).Wait() }
  switch ($fault) {
    'kill' { $process.Kill(); $tally.killed++ }
    'daemon' { Invoke-Lab kill-daemon $victim }
  }
  if (-not $process.WaitForExit(120000)) { $process.Kill() }
  $told = $process.StandardError.ReadToEnd()
  if ($fault -eq 'damage') { Invoke-Lab mend $victim }
  $before = Get-RunsOn
  if ($before.Count -gt 1) { $tally.twice++; Write-Host "twice: operation $i ($fault at $moment ms): $before; $told" }
  if ($fault -eq 'kill' -and $random.Next(2) -eq 0) {
    $tally.journals++
    $env:KUMOI_STATE = Join-Path ([System.IO.Path]::GetTempPath()) "kumoi-poweron-$PID-$i"
  }
  # A call that the dead controller had under way ends some time; what cannot be repaired yet is tried again.
  Wait-For {
    $unfinished = @(Get-KumoiOperation -Unfinished | Where-Object Kind -eq $kinds) + @(Get-KumoiOperation -Orphaned -ErrorAction SilentlyContinue)
    foreach ($operation in $unfinished) {
      $result = $operation | Repair-KumoiOperation -WarningAction SilentlyContinue -ErrorAction SilentlyContinue
      if ($result.IsRepaired) { $tally.repaired++ }
    }
    $unfinished.Count -eq 0
  }
  $tally.operations++
  $copies = @(Get-KumoiVM $name -ErrorAction SilentlyContinue)
  $running = Get-RunsOn
  if ($running.Count -gt 1) { $tally.twice++ }
  $because = "operation $i ($fault at $moment ms, $(if ($hasHome) { 'a VM that was off' } else { 'a new VM' }), victim $victim): $($copies | ForEach-Object { "$($_.State) on $($_.VMHost)" }); $told"
  if ($copies.Count -gt 1 -or ($copies.Count -eq 0 -and $hasHome) -or ($before.Count -eq 1 -and $running[0] -ne $before[0])) { $tally.lost++; Write-Host "lost: $because" }
  if ($copies.Count -eq 1 -and $running.Count -eq 0 -and -not $hasHome) { $tally.left++; Write-Host "left: $because" }
  if ($running.Count -eq 1) {
    $tally.started++
    Wait-For { try { [long](Invoke-Lab counter $running[0] $name 2>$null) -gt 0 } catch { $false } }
  }
  else { $tally.stayed++ }
  if (Get-Marks) { $tally.left++; Write-Host "a mark is left: $because" }
  $copies | Remove-KumoiVM -Force
}
Remove-Item (Join-Path ([System.IO.Path]::GetTempPath()) "kumoi-poweron-$PID*") -Recurse -Force -ErrorAction Ignore
[pscustomobject] $tally
exit [int]($tally.lost + $tally.twice + $tally.left -gt 0)
