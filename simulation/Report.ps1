# What Invoke-Simulation.ps1 writes. Dot-sourced.

# The figures of paper 002, by workload: the property of a result, its title, its unit, and what a property's number is multiplied with.
$script:figures = [ordered]@{
  CapacityMultiplexing  = @(
    @{ property = 'SuccessRatio'; title = 'Logical migrations that succeed'; unit = '%'; factor = 100 }
    @{ property = 'ExcessNetworkRatio'; title = 'Excess network usage, relative to what winners got'; unit = '%'; factor = 100 }
    @{ property = 'TimeImprovement'; title = 'Hosts are overloaded for a shorter time than with retry'; unit = '%'; factor = 100 }
  )
  ContinuousIntegration = @(
    @{ property = 'TimeImprovement'; title = 'Mean launch delay is shorter than with retry'; unit = '%'; factor = 100 }
    @{ property = 'AttemptRatio'; title = 'Launch attempts, relative to retry'; unit = '×'; factor = 1 }
  )
  RollingUpgrade        = @(
    @{ property = 'TimeImprovement'; title = 'The whole upgrade takes less time than with retry'; unit = '%'; factor = 100 }
    @{ property = 'AttemptRatio'; title = 'Migration attempts, relative to retry'; unit = '×'; factor = 1 }
  )
}

function ConvertTo-FlatRow {
  # A result with a column for each bound of each figure.
  param([Parameter(Mandatory)] $Result)
  $row = [ordered]@{}
  foreach ($property in $Result.PSObject.Properties) {
    if ($property.Value -is [Kumoi.KumoiFigure]) {
      foreach ($part in 'Mean', 'Low', 'High') { $row[$property.Name + $part] = $property.Value.$part }
    }
    else {
      $row[$property.Name] = "$($property.Value)"
    }
  }
  [pscustomobject]$row
}

function Compare-ClosedForm {
  # What k replicas of independent operations must come to, and what they came to.
  param([Parameter(Mandatory)] $Result, [Parameter(Mandatory)][double] $FailureRate)
  $k = [int]$Result.Replicas
  $none = [math]::Pow($FailureRate, $k)
  foreach ($case in @(
      @{ figure = 'success'; expected = 1 - $none; got = $Result.SuccessRatio }
      @{ figure = 'attempts, relative to retry'; expected = $k * (1 - $FailureRate) / (1 - $none); got = $Result.AttemptRatio }
    )) {
    [pscustomobject]@{
      f = $FailureRate; k = $k; figure = $case.figure; expected = $case.expected; got = $case.got.Mean; halfWidth = $case.got.HalfWidth
      holds = $case.got.Low -le $case.expected -and $case.expected -le $case.got.High
    }
  }
}

function Format-Figure {
  param([Parameter(Mandatory)] $Result, [Parameter(Mandatory)] $Figure)
  $format = $Figure.factor -eq 100 ? '0.0' : '0.00'
  $value = $Result.($Figure.property)
  $culture = [cultureinfo]::InvariantCulture
  '{0} ± {1}' -f ($value.Mean * $Figure.factor).ToString($format, $culture), ($value.HalfWidth * $Figure.factor).ToString($format, $culture)
}

function Get-FigureTable {
  # A row for each failure rate, a column for each policy: arrays of text, the first the head.
  param([Parameter(Mandatory)][object[]] $Results, [Parameter(Mandatory)] $Figure)
  , @('failed hosts'; $Results.Policy | ForEach-Object ToString | Select-Object -Unique)
  foreach ($rate in $Results | Group-Object FailureRate) {
    , @('{0:0} %' -f (100 * [double]$rate.Group[0].FailureRate); $rate.Group | ForEach-Object { Format-Figure $_ $Figure })
  }
}

