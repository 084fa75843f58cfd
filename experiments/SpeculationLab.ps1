# Speculative migrations of one guest on real hosts, with random faults, the controller's death among them. After each, exactly one copy
# must run, and the guest's counter must have gone on. Half of the dead controllers take the journal with them. Run in the lab's network:
# lab.sh run pwsh -File … (see Invoke-Experiments.ps1).
param(
  [Parameter(Mandatory)][string] $Module,
  [int] $Count = 200,
  [int] $Seed = 1
)
$ErrorActionPreference = 'Stop'
Import-Module $Module
$env:KUMOI_STATE = Join-Path ([System.IO.Path]::GetTempPath()) "kumoi-speculation-$PID"
. $PSScriptRoot/../tests/Lab/Lab.ps1
$info = Invoke-Lab info --json | ConvertFrom-Json
$machines = $info.hosts.name
$uris = $machines | ForEach-Object { Invoke-Lab tcp-uri $_ }
$pwsh = $env:KUMOI_PWSH
$random = [Random]::new($Seed)
# Serial logs outlive their guests: each guest has a name of its own.
$generation = 0
$tally = [ordered]@{ operations = 0; moved = 0; stayed = 0; killed = 0; journals = 0; repaired = 0; lost = 0; twice = 0; back = 0; left = 0; restarted = 0 }

# Not by Get-KumoiVM, to which a copy that is being destroyed is still running.
function Get-State { param($Machine) Invoke-Lab exec $Machine sh -c "virsh -q domstate $name 2>/dev/null || true" | Where-Object { $_ } }
function Get-RunsOn { ,@(foreach ($machine in $machines) { if ((Get-State $machine) -eq 'running') { $machine } }) }
function Get-Marks { @(foreach ($machine in $machines) { Invoke-Lab exec $machine sh -c "virsh -q dumpxml $name 2>/dev/null || true" | Select-String '<plan|kumoi-speculation:plan' | ForEach-Object { "$machine $_" } }) }
function Get-Counter { param($Machine) try { [long](Invoke-Lab counter $Machine $name 2>$null) } catch { -1 } }
function New-Guest {
  $script:name = "mover-$PID-$(($script:generation++))"
  New-KumoiVM $name -VMHost $machines[0] -Xml $template.Replace('template', $name) -Start | Out-Null
  Wait-For { (Get-Counter $machines[0]) -gt 0 }
}

Connect-KumoiHost $uris | Out-Null
Get-KumoiVM | Where-Object State -ne Shutoff | Stop-KumoiVM -TurnOff
Get-KumoiVM | Remove-KumoiVM -Force
$template = (Invoke-Lab domain-xml template qcow2) -join "`n"
New-Guest

