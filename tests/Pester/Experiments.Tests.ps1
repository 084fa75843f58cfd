# The papers' experiments on simulated hosts: './build.sh experiments' runs the same.
BeforeAll {
  $root = Resolve-Path (Join-Path $PSScriptRoot '../..')
  $page = Join-Path $root 'docs/experiments.md'
  $copy = Join-Path $TestDrive 'experiments.md'
  $report = Join-Path $TestDrive 'experiments.json'
  Copy-Item $page $copy
  $pwsh = $env:KUMOI_PWSH
  $printed = & $pwsh -NoProfile -NonInteractive -File (Join-Path $root 'experiments/Invoke-Experiments.ps1') -Module $env:KUMOI_MODULE -Report $report -Page $copy 2>&1
  $status = $LASTEXITCODE
  $rows = Get-Content $report -Raw | ConvertFrom-Json
}

Describe 'The experiments of the papers' {
  It 'hold' {
    $rows | Where-Object holds -eq $false | ForEach-Object { "$($_.experiment), $($_.case), $($_.mechanism): expected $($_.expected), got $($_.got)" } | Should -BeNullOrEmpty
    $status | Should -Be 0 -Because ($printed -join "`n")
  }

  It 'are the three of paper 001, with lineage and without' {
    foreach ($number in 1..3) {
      ($rows | Where-Object experiment -Like "001/$number*").mechanism | Select-Object -Unique | Should -Be with, without
    }
  }

  It 'are the six scripts of paper 000, with the mask and without' {
    foreach ($letter in 'a', 'b', 'c', 'd', 'e', 'f') {
      ($rows | Where-Object { $_.table -eq 'simulated' -and $_.experiment -like "000/$letter*" }).mechanism | Sort-Object -Unique | Should -Be with, without
    }
  }

  It 'have a fault at each of the 41 points, and at each call' {
    $points = $rows | Where-Object experiment -Match '^000/(.) point'
    $points | Should -HaveCount 41
    $points | Group-Object { $_.experiment.Substring(4, 1) } | ForEach-Object Count | Should -Be 10, 4, 2, 3, 18, 4
    $calls = ($rows | Where-Object experiment -Match 'every call').case -replace '.*: (\d+) calls', '$1' | Measure-Object -Sum
    $calls.Count | Should -Be 8
    $calls.Sum | Should -BeGreaterThan 100
  }

  It 'are in docs/experiments.md as they came out' {
    Get-Content $copy -Raw | Should -Be (Get-Content $page -Raw) -Because "'./build.sh experiments' brings it up to date"
  }
}
