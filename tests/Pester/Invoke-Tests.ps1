# Runs the Pester tests of a folder in this process, and writes how many passed, failed and were skipped.
param(
  [Parameter(Mandatory)][string] $Path,
  [Parameter(Mandatory)][string] $Report,
  [Parameter(Mandatory)][string] $Module
)
$ErrorActionPreference = 'Stop'
# The user's journal is none of the tests' business.
$env:KUMOI_STATE = Join-Path ([System.IO.Path]::GetTempPath()) "kumoi-tests-$PID"
# build.sh says which program pwsh is.
$env:KUMOI_PWSH ??= (Get-Process -Id $PID).Path
# Pester comes from NuGet: the version that the project file names, at the place where it was restored.
$project = Join-Path $PSScriptRoot 'Pester.csproj'
$null = & dotnet restore $project -v quiet
$version = ([xml](Get-Content -LiteralPath $project -Raw)).Project.ItemGroup.PackageDownload.Version.Trim('[]')
$packages = (& dotnet nuget locals global-packages --list) -replace '^global-packages:\s*'
Import-Module (Join-Path $packages "pester/$version/tools/Pester.psd1")
Import-Module $Module
$env:KUMOI_MODULE = $Module
# libvirt's own test driver runs in this process: it needs the library only.
Connect-KumoiHost test:///default -ErrorAction SilentlyContinue -ErrorVariable missing | Out-Null
$env:KUMOI_HAS_LIBVIRT = if ($missing) { '' } else { '1' }
if ($missing) { Write-Host "Left out: the tests of libvirt in this process, because $missing" }
# Also where it could not be connected: it is not one of the tests' hosts.
Disconnect-KumoiHost *
$configuration = New-PesterConfiguration
$configuration.Run.Path = $Path
$configuration.Run.PassThru = $true
$configuration.Output.Verbosity = 'Detailed'
$configuration.Output.CIFormat = 'None'
# As at a user's prompt: the tests inherit it.
$ErrorActionPreference = 'Continue'
$run = Invoke-Pester -Configuration $configuration
# A container that cannot be run at all is a failure too.
$failed = $run.FailedCount + $run.FailedBlocksCount + $run.FailedContainersCount
[pscustomobject]@{
  Passed = $run.PassedCount
  Failed = $failed
  Skipped = $run.SkippedCount
  Failures = @(
    foreach ($test in $run.Failed) { "$($test.ExpandedPath): $($test.ErrorRecord[0])" }
    foreach ($block in $run.FailedBlocks) { "$($block.ExpandedPath): $($block.ErrorRecord[0])" }
    foreach ($container in $run.FailedContainers) { "$($container.Name): $($container.ErrorRecord[0])" }
  )
} | ConvertTo-Json | Set-Content $Report
Remove-Item $env:KUMOI_STATE -Recurse -Force -ErrorAction Ignore
exit [int]($failed -gt 0)
