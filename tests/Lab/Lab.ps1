# Dot-sourced by scripts and Pester tests that work with the lab.
$labScript = Join-Path $PSScriptRoot lab.sh

function Invoke-Lab { & $labScript @args; if ($LASTEXITCODE -ne 0) { throw "lab.sh $args ended with status $LASTEXITCODE" } }

# Waits until a condition holds; the guest, or another process, decides when.
function Wait-For {
  param([scriptblock] $Condition, [int] $Seconds = 60)
  $limit = [System.Diagnostics.Stopwatch]::StartNew()
  while (-not (& $Condition)) {
    if ($limit.Elapsed.TotalSeconds -gt $Seconds) { throw "It did not happen within $Seconds s: $Condition" }
    [System.Threading.Tasks.Task]::Delay(50).Wait()
  }
}
