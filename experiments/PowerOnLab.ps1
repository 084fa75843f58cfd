# Power-on placements on real hosts, with random faults, the controller's death among them. After each, the VM runs on one host, or is as it
# was before, and nothing is left elsewhere. Half of the dead controllers take the journal with them. Beside the guests there are VMs that are
# not ours, which must be as they were. In the lab's network (lab.sh run pwsh -File …) answers can come late too.
param(
  [Parameter(Mandatory)][string] $Module,
  [int] $Count = 50,
  [int] $Seed = 1,
  # Only these of the faults below.
  [string[]] $Only
)
$ErrorActionPreference = 'Stop'
Import-Module $Module
$folder = New-Item -ItemType Directory (Join-Path ([System.IO.Path]::GetTempPath()) "kumoi-poweron-$PID")
$env:KUMOI_STATE = Join-Path $folder journal
. $PSScriptRoot/../tests/Lab/Lab.ps1
$info = Invoke-Lab info --json | ConvertFrom-Json
$machines = $info.hosts.name
. $PSScriptRoot/LabFaults.ps1
$uris = @{}
foreach ($machine in $info.hosts) { $uris[$machine.name] = $machine.uri }
$pwsh = $env:KUMOI_PWSH
$random = [Random]::new($Seed)
# kill: the controller dies. late: what the hosts answer comes seconds later. pause, off: somebody does that to the guest as soon as it runs.
# clock: the controller's time of day is stepped, by up to two hours either way.
$faults = @('none', 'kill', 'kill', 'kill', 'damage', 'daemon', 'late', 'late', 'pause', 'off', 'clock', 'clock')
$clock = New-SteppedClock $folder
if (-not $clock) { Write-Host 'Left out: the stepped clock, because there is no C compiler.'; $faults = $faults | Where-Object { $_ -ne 'clock' } }
$isInNetwork = [System.Net.NetworkInformation.NetworkInterface]::GetAllNetworkInterfaces().GetIPProperties().UnicastAddresses.Address.IPAddressToString -contains "$($info.network).254"
if (-not $isInNetwork) { $faults = $faults | Where-Object { $_ -ne 'late' } }
if ($Only) { $faults = $Only }
$tally = [ordered]@{ operations = 0; started = 0; stayed = 0; ended = 0; killed = 0; journals = 0; repaired = 0; lost = 0; twice = 0; back = 0; left = 0; foreign = 0 }
$byFault = [ordered]@{}
$kinds = 'SpeculativeStart'

Remove-Stranger
Connect-KumoiHost @($uris.Values) -WarningAction SilentlyContinue | Out-Null
Get-KumoiVM | Where-Object State -ne Shutoff | Stop-KumoiVM -TurnOff
Get-KumoiVM | Remove-KumoiVM -Force
$template = (Invoke-Lab domain-xml template qcow2) -join "`n"
New-Stranger
$strangers = Get-Stranger

function Get-RunsOn { $all = Get-Places $name; ,@($all.Keys | Where-Object { $all[$_] -eq 'running' }) }
function Get-Marks { @(foreach ($machine in $machines) { & virsh -q -c $info.hosts.Where{ $_.name -eq $machine }.uri dumpxml $name 2>$null | Select-String 'kumoi-speculation:plan|<plan' | ForEach-Object { "$machine $_" } }) }
function Add-Finding { param($Kind, $Text) $tally[$Kind]++; Write-Host "$Kind`: operation $i ($fault at $moment ms, $(if ($hasHome) { "a VM that was off on $at" } else { 'a new VM' }), on $($order -join ', ')): $Text" }

