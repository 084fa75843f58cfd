# The papers' experiments on real hosts: './build.sh experiments' runs the same in a lab of its own.
Describe 'The experiments of the papers on real hosts' {
  It 'hold' {
    $root = Resolve-Path (Join-Path $PSScriptRoot '../..')
    $report = Join-Path $TestDrive 'experiments.json'
    $pwsh = $env:KUMOI_PWSH
    $printed = & $pwsh -NoProfile -NonInteractive -File (Join-Path $root 'experiments/Invoke-Experiments.ps1') -Module $env:KUMOI_MODULE -Report $report -OnlyLab 2>&1
    $LASTEXITCODE | Should -Be 0 -Because ($printed -join "`n")
    Get-Content $report -Raw | ConvertFrom-Json | Should -HaveCount 12
  }
}

Describe 'Speculative migrations on real hosts' {
  It 'lose no VM, start none twice and take none back, whatever fails and whenever the controller dies' {
    $root = Resolve-Path (Join-Path $PSScriptRoot '../..')
    $pwsh = $env:KUMOI_PWSH
    $seed = $env:KUMOI_SPECULATION_SEED ?? (Get-Random -Maximum 1000000)
    $printed = & (Join-Path $PSScriptRoot lab.sh) run $pwsh -NoProfile -NonInteractive -File (Join-Path $root 'experiments/SpeculationLab.ps1') -Module $env:KUMOI_MODULE -Count 5 -Seed $seed 2>&1
    $LASTEXITCODE | Should -Be 0 -Because "seed $seed`: $($printed -join "`n")"
  }
}
