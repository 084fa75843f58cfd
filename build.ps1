#!/usr/bin/env pwsh
#Requires -Version 7.6
<#
.SYNOPSIS
  All build tasks.
.EXAMPLE
  ./build.ps1 test
#>
[CmdletBinding()]
param(
  [Parameter(Position = 0)]
  [ValidateSet('build', 'demo', 'test', 'lab', 'docs', 'package', 'bench', 'simulate', 'experiments', 'shell')]
  [string] $Task = 'build',

  [Parameter(Position = 1, ValueFromRemainingArguments)]
  [string[]] $Arguments = @()
)

Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
$PSNativeCommandUseErrorActionPreference = $false
$root = $PSScriptRoot
$module = Join-Path $root 'artifacts/module/Kumoi'
$results = Join-Path $root 'artifacts/tests'
# build.sh says which pwsh it found or restored; where this script was started by itself it is the one that runs it.
$env:KUMOI_PWSH ??= (Get-Process -Id $PID).Path
if ([System.IO.Path]::GetFileNameWithoutExtension($env:KUMOI_PWSH) -eq 'dotnet') { throw 'This pwsh is a .NET tool: run ./build.sh instead, which starts it as a program.' }
$pwsh = $env:KUMOI_PWSH

function Invoke-Native {
  # Runs a program and stops if it fails.
  param([Parameter(Mandatory)][string] $File, [string[]] $With = @())
  & $File @With
  if ($LASTEXITCODE -ne 0) { throw "'$File $($With -join ' ')' ended with status $LASTEXITCODE." }
}

function Invoke-Fresh {
  # Runs a script in a new pwsh: a module's assemblies cannot be unloaded. Returns its status; what it prints is shown.
  # -Through: a command that runs it, such as in another network.
  param([Parameter(Mandatory)][string] $Script, [string[]] $With = @(), [string[]] $Through = @())
  $command, $arguments = $Through + @($pwsh, '-NoProfile', '-NonInteractive', '-File', $Script) + $With
  & $command @arguments | Out-Host
  $LASTEXITCODE
}

function Add-MachineCode {
  # Compiles the module's assemblies ahead of their first use (ReadyToRun), for this machine's platform or another one: a session's first
  # commands would spend most of their time on it. They load on that platform only. Their own assemblies stay as they are, and what has not
  # changed is not compiled again.
  param([string] $Platform)
  $project = "$root/src/Precompiler"
  $for = @(if ($Platform) { "-p:CompileFor=$Platform" })
  $answer = & dotnet restore $project @for -v quiet 2>&1
  if ($LASTEXITCODE -ne 0) {
    $reason = "NuGet has not what it takes to compile ahead: $($answer | Select-Object -First 1)"
    if ($Platform) { throw $reason }
    Write-Host "Left out: machine code for the module's assemblies, because $reason. The module is the same, its first commands are slower."
    return
  }
  $names = 'NETCoreSdkPortableRuntimeIdentifier', 'BundledNETCoreAppPackageVersion', 'CompileFor'
  $what = (& dotnet msbuild $project @for @($names.ForEach{ "-getProperty:$_" }) | ConvertFrom-Json).Properties
  $packages = (& dotnet nuget locals global-packages --list) -replace '^global-packages:\s*'
  $version = $what.BundledNETCoreAppPackageVersion
  $compiler = Get-ChildItem (Join-Path $packages "microsoft.netcore.app.crossgen2.$($what.NETCoreSdkPortableRuntimeIdentifier)/$version/tools/*") -Include crossgen2, crossgen2.exe
  $framework = Join-Path $packages "microsoft.netcore.app.runtime.$($what.CompileFor)/$version/runtimes/$($what.CompileFor)"
  $system, $architecture = $what.CompileFor.Split('-')[0, -1]
  $system = switch ($system) { 'win' { 'windows' } default { $_ } }
  $references = "$framework/lib/net10.0/*.dll", "$module/bin/*.dll", "$module/deps/*.dll", (Join-Path (Split-Path ([psobject].Assembly.Location)) 'System.Management.Automation.dll')
  $cache = New-Item -ItemType Directory -Force (Join-Path $root "artifacts/precompiled/$($what.CompileFor)-$version")
  # All first, from the assemblies as they were: those refer to each other.
  $made = foreach ($source in Get-ChildItem "$module/bin", "$module/deps" -Filter *.dll) {
    $target = Join-Path $cache $source.Name
    if (-not (Test-Path $target) -or (Get-Item $target).LastWriteTimeUtc -ne $source.LastWriteTimeUtc) {
      $answer = & $compiler $source.FullName -o "$target.new" -O --targetos $system --targetarch $architecture @($references.ForEach{ "-r:$_" }) 2>&1
      if ($LASTEXITCODE -ne 0) { throw "Compiling $($source.Name) ahead ended with status ${LASTEXITCODE}: $($answer | Select-Object -Last 5)" }
      (Get-Item "$target.new").LastWriteTimeUtc = $source.LastWriteTimeUtc
      Move-Item "$target.new" $target -Force
    }
    [pscustomobject]@{ From = $target; To = $source.FullName }
  }
  foreach ($file in $made) { Copy-Item $file.From $file.To }
}