for ($i = 0; $i -lt $Count; $i++) {
  $name = "power-$PID-$i"
  $order = @($machines | Sort-Object { $random.Next() } | Select-Object -First (2 + $random.Next(2)))
  $hasHome = $random.Next(2) -eq 0
  $at = $machines[$random.Next($machines.Count)]
  $definition = $template.Replace('template', $name)
  # Each host's newest machine, which is another one on hosts of another generation; else one that all have.
  if ($random.Next(2) -eq 0) { $definition = $definition -replace "machine='[^']+'", "machine='pc'" }
  if ($hasHome) { New-KumoiVM $name -VMHost $at -Xml $definition | Out-Null }
  $fault = $faults[$random.Next($faults.Count)]
  $victim = $order[0]
  $moment = $random.Next(1200)
  $byFault[$fault] = 1 + $byFault[$fault]
  $ways = @{} + $uris
  $meddlers = @()
  if ($fault -eq 'damage') { Invoke-Lab damage $victim }
  if ($fault -eq 'late') { $ports = foreach ($machine in $order) { $port = [LateAnswers]::new("$($info.network).254", $info.hosts.Where{ $_.name -eq $machine }.address); $ways[$machine] = $port.Uri; $port } }
  if ($fault -eq 'pause') { $meddlers = @(Start-Meddler $name suspend $order) }
  if ($fault -eq 'off') { $meddlers = @(Start-Meddler $name destroy $order) }
  $xml = $definition.Replace("'", "''")
  # Another process, which can die.
  $do = if ($hasHome) { "Start-KumoiVM $name -Speculative -Destination $($order -join ',') -Replicas $($order.Count)" }
  else { "New-KumoiVM $name -VMHost $($order -join ',') -Xml '$xml' -Speculative -Replicas $($order.Count) | Out-Null" }
  $script = "Import-Module '$Module'; Connect-KumoiHost $(($ways.Values | ForEach-Object { "'$_'" }) -join ',') -WarningAction SilentlyContinue | Out-Null; [Console]::Out.WriteLine('begin'); $do"
  $start = [System.Diagnostics.ProcessStartInfo]::new($pwsh, [string[]] @('-NoProfile', '-NonInteractive', '-Command', $script))
  $start.RedirectStandardOutput = $start.RedirectStandardError = $true
  if ($fault -eq 'clock') {
    $start.Environment['LD_PRELOAD'] = $clock
    $start.Environment['KUMOI_LAB_CLOCK'] = $offset = Join-Path $folder "clock-$i"
    Set-SteppedClock $offset 0
  }
  $process = [System.Diagnostics.Process]::Start($start)
  $null = $process.StandardOutput.ReadLine()
  if ($fault -in 'kill', 'daemon', 'clock') { [System.Threading.Tasks.Task]::Delay($moment).Wait() }
  if ($fault -eq 'late') {
    # The first copy is there; all answers that come from now on are held, that to the starting step among them.
    Wait-For { $process.HasExited -or @($order | Where-Object { (Get-State $_ $name) -notin $null, 'shut off' }).Count -gt 0 }
    $held = 1000 + $random.Next(7000)
    foreach ($port in $ports) { $port.Hold($held) }
    # In half of them nobody hears it any more.
    if ($moment -ge 600) { [System.Threading.Tasks.Task]::Delay($moment).Wait(); $process.Kill(); $tally.killed++ }
  }
  if ($fault -eq 'clock') {
    Set-SteppedClock $offset (($random.Next(2) * 2 - 1) * (2 + $random.Next(7200)))
    # While it lives the operation is its own, whatever its clock says.
    if (-not $process.HasExited) { Get-KumoiOperation -Unfinished | Where-Object { -not $process.HasExited } | Repair-KumoiOperation -WarningAction SilentlyContinue -ErrorAction SilentlyContinue | Out-Null }
    if ($moment -ge 600 -and -not $process.HasExited) { $process.Kill(); $tally.killed++ }
  }
  switch ($fault) {
    'kill' { $process.Kill(); $tally.killed++ }
    'daemon' { Invoke-Lab kill-daemon $victim }
  }
  if (-not $process.WaitForExit(120000)) { $process.Kill() }
  $told = $process.StandardError.ReadToEnd()
  $hands = if ($meddlers) { @(Stop-Meddler $meddlers) } else { @() }
  if ($fault -eq 'damage') { Invoke-Lab mend $victim }
  $before = Get-RunsOn
  if ($before.Count -gt 1) { Add-Finding twice "$before; $told" }
  if ($fault -eq 'kill' -and $random.Next(2) -eq 0) {
    $tally.journals++
    $env:KUMOI_STATE = Join-Path $folder "journal-$i"
  }
  # A call that the dead controller had under way ends some time; what cannot be repaired yet is tried again.
  try {
    Wait-For {
      $unfinished = @(Get-KumoiOperation -Unfinished | Where-Object Kind -eq $kinds) + @(Get-KumoiOperation -Orphaned -ErrorAction SilentlyContinue)
      foreach ($operation in $unfinished) {
        $script:result = $operation | Repair-KumoiOperation -WarningAction SilentlyContinue -ErrorAction SilentlyContinue -ErrorVariable script:problem
        if ($result.IsRepaired) { $tally.repaired++ }
      }
      $unfinished.Count -eq 0
    } -Seconds 90
  }
  catch { Add-Finding lost "not repaired: $($result.Message) $problem; $(ConvertTo-Json -Compress (Get-Places $name)); $told"; break }
  $tally.operations++
  $places = Get-Places $name
  $running = Get-RunsOn
  $because = "it is $(ConvertTo-Json -Compress $places), meddled with on '$hands'; $told"
  if ($running.Count -gt 1) { Add-Finding twice $because }
  # What was taken off by somebody's hand may be off or paused; else the VM runs, or is as it was.
  if ($places.Count -gt 1 -or ($places.Count -eq 0 -and $hasHome) -or ($before.Count -eq 1 -and $running[0] -ne $before[0])) { Add-Finding lost $because }
  if ($places.Count -eq 1 -and $running.Count -eq 0 -and -not $hasHome -and -not $hands) { Add-Finding left $because }
  if ($places.Count -eq 1 -and $places.Values -contains 'paused' -and -not ($fault -eq 'pause' -and $hands)) { Add-Finding left $because }
  if ($running.Count -eq 1) {
    $tally.started++
    Wait-For { try { [long](Invoke-Lab counter $running[0] $name 2>$null) -gt 0 } catch { $false } }
  }
  elseif ($hands) { $tally.ended++ }
  else { $tally.stayed++ }
  if (@(foreach ($machine in $machines) { $path = Invoke-Lab serial $machine $name; if (Test-Path $path) { [regex]::Matches([System.IO.File]::ReadAllText($path), 'BOOT') } }).Count -gt 1) { Add-Finding back "it has booted twice: $because" }
  if ($marks = Get-Marks) { Add-Finding left "a mark is left: $marks; $because" }
  Get-KumoiVM $name -ErrorAction SilentlyContinue | Remove-KumoiVM -Force
  if ($difference = Compare-Object $strangers @(Get-Stranger)) { Add-Finding foreign "$($difference | ForEach-Object { "$($_.SideIndicator) $($_.InputObject)" }); $told"; break }
}
Remove-Stranger
Remove-Item $folder -Recurse -Force -ErrorAction Ignore
[pscustomobject] $tally
"faults: $(($byFault.GetEnumerator() | ForEach-Object { "$($_.Key) $($_.Value)" }) -join ', ')"
exit [int]($tally.lost + $tally.twice + $tally.back + $tally.left + $tally.foreign -gt 0)
