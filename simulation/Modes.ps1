# The study of the modes of a fault-tolerant pair, for the page and the report. Dot-sourced.

# Its figures: the property of a result, its title, its unit, how its numbers are written, and what they are multiplied with.
$script:modeFigures = @(
  @{ property = 'DowntimeRatio'; title = 'Downtime ratio: the guest stands still for checkpoints'; unit = '%'; format = '0.00'; factor = 100 }
  @{ property = 'LatencyMs'; title = 'Output latency, mean'; unit = 'ms'; format = '0.0'; factor = 1 }
  @{ property = 'LatencyP99Ms'; title = 'Output latency, p99'; unit = 'ms'; format = '0'; factor = 1 }
  @{ property = 'CpuRatio'; title = 'CPU of both hosts, relative to the VM alone'; unit = '×'; format = '0.00'; factor = 1 }
  @{ property = 'NetworkBytesPerSec'; title = 'Network between the hosts'; unit = 'MB/s'; format = '0.0'; factor = 1e-6 }
  @{ property = 'ColoShare'; title = 'Time in COLO'; unit = '%'; format = '0.0'; factor = 100 }
  @{ property = 'ChangesPerHour'; title = 'Changes of mode in an hour'; unit = ''; format = '0'; factor = 1 }
)

# What a guest is called in tables.
$script:guests = @{ Deterministic = 'deterministic'; NonDeterministic = 'non-deterministic'; Threaded = 'threaded'; Changing = 'changing' }

function Format-ModeFigure {
  param([Parameter(Mandatory)] $Value, [Parameter(Mandatory)] $Figure)
  $culture = [cultureinfo]::InvariantCulture
  '{0} ± {1}' -f ($Value.Mean * $Figure.factor).ToString($Figure.format, $culture), ($Value.HalfWidth * $Figure.factor).ToString($Figure.format, $culture)
}

function Get-ModeFigureTable {
  # A row for each rule, a column for each guest: arrays of text, the first the head.
  param([Parameter(Mandatory)][object[]] $Results, [Parameter(Mandatory)] $Figure)
  , @('rule'; $Results.Workload | Select-Object -Unique | ForEach-Object { $script:guests["$_"] })
  foreach ($rule in $Results.Policy | Select-Object -Unique) {
    , @($rule; $Results | Where-Object Policy -eq $rule | ForEach-Object { Format-ModeFigure $_.($Figure.property) $Figure })
  }
}

function Get-ModeGoalTable {
  # What each hybrid has against the better fixed mode, run by run, and whether that is the goal of the design.
  param([Parameter(Mandatory)][object[]] $Results)
  , @('guest'; 'better fixed mode'; 'rule'; 'its downtime ratio'; 'difference, run by run'; 'not worse within its interval'; 'not worse run by run'; 'better run by run')
  $figure = @{ format = '0.00'; factor = 100 }
  foreach ($result in $Results | Where-Object IsHybrid) {
    , @(
      $script:guests["$($result.Workload)"]; $result.BetterFixed; $result.Policy; Format-ModeFigure $result.DowntimeRatio $figure
      Format-ModeFigure $result.DowntimeDifference $figure
      foreach ($holds in $result.IsNotWorse, $result.IsNotWorseInEachRun, $result.IsBetter) { $holds ? 'yes' : 'no' }
    )
  }
}

function Get-ModeTable {
  # The tables of the page, by their marks.
  param([Parameter(Mandatory)][object[]] $Results)
  $figures = foreach ($figure in $script:modeFigures) {
    "**$($figure.title)**$($figure.unit ? " ($($figure.unit))" : '')`n`n$(ConvertTo-PageTable (Get-ModeFigureTable $Results $figure))"
  }
  [ordered]@{ 'goal of the modes' = ConvertTo-PageTable (Get-ModeGoalTable $Results); modes = $figures -join "`n" }
}

function Get-ModeSection {
  # The same for the report.
  param([Parameter(Mandatory)][object[]] $Results)
  [ordered]@{
    guests   = @($Results.Workload | Select-Object -Unique | ForEach-Object { $script:guests["$_"] })
    figures  = @(foreach ($figure in $script:modeFigures) {
        [ordered]@{
          title = $figure.title; unit = $figure.unit; digits = [math]::Max(0, $figure.format.Length - 2)
          series = @($Results.Policy | Select-Object -Unique | ForEach-Object {
              $rule = $_
              $values = ($Results | Where-Object Policy -eq $rule).($figure.property)
              [ordered]@{
                policy = $rule
                mean   = @($values | ForEach-Object { $_.Mean * $figure.factor })
                low    = @($values | ForEach-Object { $_.Low * $figure.factor })
                high   = @($values | ForEach-Object { $_.High * $figure.factor })
              }
            })
          table = @(Get-ModeFigureTable $Results $figure)
        }
      })
  }
}