function Build-Module {
  # -MachineCode: for which platform its assemblies are compiled ahead: by default this machine's; 'any': for none, they load everywhere.
  param([string] $MachineCode)
  foreach ($project in 'Kumoi.PowerShell', 'Kumoi.Resilience', 'Kumoi.Journal.Sqlite', 'Kumoi.Agent') {
    Invoke-Native dotnet @('build', "$root/src/$project", '-c', 'Release', '-v', 'quiet', '-nologo')
  }
  Remove-Item $module -Recurse -Force -ErrorAction Ignore
  $bin = New-Item -ItemType Directory -Force (Join-Path $module 'bin')
  $deps = New-Item -ItemType Directory -Force (Join-Path $module 'deps')
  Copy-Item "$root/src/Kumoi.PowerShell/bin/Release/net10.0/Kumoi.*" $bin -Include '*.dll', '*.pdb'
  foreach ($project in 'Kumoi.Resilience', 'Kumoi.Journal.Sqlite') {
    Get-ChildItem "$root/src/$project/bin/Release/net10.0/*" -Include '*.dll', '*.pdb' |
      Where-Object BaseName -ne 'Kumoi.Core' | Copy-Item -Destination $deps
  }
  # SQLite for machines that have none, where PowerShell itself runs.
  foreach ($platform in 'linux-x64', 'linux-arm64', 'linux-arm', 'linux-musl-x64', 'osx-x64', 'osx-arm64', 'win-x64', 'win-x86', 'win-arm64') {
    $native = New-Item -ItemType Directory -Force (Join-Path $deps "runtimes/$platform/native")
    Copy-Item "$root/src/Kumoi.Journal.Sqlite/bin/Release/net10.0/runtimes/$platform/native/*" $native
  }
  if ($MachineCode -ne 'any') { Add-MachineCode $MachineCode }
  # The agent has only what the module has not: it shares bin/ and deps/. The compiler's assemblies come with Orleans, for its build.
  $agent = New-Item -ItemType Directory -Force (Join-Path $module 'agent')
  $shared = (Get-ChildItem $bin, $deps -Filter '*.dll').Name
  Get-ChildItem "$root/src/Kumoi.Agent/bin/Release/net10.0/*" -Include '*.dll', 'Kumoi.Agent.pdb', 'Kumoi.Agent.runtimeconfig.json' |
    Where-Object Name -notin $shared | Where-Object Name -notmatch '^(Microsoft\.CodeAnalysis|System\.Composition|Humanizer)' |
    Copy-Item -Destination $agent
  # The host starts nothing whose assemblies are not all there: those that it shares are found by the agent itself.
  $dependencies = Get-Content "$root/src/Kumoi.Agent/bin/Release/net10.0/Kumoi.Agent.deps.json" -Raw | ConvertFrom-Json -AsHashtable
  foreach ($library in $dependencies.targets.Values | ForEach-Object Values) {
    foreach ($part in @('runtime', 'runtimeTargets', 'native').Where{ $library.Contains($_) }) {
      foreach ($file in @($library[$part].Keys)) {
        if (-not (Test-Path (Join-Path $agent (Split-Path $file -Leaf)))) { $library[$part].Remove($file) }
      }
    }
  }
  ConvertTo-Json $dependencies -Depth 10 | Set-Content (Join-Path $agent 'Kumoi.Agent.deps.json')
  Copy-Item "$root/Kumoi.psd1", "$root/Kumoi.Format.ps1xml" $module
  $help = New-Item -ItemType Directory -Force (Join-Path $module 'en-US')
  Copy-Item "$root/docs/about/*.help.txt" $help
  # Made from docs/cmdlets by './build.sh docs', and committed: PlatyPS is not everywhere.
  Copy-Item "$root/docs/help/Kumoi.PowerShell.dll-Help.xml" $help
}

