# (j) What fault-tolerant pairs cost, by each engine, and how long nobody serves when a VM dies. The lab's tests measure it; a tick guest
# of 32 MiB that is idle or writes 9 MiB/s, a Linux guest whose clients count, and one that never rests. Dot-sourced by
# Invoke-Benchmark.ps1 while the lab is up.
$figures = Join-Path $work pairs.json
Remove-Item $figures -ErrorAction Ignore
& $labScript run env "KUMOI_FIGURES=$figures" KUMOI_PAIR_LOSSES=20 dotnet "$root/tests/Lab/bin/Release/net10.0/Kumoi.Lab.Tests.dll" -class Kumoi.Tests.Lab.PairFigureTests -class Kumoi.Tests.Lab.PairModeFigureTests | Out-Host
if ($LASTEXITCODE -ne 0) { throw 'the tests of pairs failed' }
# By log and replay nothing stands still: what it has is outputs, and a log.
& $labScript run env "KUMOI_FIGURES=$figures" KUMOI_PAIR_LOSSES=10 KUMOI_LAB_REPLAY=1 dotnet "$root/tests/Lab/bin/Release/net10.0/Kumoi.Lab.Tests.dll" -method 'Kumoi.Tests.Lab.PairReplayTests.A_pair_goes_on*' -method 'Kumoi.Tests.Lab.PairReplayTests.A_guest_that_never_rests*' | Out-Host
if ($LASTEXITCODE -ne 0) { throw 'the tests of log and replay failed' }
$measured = Get-Content $figures | ConvertFrom-Json
# Where COLO can be made (a C compiler, for the lab's shim): how long a guest stands still that changes.
$fixed = $measured | Where-Object guest -in 'changing, Checkpoint', 'changing, COLO'
foreach ($of in $measured | Where-Object guest -like 'changing, *') {
  $best = ($fixed.downtime | Measure-Object -Minimum).Minimum
  $limit = if ($of -notin $fixed) { 1 }
  Add-Result "pair by COLO, $($of.guest -replace "^changing, ") as the rule of the mode, a guest that changes: part of the time in which it stands still, against the better fixed mode" ($of.downtime * 100) ($best * 100) ($of.downtime / $best) $limit 'one mode for ever' '%'
}
foreach ($of in $measured | Where-Object guest -notlike 'changing, *') {
  $name = "pair by $($of.engine), guest '$($of.guest)'"
  $told = 'the same guest without a pair: no pause, nothing held'
  if ($of.engine -eq 'LogReplay' -and $of.guest -like 'restless,*') {
    Add-Result "${name}: a piece of work while it is recorded, against not recorded" $of.workRecorded $of.workAlone ($of.workRecorded / $of.workAlone) $null 'the same guest, not recorded'
    Add-Result "${name}: the same with a replica, which it waits for" $of.work $of.workAlone ($of.work / $of.workAlone) $null 'the same guest, not recorded'
    continue
  }
  if ($of.engine -eq 'LogReplay') {
    Add-Result "${name}: output held p50, against 1 s" $of.outputP50 1000 ($of.outputP50 / 1000) $null $told
    Add-Result "${name}: output held p99, against p50" $of.outputP99 $of.outputP50 ($of.outputP99 / $of.outputP50) $null $told
    Add-Result "${name}: log in a second, against 20 KiB" ($of.logBytesPerSecond / 1KB) 20 ($of.logBytesPerSecond / 20KB) $null '-' 'KiB'
    Add-Result "${name}: lag of the replica p50, against its bound" $of.lagP50 2000 ($of.lagP50 / 2000) $null $told
    Add-Result "${name}: lag of the replica p99, against its bound" $of.lagP99 2000 ($of.lagP99 / 2000) $null $told
    Add-Result "${name}: kill -9 to running again, p50 of $($of.outages), against 1 s" $of.outageP50 1000 ($of.outageP50 / 1000) 1 'never, without a pair'
    continue
  }
  $limit = if ($of.engine -eq 'Migrate' -and $of.guest -ne 'linux' -and $of.guest -ne 'busy') { 1 }
  Add-Result "${name}: pause p99 of $($of.undisturbed) of $($of.checkpoints) in which this machine itself did not stand still, against 30 ms" $of.undisturbedP99 30 ($of.undisturbedP99 / 30) $limit $told
  Add-Result "${name}: pause p99 of all $($of.checkpoints), against 30 ms" $of.pauseP99 30 ($of.pauseP99 / 30) $null $told
  Add-Result "${name}: pause p50, against 30 ms" $of.pauseP50 30 ($of.pauseP50 / 30) $null $told
  Add-Result "${name}: output held p99, against p50" $of.outputP99 $of.outputP50 ($of.outputP99 / $of.outputP50) $null $told
  Add-Result "${name}: a checkpoint p50, against 1 MiB" ($of.bytesP50 / 1MB) 1 ($of.bytesP50 / 1MB) $null '-' 'MiB'
  if ($of.guest -eq 'hot') {
    $limit = if ($of.engine -eq 'SharedDelta') { 1.2 }
    Add-Result "${name}: bytes of all checkpoints against those that the guest changed" $of.bytesOfChanged 1 $of.bytesOfChanged $limit 'what its program writes' 'x'
  }
  if ($of.outages) {
    $allowed = if ($of.engine -eq 'LibvirtSnapshot') { 2000 } else { 150 }
    Add-Result "${name}: kill -9 to running again, p50, against $allowed ms" $of.outageP50 $allowed ($of.outageP50 / $allowed) 1 'never, without a pair'
  }
  if ($of.guest -eq 'linux') { Add-Result "${name}: an answer by TCP, against without a pair" $of.answerP50 $of.answerP50Alone ($of.answerP50 / $of.answerP50Alone) $null 'the same guest without a pair' }
  if ($of.guest -eq 'busy') { Add-Result "${name}: a piece of work, against without a pair" $of.work $of.workAlone ($of.work / $of.workAlone) $null 'the same guest without a pair' }
}
