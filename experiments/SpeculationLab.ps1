# Speculative migrations of one guest on real hosts, with random faults, the controller's death among them. After each, exactly one copy
# must run, and the guest's counter must have gone on. Half of the dead controllers take the journal with them. Beside the guest there are VMs
# that are not ours, which must be as they were. Run in the lab's network: lab.sh run pwsh -File … (see docs/experiments.md).
param(
  [Parameter(Mandatory)][string] $Module,
  [int] $Count = 200,
  [int] $Seed = 1,
  # Only these of the faults below.
  [string[]] $Only
)
$ErrorActionPreference = 'Stop'
Import-Module $Module
$folder = New-Item -ItemType Directory (Join-Path ([System.IO.Path]::GetTempPath()) "kumoi-speculation-$PID")
$env:KUMOI_STATE = Join-Path $folder journal
. $PSScriptRoot/../tests/Lab/Lab.ps1
$info = Invoke-Lab info --json | ConvertFrom-Json
$machines = $info.hosts.name
$uris = @{}
foreach ($machine in $machines) { $uris[$machine] = Invoke-Lab tcp-uri $machine }
. $PSScriptRoot/LabFaults.ps1
$pwsh = $env:KUMOI_PWSH
$random = [Random]::new($Seed)
# kill, deaf: the controller dies, in 'deaf' when the targets have told it that they have all, which the source has not heard. late: what the
# targets answer comes seconds later. pause, off: somebody does that to the guest as soon as it runs on its new host. clock: the controller's
# time of day is stepped, by up to two hours either way.
$faults = @('none', 'kill', 'kill', 'deaf', 'damage', 'power', 'daemon', 'late', 'late', 'pause', 'off', 'clock', 'clock')
$clock = New-SteppedClock $folder
if (-not $clock) { Write-Host 'Left out: the stepped clock, because there is no C compiler.'; $faults = $faults | Where-Object { $_ -ne 'clock' } }
if ($Only) { $faults = $Only }
# Serial logs outlive their guests: each guest has a name of its own.
$generation = 0
$tally = [ordered]@{ operations = 0; moved = 0; stayed = 0; ended = 0; killed = 0; journals = 0; repaired = 0; stuck = 0; lost = 0; twice = 0; back = 0; left = 0; foreign = 0 }
$byFault = [ordered]@{}

function Get-RunsOn { $all = Get-Places $name; ,@($all.Keys | Where-Object { $all[$_] -eq 'running' }) }
function Get-Marks { @(foreach ($machine in $machines) { & virsh -q -c $info.hosts.Where{ $_.name -eq $machine }.uri dumpxml $name 2>$null | Select-String '<plan|kumoi-speculation:plan' | ForEach-Object { "$machine $_" } }) }
function Get-Counter { param($Machine) try { [long](Invoke-Lab counter $Machine $name 2>$null) } catch { -1 } }
function New-Guest {
  # On a host of the older generation: it can go to any.
  $script:name = "mover-$PID-$(($script:generation++))"
  New-KumoiVM $name -VMHost $machines[0] -Xml $template.Replace('template', $name) -Start | Out-Null
  Wait-For { (Get-Counter $machines[0]) -gt 0 }
}
function Add-Finding {
  param($Kind, $Text)
  $tally[$Kind]++
  Write-Host "$Kind`: operation $i ($fault at $moment ms, $at to $($others -join ', ')): $Text"
  foreach ($machine in (Get-Places $name).Keys) { Get-Diagnosis $machine | Out-Host }
}

function Wait-Repaired {
  Wait-For {
    $unfinished = @(Get-KumoiOperation -Unfinished | Where-Object Kind -eq SpeculativeMigrate) + @(Get-KumoiOperation -Orphaned -ErrorAction SilentlyContinue)
    foreach ($operation in $unfinished) {
      $script:result = $operation | Repair-KumoiOperation -WarningAction SilentlyContinue -ErrorAction SilentlyContinue -ErrorVariable script:problem
      if ($result.IsRepaired) { $tally.repaired++ }
    }
    $unfinished.Count -eq 0
  } -Seconds 90
}