function Test-PlatyPS {
  # Whether PlatyPS is installed, or can be had from the PowerShell Gallery. Only what changes the pages needs it.
  if (Get-Module -ListAvailable Microsoft.PowerShell.PlatyPS | Where-Object Version -ge 1.0.1) { return $true }
  try {
    Install-PSResource Microsoft.PowerShell.PlatyPS -Version '[1.0.1,)' -Scope CurrentUser -TrustRepository -Quiet
    $true
  }
  catch {
    $false
  }
}

function Write-Picture {
  # The rooms and their arrows in docs/architecture.md, from the assemblies, and the tables of log and replay in docs/experiments.md, from
  # what a test walks. Tests fail where the pages have others.
  Invoke-Native dotnet @('build', "$root/tests/Kumoi.Core.Tests", '-c', 'Release', '-v', 'quiet', '-nologo')
  $env:KUMOI_DRAW = '1'
  try { Invoke-Native dotnet @("$root/tests/Kumoi.Core.Tests/bin/Release/net10.0/Kumoi.Core.Tests.dll", '-class', 'Kumoi.Tests.Architecture.ArchitectureTests', '-class', 'Kumoi.Tests.FaultTolerance.Protocols.LogReplay.LogReplayPageTests') }
  finally { $env:KUMOI_DRAW = $null }
}

function Test-Lab {
  # Why the lab cannot run here, and what to do; empty if it can.
  if (-not $IsLinux) { return 'it needs Linux' }
  & "$root/tests/Lab/lab.sh" check
}

function Start-Test {
  # Runs a command of tests, beside others where it is not waited for at once: tests of different kinds wait more than they compute.
  param([Parameter(Mandatory)][string] $Name, [Parameter(Mandatory)][string[]] $Command)
  New-Item -ItemType Directory -Force $results | Out-Null
  $report = Join-Path $results "$Name.json"
  Remove-Item $report -ErrorAction Ignore
  $job = Start-ThreadJob {
    $program, $arguments = $using:Command
    & $program @arguments 2>&1 | ForEach-Object ToString
    [pscustomobject]@{ Status = $LASTEXITCODE }
  }
  [pscustomobject]@{ Job = $job; Report = $report }
}

function Wait-Test {
  # Prints what one of them says; how many of its tests passed, failed (and why) and were skipped.
  param([Parameter(Mandatory, ValueFromPipeline)][object] $Test)
  process {
    $status = 1
    Receive-Job $Test.Job -Wait -AutoRemoveJob | ForEach-Object { if ($_ -is [string]) { Write-Host $_ } else { $status = $_.Status } }
    $name = Split-Path $Test.Report -LeafBase
    if (-not (Test-Path $Test.Report)) { return [pscustomobject]@{ Passed = 0; Failed = 1; Skipped = 0; Failures = @("${name}: it wrote no report") } }
    $report = Get-Content $Test.Report -Raw | ConvertFrom-Json
    # Pester's is as it is returned.
    if (-not $report.PSObject.Properties['results']) { return $report }
    $summary = $report.results.summary
    # What fails outside of a test is only in the status.
    $failures = @($report.results.tests | Where-Object status -EQ 'failed' | ForEach-Object { "$($_.name): $($_.message)" })
    if ($status -ne 0 -and $summary.failed -eq 0) { $failures += "${name}: it ended with status $status" }
    [pscustomobject]@{ Passed = $summary.passed; Failed = $failures.Count; Skipped = $summary.skipped; Failures = $failures }
  }
}

function Start-CSharpTest {
  # A folder's tests, which have been built. -Through: a command that runs them, such as in another network. -Only: the runner's filters.
  param([Parameter(Mandatory)][string] $Path, [Parameter(Mandatory)][string] $Name, [string[]] $Through = @(), [string[]] $Only = @())
  $assembly = (Get-ChildItem "$root/$Path" -Filter *.csproj).BaseName
  Start-Test $Name ($Through + @('dotnet', "$root/$Path/bin/Release/net10.0/$assembly.dll", '-ctrf', "$results/$Name.json") + $Only)
}

