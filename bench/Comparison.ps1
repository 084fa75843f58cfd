# How benchmarks compare, and what they say: each is a ratio of two things measured in turn in one run. Dot-sourced; fills $results.
$results = [System.Collections.Generic.List[object]]::new()

function Measure-Once { param([scriptblock] $Block) $watch = [System.Diagnostics.Stopwatch]::StartNew(); $null = & $Block; $watch.Elapsed.TotalMilliseconds }

function Get-Median { param([double[]] $Values) $sorted = @($Values | Sort-Object); $sorted[[int][math]::Floor(($sorted.Count - 1) / 2)] }

# Ours and the peer's in turn; each block returns its milliseconds. The ratio is the median of the pairs' ratios.
function Add-Comparison {
  param([string] $Name, [scriptblock] $Ours, [scriptblock] $Peer, [string] $PeerCommand, [Nullable[double]] $Goal, [int] $Pairs, [int] $Warmup = 2)
  $mine = [System.Collections.Generic.List[double]]::new()
  $theirs = [System.Collections.Generic.List[double]]::new()
  for ($i = -$Warmup; $i -lt $Pairs; $i++) {
    # Who goes first changes each time.
    if ($i % 2) { $b = & $Peer; $a = & $Ours } else { $a = & $Ours; $b = & $Peer }
    if ($i -ge 0) { $mine.Add($a); $theirs.Add($b) }
  }
  $ratio = Get-Median (0..($Pairs - 1) | ForEach-Object { $mine[$_] / $theirs[$_] })
  Add-Result $Name (Get-Median $mine) (Get-Median $theirs) $ratio $Goal $PeerCommand
}

# Without a goal it is only told.
function Add-Result {
  param([string] $Name, [double] $Ours, [double] $Peer, [double] $Ratio, [Nullable[double]] $Goal, [string] $PeerCommand, [string] $Unit = 'ms')
  $result = [pscustomobject]@{
    name = $Name; ours = [math]::Round($Ours, 2); peer = [math]::Round($Peer, 2); unit = $Unit; ratio = [math]::Round($Ratio, 3)
    goal = $Goal; holds = if ($null -ne $Goal) { $Ratio -le $Goal }; peerCommand = $PeerCommand
  }
  $results.Add($result)
  # A run may be ended before its table.
  Write-Host "$($result.ratio)$(if ($null -ne $Goal) { " (goal $Goal)" }) $Name"
}

function Write-LeftOut { param([string] $What, [string] $Why) Write-Host "Left out: $What, because $Why." }

# A python3 that has libvirt's binding; nothing where there is none.
function Get-Python {
  @('/usr/bin/python3', 'python3') | Where-Object { (Get-Command $_ -ErrorAction Ignore) -and $(& $_ -c 'import libvirt' 2>$null; $LASTEXITCODE -eq 0) } |
    Select-Object -First 1
}

# A program that measures itself: it does one thing for each line that it reads, and prints the milliseconds.
function Start-Peer {
  param([string] $Program, [string[]] $Arguments)
  $start = [System.Diagnostics.ProcessStartInfo]::new($Program)
  $Arguments | ForEach-Object { $start.ArgumentList.Add($_) }
  $start.RedirectStandardInput = $start.RedirectStandardOutput = $true
  [System.Diagnostics.Process]::Start($start)
}

function Invoke-Peer { param([System.Diagnostics.Process] $Peer, [string] $What) $Peer.StandardInput.WriteLine($What); [double] $Peer.StandardOutput.ReadLine() }

function Stop-Peer { param([System.Diagnostics.Process] $Peer) $Peer.StandardInput.Close(); $Peer.WaitForExit() }
