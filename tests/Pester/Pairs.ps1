# What tests of fault-tolerant pairs share: simulated fleets, whose pairs the session itself keeps.
function Reset-Pairs {
  if (Get-KumoiConnection) { Stop-KumoiFtPair * | Out-Null }
  Reset-Fleet 'sim://lab?hosts=5&vms=1&running=1&seed=7'
}

# The pair comes into such a state.
function Wait-Pair {
  param([string] $VM, [scriptblock] $Such)
  $given = [System.Diagnostics.Stopwatch]::StartNew()
  while ($true) {
    $pair = Get-KumoiFtPair $VM
    if ($pair | Where-Object $Such) { return $pair }
    if ($given.Elapsed -gt $script:givenUpAfter) { throw "It did not come so far: $($pair | Format-List | Out-String)" }
    [System.Threading.Thread]::Yield() | Out-Null
  }
}

# Programs that a fence can be: they end with 0 or with 1.
function Get-Program { param([string] $Name) (Get-Command $Name -CommandType Application | Select-Object -First 1).Source }