function Start-PesterTest {
  # In a fresh process, and one for each folder: tests must not see each other's connections. Pester is a NuGet package here.
  # -Through: a command that runs them, such as in another network.
  param([Parameter(Mandatory)][string] $Path, [Parameter(Mandatory)][string] $Name, [string[]] $Through = @())
  Start-Test $Name ($Through + @($pwsh, '-NoProfile', '-NonInteractive', '-File', "$root/tests/Pester/Invoke-Tests.ps1", '-Path', "$root/$Path", '-Report', "$results/$Name.json", '-Module', $module))
}

function Invoke-LabTest {
  # A count for each kind of tests. The tests of pairs have a lab of their own beside the others': both wait for hosts most of the time. It
  # is the one with the shorter path, which the sockets of pairs need.
  $lab = Join-Path $root 'tests/Lab/lab.sh'
  $other = @('env', "KUMOI_LAB_DIR=$($env:KUMOI_LAB_DIR ?? '/var/tmp/kumoi-lab')-2", 'KUMOI_LAB_NET=10.79.0', $lab)
  Invoke-Native dotnet @('build', "$root/tests/Lab", '-c', 'Release', '-v', 'quiet', '-nologo') | Out-Host
  try {
    # An older and a newer libvirt and QEMU side by side, as in a fleet that is being upgraded; where the newer cannot be had it says so.
    $size = @('up', '6', ($env:KUMOI_LAB_GENERATIONS ?? 'mixed'))
    Invoke-Native $lab $size | Out-Host
    Invoke-Native $other[0] ($other[1..3] + $size) | Out-Host
    # In a lab's network all: its machines have addresses there only.
    $beside = Start-CSharpTest tests/Lab lab-pairs -Through $lab, 'run' -Only '-class', 'Kumoi.Tests.Lab.Pair*'
    Start-CSharpTest tests/Lab lab-csharp -Through ($other + 'run') -Only '-class-', 'Kumoi.Tests.Lab.Pair*' | Wait-Test
    Start-PesterTest tests/Lab lab -Through ($other + 'run') | Wait-Test
    $beside | Wait-Test
  }
  finally {
    & $lab down | Out-Host
    & $other[0] $other[1..3] down | Out-Host
  }
}