function Get-PolicyTable {
  # The tables of the page, by their marks.
  param([Parameter(Mandatory)][object[]] $Results, [Parameter(Mandatory)][object[]] $Closed)
  $tables = [ordered]@{}
  $lines = $Closed | ForEach-Object { '| {0} | {1} | {2} | {3:0.000} | {4:0.000} ± {5:0.000} | {6} |' -f $_.f, $_.k, $_.figure, $_.expected, $_.got, $_.halfWidth, ($_.holds ? 'yes' : '**no**') }
  $tables['closed forms'] = "| failure rate | replicas | figure | closed form | simulated | within the interval |`n| --- | --- | --- | --- | --- | --- |`n$($lines -join "`n")`n"
  foreach ($workload in $script:figures.Keys) {
    $own = @($Results | Where-Object Workload -eq $workload)
    $tables[$workload] = ($script:figures[$workload] | ForEach-Object {
        "**$($_.title)** ($($_.unit))`n`n$(ConvertTo-PageTable (Get-FigureTable $own $_))"
      }) -join "`n"
  }
  $tables
}

function ConvertTo-PageTable {
  # Arrays of text, the first the head, as a table of the page.
  param([Parameter(Mandatory)][object[]] $Rows)
  $head, $body = $Rows
  "| $($head -join ' | ') |`n|$(' --- |' * $head.Count)`n$(($body | ForEach-Object { "| $($_ -join ' | ') |" }) -join "`n")`n"
}

function Update-Page {
  # Puts tables into the page, each between its marks.
  param([Parameter(Mandatory)][string] $Page, [Parameter(Mandatory)][System.Collections.IDictionary] $Tables)
  $text = Get-Content $Page -Raw
  foreach ($name in $Tables.Keys) {
    $mark = [regex]::Escape("<!-- $name -->")
    if ($text -notmatch $mark) { throw "$Page has no mark '<!-- $name -->'." }
    $text = [regex]::Replace($text, "(?s)(?<=$mark\n).*?(?=<!-- end -->)", { $Tables[$name] })
  }
  Set-Content $Page $text -NoNewline
}

function Export-Report {
  # One file without anything to load: the data, the tables, and, where npm has got it, the charting library.
  param([Parameter(Mandatory)][object[]] $Results, [Parameter(Mandatory)][hashtable] $Fleet, [Parameter(Mandatory)] $Modes, [string] $Npm, [Parameter(Mandatory)][string] $Path)
  $sections = foreach ($workload in $script:figures.Keys) {
    $own = @($Results | Where-Object Workload -eq $workload)
    [ordered]@{
      workload = $workload
      duration = "$($own[0].Duration)"
      rates    = @($own.FailureRate | Select-Object -Unique)
      figures  = @($script:figures[$workload] | ForEach-Object {
          $figure = $_
          [ordered]@{
            property = $figure.property; title = $figure.title; unit = $figure.unit
            series = @($own.Policy | Select-Object -Unique | ForEach-Object {
                $policy = $_
                $values = ($own | Where-Object Policy -eq $policy).($figure.property)
                [ordered]@{
                  policy = "$policy"
                  mean   = @($values | ForEach-Object { $_.Mean * $figure.factor })
                  low    = @($values | ForEach-Object { $_.Low * $figure.factor })
                  high   = @($values | ForEach-Object { $_.High * $figure.factor })
                }
              })
            table = @(Get-FigureTable $own $figure)
          }
        })
    }
  }
  $library = ''
  if ($Npm) {
    $folder = Join-Path $Npm 'node_modules/uplot'
    $license = Get-Content (Join-Path $folder LICENSE) -Raw
    $library = "<style>$(Get-Content (Join-Path $folder 'dist/uPlot.min.css') -Raw)</style>`n<script>/*`n$license*/`n$(Get-Content (Join-Path $folder 'dist/uPlot.iife.min.js') -Raw)</script>"
  }
  $data = ConvertTo-Json -Compress -Depth 10 @{ fleet = $Fleet; sections = @($sections); modes = $Modes }
  $html = Get-Content $PSScriptRoot/report.template.html -Raw
  # Replace, not -replace: the library's code has dollar signs.
  Set-Content $Path $html.Replace('<!-- library -->', $library).Replace('/* data */', $data) -NoNewline
}
