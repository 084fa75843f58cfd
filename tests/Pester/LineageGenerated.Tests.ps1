# Pipelines made by chance: either nothing is replaced, or the substitute is what the same pipeline, run anew without the failed elements and
# with the values at the time of the choice, would have chosen.
BeforeAll {
  . $PSScriptRoot/Fleet.ps1
  . $PSScriptRoot/LineageGenerator.ps1
  $fleet = 'sim://lab?hosts=8&vms=2&seed=7'
  $state = $env:KUMOI_STATE
  if (Test-Path /dev/shm) { $env:KUMOI_STATE = "/dev/shm/kumoi-lineage-$PID" }
  Reset-Fleet $fleet
  $hosts = @(Get-KumoiHost)
  $vms = @(Get-KumoiVM -State Shutoff)

  # Runs a pipeline in a scope of its own: names of the elements on which it has worked, how many were replaced, how often its effect ran.
  function Invoke-LineageCase {
    param($Case, [string[]] $Bad, [string] $Unknown, [string] $Substitution = "Auto")
    Reset-Fleet $fleet
    foreach ($name in $Bad) { $null = Add-KumoiFault $name $Case.Operation }
    if ($Unknown) { $null = Add-KumoiFault $Unknown Define -OutcomeUnknown; $null = Add-KumoiFault $Unknown Stop }
    $output = & ([scriptblock]::Create("`$ErrorActionPreference = 'Continue'; `$KumoiPreference = @{ Substitution = '$Substitution' }; $($Case.Setup); $($Case.Pipeline); `$script:ran = `$script:k")) 2>$null 3>&1
    $after = if ($Case.OfVMs) { @(Get-KumoiVM $vms.Name | Where-Object State -EQ Running).Name }
    else { @(Get-KumoiVM a-* -ErrorAction Ignore | Where-Object { $Case.Operation -ne 'Start' -or $_.State -eq 'Running' }).VMHost }
    [pscustomobject]@{
      Worked = @($after | Where-Object { $_ })
      Replaced = @($output | Where-Object { $_ -is [System.Management.Automation.WarningRecord] -and $_.Message -match 'took its place' }).Count
      Ran = $script:ran
    }
  }
}

AfterAll {
  if ($env:KUMOI_STATE -ne $state) { Remove-Item $env:KUMOI_STATE -Recurse -Force -ErrorAction Ignore; $env:KUMOI_STATE = $state }
}

Describe 'Lineage soundness' {
  It 'two thousand pipelines: no substitute, or the one that would have been chosen' {
    $seed = if ($env:KUMOI_LINEAGE_SEED) { [int] $env:KUMOI_LINEAGE_SEED } else { [Random]::Shared.Next() % 1000000000 }
    $cases = if ($env:KUMOI_LINEAGE_CASES) { [int] $env:KUMOI_LINEAGE_CASES } else { 2000 }
    $kinds = @{}
    $wrong = [System.Collections.Generic.List[string]]::new()
    for ($i = 0; $i -lt $cases -and $wrong.Count -lt 5; $i++) {
      $case = New-LineageCase ($seed + $i)
      $elements = if ($case.OfVMs) { $vms } else { $hosts }
      $first = @((Get-Chosen $case $elements).Name -replace '-.*')
      $unknown = if ($case.Effect -eq 'unknown outcome' -and $case.CanHide -and $first) { $first[0] }
      $bad = @(@($case.Bad) + $(if ($first) { $first[$case.BadPick % $first.Count] }) | Where-Object { $_ -ne $unknown } | Select-Object -Unique)
      $expected = Get-Expected $case $elements @($bad + $unknown | Where-Object { $_ }) $unknown
      $actual = Invoke-LineageCase $case $bad $unknown
      $worked = @($actual.Worked | Where-Object { $_ -ne $unknown })
      if ($case.Effect -like 'changes *') {
        # While elements stream, a filter may meet the change in the first run already: then what works without lineage is what works. Where the
        # action holds its output back until it knows what has failed, the filter does not meet it.
        $streamed = @((Invoke-LineageCase $case $bad $unknown 'None').Worked)
        if (-not ($streamed | Where-Object { $_ -notin $worked }) -or ($expected.Works | Where-Object { $_ -notin $worked })) {
          $expected.Works = $streamed
        }
      }
      $problem = @(
        $missing = @($expected.Works | Where-Object { $_ -notin $worked })
        if ($missing) { "not worked on: $missing" }
        if (@($worked | Select-Object -Unique).Count -ne $worked.Count) { 'worked on twice' }
        $extra = @($worked | Where-Object { $_ -notin $expected.Works })
        if ($extra.Count -ne $actual.Replaced) { "$($extra.Count) others worked on ($extra), $($actual.Replaced) replaced" }
        $foreign = @($extra | Where-Object { $_ -notin $expected.Substitutes })
        if ($foreign) { "would not have been chosen: $foreign; but $($expected.Substitutes)" }
        if ($unknown -and @($actual.Worked | Where-Object { $_ -eq $unknown }).Count -gt 1) { 'a second copy' }
        if ($unknown -and $extra.Count -gt @($expected.Failed | Where-Object { $_ -ne $unknown }).Count) { "replaced although it may have taken effect: $extra" }
        # Where one was dropped on the way by what is not run again, there is none; else there must be.
        if (-not $unknown -and -not $expected.Dropped -and $case.Effect -in 'none', 'between', 'other below' -and $extra.Count -ne $expected.Substitutes.Count) {
          "pure, but not replaced: $($expected.Substitutes | Where-Object { $_ -notin $extra })"
        }
        if ($case.Effect -eq 'above') {
          $without = Invoke-LineageCase $case @() $null
          if ($without.Ran -ne $actual.Ran) { "the effect above the choice ran $($actual.Ran) times, and $($without.Ran) without a failure" }
        }
      )
      if ($problem) { $wrong.Add("$($problem -join '; ')`n$(Format-LineageCase $case $bad)") }
      $kind = if (-not $expected.Failed) { 'nothing failed' } elseif ($actual.Replaced) { 'replaced' } elseif (-not $expected.Substitutes) { 'nothing left' } else { 'refused' }
      $kinds["$kind"]++
      $kinds["$($case.Effect): $kind"]++
    }
    Write-Host ($kinds.GetEnumerator() | Sort-Object Name | ForEach-Object { "$($_.Value) $($_.Name)" } | Join-String -Separator ', ')
    $wrong -join "`n`n" | Should -BeNullOrEmpty
    # A lineage that refuses everything, or hardly ever has to, proves nothing.
    $kinds['replaced'] | Should -BeGreaterThan ($cases / 4)
    $kinds['refused'] | Should -BeGreaterThan ($cases / 10)
  }
}