function Complete-Test {
  # Prints what failed and the sum, last: whoever sees only the end of a long output sees these. The status says whether all is well.
  param([Parameter(Mandatory)][object[]] $Counts)
  # Not $Counts.Failures: in strict mode that is an error where all are empty.
  foreach ($failure in $Counts | ForEach-Object { $_.Failures }) { Write-Host "Failed: $($failure -split '\r?\n' | Select-Object -First 4 | Join-String -Separator "`n  ")" }
  $sum = $Counts | Measure-Object -Property Passed, Failed, Skipped -Sum
  Write-Host "$($sum[0].Sum) passed, $($sum[1].Sum) failed, $($sum[2].Sum) skipped"
  exit [int]($sum[1].Sum -gt 0)
}

function Invoke-AllTest {
  Build-Module
  foreach ($project in 'Kumoi.Core.Tests', 'Kumoi.Agent.Tests') { Invoke-Native dotnet @('build', "$root/tests/$project", '-c', 'Release', '-v', 'quiet', '-nologo') | Out-Host }
  $beside = Start-PesterTest tests/Pester module
  $counts = @(Start-CSharpTest tests/Kumoi.Core.Tests core | Wait-Test)
  $counts += Start-CSharpTest tests/Kumoi.Agent.Tests agent | Wait-Test
  $counts += $beside | Wait-Test
  $obstacle = Test-Lab
  if ($obstacle) {
    Write-Host "Left out: the tests on real hosts, because $obstacle."
  }
  else {
    $counts += Invoke-LabTest
  }

  Complete-Test $counts
}

function Install-Chart {
  # The charting library of the simulation's report, into an ignored folder; which it is, or nothing if npm cannot get it.
  $npm = Join-Path $root 'artifacts/simulation/npm'
  $null = New-Item -ItemType Directory -Force $npm
  Copy-Item "$root/simulation/package.json", "$root/simulation/package-lock.json" $npm
  if (Get-Command npm -CommandType Application -ErrorAction Ignore) {
    & npm ci --prefix $npm --no-audit --no-fund --loglevel error | Out-Host
    if ($LASTEXITCODE -eq 0) { return $npm }
  }
  Write-Host 'Left out: the charts of the report, because npm is not here or could not get the charting library. The tables are made.'
}

switch ($Task) {
  'build' { Build-Module }
  'demo' {
    Build-Module
    # Simulated changes are none of the user's journal.
    $env:KUMOI_STATE = Join-Path $root 'artifacts/demo'
    exit (Invoke-Fresh "$root/docs/demo.ps1" @('-Module', $module))
  }
  'test' { Invoke-AllTest }
  'lab' {
    switch ($Arguments[0]) {
      { $_ -in 'up', 'down', 'status' } { & "$root/tests/Lab/lab.sh" @Arguments; exit $LASTEXITCODE }
      'test' {
        $obstacle = Test-Lab
        if ($obstacle) { throw "The lab cannot run here: $obstacle." }
        Build-Module
        Complete-Test @(Invoke-LabTest)
      }
      default { throw "usage: ./build.ps1 lab up [N] [machine|newer|mixed] | test | down | status" }
    }
  }
  'docs' {
    Build-Module
    Write-Picture
    # Needs no PlatyPS.
    $coverage = Invoke-Fresh "$root/docs/Update-Coverage.ps1" @('-Module', $module)
    if (-not (Test-PlatyPS)) { throw 'The help is made with Microsoft.PowerShell.PlatyPS 1.0.1 or newer, which is not here. Get it with: Install-PSResource Microsoft.PowerShell.PlatyPS' }
    $status = Invoke-Fresh "$root/docs/Update-Help.ps1" @('-Module', $module)
    if ($status -eq 0) { $status = Invoke-Fresh "$root/docs/Export-Help.ps1" @('-Pages', "$root/docs/cmdlets", '-Target', "$root/docs/help") }
    exit [math]::Max($status, $coverage)
  }
  'package' {
    foreach ($for in $Arguments ? $Arguments : 'any') {
      # Not where this machine has its own: what is compiled for another platform does not load here.
      $module = Join-Path $root "artifacts/package/$for/Kumoi"
      Build-Module $for
      $archive = Join-Path $root "artifacts/Kumoi-$((Import-PowerShellDataFile "$root/Kumoi.psd1").ModuleVersion)-$for.zip"
      Remove-Item $archive -ErrorAction Ignore
      [System.IO.Compression.ZipFile]::CreateFromDirectory($module, $archive, 'Optimal', $true)
      Write-Host $archive
    }
  }
  'bench' {
    Build-Module
    foreach ($project in 'bench/Kumoi.Benchmarks', 'tests/Lab') { Invoke-Native dotnet @('build', "$root/$project", '-c', 'Release', '-v', 'quiet', '-nologo') }
    $with = @('-Module', $module)
    if ($Arguments -contains 'short') { $with += '-Short' }
    exit (Invoke-Fresh "$root/bench/Invoke-Benchmark.ps1" $with)
  }
  'simulate' {
    Build-Module
    $with = @('-Module', $module, '-Target', "$root/artifacts/simulation", '-Page', "$root/docs/experiments.md")
    $npm = Install-Chart
    if ($npm) { $with += '-Npm', $npm }
    exit (Invoke-Fresh "$root/simulation/Invoke-Simulation.ps1" $with)
  }
  'experiments' {
    Build-Module
    $with = @('-Module', $module, '-Report', "$root/artifacts/experiments.json", '-Page', "$root/docs/experiments.md")
    $obstacle = Test-Lab
    if ($obstacle) {
      Write-Host "Left out: the experiments on real hosts, because $obstacle."
      exit (Invoke-Fresh "$root/experiments/Invoke-Experiments.ps1" $with)
    }
    try {
      Invoke-Native "$root/tests/Lab/lab.sh" @('up', '6') | Out-Host
      $status = Invoke-Fresh "$root/experiments/Invoke-Experiments.ps1" ($with + '-Lab')
    }
    finally {
      & "$root/tests/Lab/lab.sh" down | Out-Host
    }
    exit $status
  }
  'shell' {
    Build-Module
    & $pwsh -NoLogo -NoExit -Command "Import-Module '$module'; Connect-KumoiHost 'sim://lab?hosts=20&vms=2&seed=7' | Out-Null; Write-Host 'Kumoi with a simulated fleet of 20 hosts. Try: Get-KumoiHost | Sort-Object CpuRatio | Select-Object -First 3'"
  }
}