Remove-Stranger
Connect-KumoiHost @($uris.Values) | Out-Null
Get-KumoiVM | Where-Object State -ne Shutoff | Stop-KumoiVM -TurnOff
Get-KumoiVM | Remove-KumoiVM -Force
$template = (Invoke-Lab domain-xml template qcow2) -join "`n"
New-Stranger
$strangers = Get-Stranger
New-Guest

for ($i = 0; $i -lt $Count; $i++) {
  $at = (Get-RunsOn)[0]
  $others = @($machines | Where-Object { $_ -ne $at } | Sort-Object { $random.Next() } | Select-Object -First (2 + $random.Next(2)))
  $before = Get-Counter $at
  $fault = $faults[$random.Next($faults.Count)]
  $victim = $others[0]
  $moment = $random.Next(900)
  $byFault[$fault] = 1 + $byFault[$fault]
  $ways = @{} + $uris
  $meddlers = @()
  if ($fault -eq 'damage') { Invoke-Lab damage $victim }
  if ($fault -eq 'deaf') { Invoke-Lab deafen $at }
  if ($fault -eq 'late') { $ports = foreach ($machine in $others) { $port = [LateAnswers]::new("$($info.network).254", $info.hosts.Where{ $_.name -eq $machine }.address); $ways[$machine] = $port.Uri; $port } }
  if ($fault -eq 'pause') { $meddlers = @(Start-Meddler $name suspend $others) }
  if ($fault -eq 'off') { $meddlers = @(Start-Meddler $name destroy $others) }
  # Another process, which can die.
  $script = "Import-Module '$Module'; Connect-KumoiHost $(($ways.Values | ForEach-Object { "'$_'" }) -join ',') -ErrorAction SilentlyContinue | Out-Null; " +
    "[Console]::Out.WriteLine('begin'); Move-KumoiVM $name $($others -join ',') -Speculative -Replicas $($others.Count) -TimeLimitSec 20"
  $start = [System.Diagnostics.ProcessStartInfo]::new($pwsh, [string[]] @('-NoProfile', '-NonInteractive', '-Command', $script))
  $start.RedirectStandardOutput = $start.RedirectStandardError = $true
  if ($fault -eq 'clock') {
    $start.Environment['LD_PRELOAD'] = $clock
    $start.Environment['KUMOI_LAB_CLOCK'] = $offset = Join-Path $folder "clock-$i"
    Set-SteppedClock $offset 0
  }
  $process = [System.Diagnostics.Process]::Start($start)
  $null = $process.StandardOutput.ReadLine()
  if ($fault -in 'kill', 'power', 'daemon', 'clock') { [System.Threading.Tasks.Task]::Delay($moment).Wait() }
  # The relay, which is in that process, dies when the targets have told it that they have all, which the source has not heard.
  if ($fault -eq 'deaf') { Wait-For { $process.HasExited -or (Get-State $at $name) -eq 'paused' -or (Get-State $victim $name) -eq 'paused' }; [System.Threading.Tasks.Task]::Delay($moment).Wait() }
  if ($fault -eq 'late') {
    # Every target has taken what it needs for the stream; all that comes then, the answer to the starting step among it, is held.
    Wait-For { $process.HasExited -or @($others | Where-Object { -not (Get-State $_ $name) }).Count -eq 0 }
    $held = 1000 + $random.Next(7000)
    foreach ($port in $ports) { $port.Hold($held) }
    # In half of them nobody hears it any more.
    if ($moment -ge 450) { [System.Threading.Tasks.Task]::Delay($moment).Wait(); $process.Kill(); $tally.killed++ }
  }
  if ($fault -eq 'clock') {
    Set-SteppedClock $offset (($random.Next(2) * 2 - 1) * (2 + $random.Next(7200)))
    # While it lives the operation is its own, whatever its clock says.
    if (-not $process.HasExited) { Get-KumoiOperation -Unfinished | Where-Object { -not $process.HasExited } | Repair-KumoiOperation -WarningAction SilentlyContinue -ErrorAction SilentlyContinue | Out-Null }
    if ($moment -ge 450 -and -not $process.HasExited) { $process.Kill(); $tally.killed++ }
  }
  switch ($fault) {
    { $_ -in 'kill', 'deaf' } { $process.Kill(); $tally.killed++ }
    'power' { Invoke-Lab power-off $victim }
    'daemon' { Invoke-Lab kill-daemon $victim }
  }
  if (-not $process.WaitForExit(120000)) { $process.Kill() }
  $told = $process.StandardError.ReadToEnd()
  $hands = if ($meddlers) { @(Stop-Meddler $meddlers) } else { @() }
  if ($fault -eq 'power') { Invoke-Lab power-on $victim }
  if ($fault -eq 'deaf') { Invoke-Lab heal $at }
  if ($fault -eq 'damage') { Invoke-Lab mend $victim }
  # Twice is twice, also for a moment.
  $first = Get-RunsOn
  if ($first.Count -gt 1) { Add-Finding twice "$first; $told" }
  if ($fault -in 'kill', 'deaf' -and $random.Next(2) -eq 0) {
    $tally.journals++
    $env:KUMOI_STATE = Join-Path $folder "journal-$i"
  }
  # A call that the dead controller had under way ends some time; what cannot be repaired yet is tried again.
  try {
    try { Wait-Repaired }
    catch {
      if (-not (Repair-StuckDaemon $victim $name)) { throw }
      $tally.stuck++
      Restore-Stranger $victim
      Wait-Repaired
    }
  }
  catch { Add-Finding lost "not repaired: $($result.Message) $problem; $(ConvertTo-Json -Compress (Get-Places $name)); $told"; break }
  $tally.operations++
  $places = Get-Places $name
  $running = Get-RunsOn
  if ($running.Count -gt 1) { Add-Finding twice "after the repair: $running; $told"; break }
  if ($again = Get-CounterTwice $name) { Add-Finding back "twice printed: $($again -join ', '); it is $(ConvertTo-Json -Compress $places); $told"; break }
  if ($running.Count -eq 0) {
    # On the host that lost its power it is gone, as any VM there; and where somebody has paused it or turned it off, that is how it is.
    $one = $places.Count -eq 1 -and $places.Values -contains $(if ($fault -eq 'pause') { 'paused' } else { 'shut off' })
    if ($fault -eq 'power' -or ($fault -in 'pause', 'off' -and $hands -and $one)) {
      $tally.ended++
      if ($fault -eq 'pause') {
        $now = @($places.Keys)[0]
        & virsh -q -c $info.hosts.Where{ $_.name -eq $now }.uri resume $name | Out-Null
        Wait-For { (Get-Counter $now) -gt $before }
        if ($again = Get-CounterTwice $name) { Add-Finding back "after it was resumed on $now`: twice printed: $($again -join ', '); $told"; break }
      }
      else {
        Get-KumoiVM $name -ErrorAction SilentlyContinue | Remove-KumoiVM -Force
        New-Guest
      }
    }
    else {
      Add-Finding lost "it is $(ConvertTo-Json -Compress $places), meddled with on '$hands'; $told"
      break
    }
  }
  else {
    $now = $running[0]
    if ($now -eq $at) { $tally.stayed++ } else { $tally.moved++ }
    if ($fault -eq 'deaf' -and $now -ne $at) { Add-Finding lost "it is on $now, although $at heard nothing; $told" }
    try { Wait-For { (Get-Counter $now) -gt $before } 20 } catch { Add-Finding lost "on $now the counter stays at $(Get-Counter $now), before $before; $told"; break }
    if ($places.Count -ne 1) { Add-Finding left "copies are left: $(ConvertTo-Json -Compress $places); $told" }
    if ($again = Get-CounterTwice $name) { Add-Finding back "twice printed: $($again -join ', '); it is $(ConvertTo-Json -Compress $places); $told"; break }
  }
  if ($marks = Get-Marks) { Add-Finding left "a mark is left: $marks; $told" }
  if ($fault -eq 'power') { Restore-Stranger $victim }
  if ($difference = Compare-Object $strangers @(Get-Stranger)) { Add-Finding foreign "$($difference | ForEach-Object { "$($_.SideIndicator) $($_.InputObject)" }); $told"; break }
}
Remove-Stranger
Remove-Item $folder -Recurse -Force -ErrorAction Ignore
[pscustomobject] $tally
"faults: $(($byFault.GetEnumerator() | ForEach-Object { "$($_.Key) $($_.Value)" }) -join ', ')"
exit [int]($tally.lost + $tally.twice + $tally.back + $tally.left + $tally.foreign -gt 0)