for ($i = 0; $i -lt $Count; $i++) {
  $at = (Get-RunsOn)[0]
  $others = $machines | Where-Object { $_ -ne $at } | Sort-Object { $random.Next() } | Select-Object -First (2 + $random.Next(2))
  $before = Get-Counter $at
  $fault = @('none', 'kill', 'kill', 'deaf', 'damage', 'power', 'daemon')[$random.Next(7)]
  $victim = $others[0]
  if ($fault -eq 'damage') { Invoke-Lab damage $victim }
  if ($fault -eq 'deaf') { Invoke-Lab deafen $at }
  # Another process, which can die.
  $script = "Import-Module '$Module'; Connect-KumoiHost $(($uris | ForEach-Object { "'$_'" }) -join ',') -ErrorAction SilentlyContinue | Out-Null; " +
    "[Console]::Out.WriteLine('begin'); Move-KumoiVM $name $($others -join ',') -Speculative -Replicas $($others.Count) -TimeLimitSec 20"
  $start = [System.Diagnostics.ProcessStartInfo]::new($pwsh, [string[]] @('-NoProfile', '-NonInteractive', '-Command', $script))
  $start.RedirectStandardOutput = $start.RedirectStandardError = $true
  $process = [System.Diagnostics.Process]::Start($start)
  $null = $process.StandardOutput.ReadLine()
  $moment = $random.Next(900)
  if ($fault -in 'kill', 'power', 'daemon') { [System.Threading.Tasks.Task]::Delay($moment).Wait() }
  # The relay, which is in that process, dies when the targets have told it that they have all, which the source has not heard.
  if ($fault -eq 'deaf') { Wait-For { $process.HasExited -or (Get-State $at) -eq 'paused' } }
  switch ($fault) {
    { $_ -in 'kill', 'deaf' } { $process.Kill(); $tally.killed++ }
    'power' { Invoke-Lab power-off $victim }
    'daemon' { Invoke-Lab kill-daemon $victim }
  }
  if (-not $process.WaitForExit(120000)) { $process.Kill() }
  $told = $process.StandardError.ReadToEnd()
  if ($fault -eq 'power') { Invoke-Lab power-on $victim }
  if ($fault -eq 'deaf') { Invoke-Lab heal $at }
  if ($fault -eq 'damage') { Invoke-Lab mend $victim }
  # Twice is twice, also for a moment.
  $first = Get-RunsOn
  if ($first.Count -gt 1) { $tally.twice++; Write-Host "twice: operation $i ($fault at $moment ms): $first; $told" }
  if ($fault -in 'kill', 'deaf' -and $random.Next(2) -eq 0) {
    $tally.journals++
    $env:KUMOI_STATE = Join-Path ([System.IO.Path]::GetTempPath()) "kumoi-speculation-$PID-$i"
  }
  # A call that the dead controller had under way ends some time; what cannot be repaired yet is tried again.
  Wait-For {
    $unfinished = @(Get-KumoiOperation -Unfinished | Where-Object Kind -eq SpeculativeMigrate) + @(Get-KumoiOperation -Orphaned -ErrorAction SilentlyContinue)
    foreach ($operation in $unfinished) {
      $result = $operation | Repair-KumoiOperation -WarningAction SilentlyContinue -ErrorAction SilentlyContinue
      if ($result.IsRepaired) { $tally.repaired++ }
    }
    $unfinished.Count -eq 0
  }
  $tally.operations++
  $running = Get-RunsOn
  if ($running.Count -gt 1) { $tally.twice++; Write-Host "twice: operation $i ($fault at $moment ms), after the repair: $running; $told" }
  if ($running.Count -eq 0) {
    if ($fault -eq 'power') {
      # It ran on the host that lost its power: as any VM there it is gone.
      $tally.restarted++
      Get-KumoiVM $name -ErrorAction SilentlyContinue | Remove-KumoiVM -Force
      New-Guest
      continue
    }
    $tally.lost++
    Write-Host "operation $i ($fault at $moment ms): lost; $told"
    break
  }
  $now = $running[0]
  if ($now -eq $at) { $tally.stayed++ } else { $tally.moved++ }
  if ($fault -eq 'deaf' -and $now -ne $at) { Write-Host "operation $i (deaf): it is on $now, although $at heard nothing; $told"; $tally.lost++ }
  try { Wait-For { (Get-Counter $now) -gt $before } 20 } catch { Write-Host "operation $i ($fault at $moment ms, from $at, victim $victim): on $now the counter stays at $(Get-Counter $now), before $before; $told"; $tally.lost++; break }
  $elsewhere = @(Get-KumoiVM $name).Count
  if ($elsewhere -ne 1) { Write-Host "operation $i ($fault at $moment ms): $elsewhere copies are defined"; $tally.lost++ }
  if ($marks = Get-Marks) { Write-Host "operation $i ($fault at $moment ms): a mark is left: $marks; $told"; $tally.left++ }
  $serial = Get-Content (Invoke-Lab serial $now $name) -Raw
  $counters = [regex]::Matches($serial, '(?m)^C([0-9A-Fa-f]{8})') | ForEach-Object { [Convert]::ToInt64($_.Groups[1].Value, 16) }
  for ($k = 1; $k -lt $counters.Count; $k++) { if ($counters[$k] -lt $counters[$k - 1]) { $tally.back++; Write-Host "operation $i ($fault at $moment ms): the counter went back from $($counters[$k - 1]) to $($counters[$k])"; break } }
}
Remove-Item (Join-Path ([System.IO.Path]::GetTempPath()) "kumoi-speculation-$PID*") -Recurse -Force -ErrorAction Ignore
[pscustomobject] $tally
exit [int]($tally.lost + $tally.twice + $tally.back + $tally.left -gt 0)
