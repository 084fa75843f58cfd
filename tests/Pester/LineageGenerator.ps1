# Dot-sourced by LineageGenerated.Tests.ps1: makes pipelines by chance, with an oracle that knows nothing of lineage. It runs the choice
# alone, in plain PowerShell, over elements that were read from a fleet in which nothing fails, less those that failed.
function New-LineageCase {
  param([int] $Seed)
  $random = [Random]::new($Seed)
  $pick = { param($from) $from[$random.Next($from.Count)] }
  $ofVMs = $random.Next(5) -eq 0
  $count = $random.Next(1, 4)
  $setup = "`$n = $count; `$skip = 'kvm0$($random.Next(1, 9))'; `$limit = $((0.6, 0.8, 0.95, 2)[$random.Next(4)]); `$list = [System.Collections.ArrayList] @('kvm0$($random.Next(1, 9))', 'kvm0$($random.Next(1, 9))'); `$table = @{ kvm0$($random.Next(1, 9)) = 1 }; `$other = 0; `$script:k = 0; function Test-Wanted(`$x) { `$x.Name -notlike `"`$skip*`" }"
  # What a filter reads, and what changes it.
  $filters = @(
    @{ text = 'Where-Object Name -ne $skip'; changes = '$skip = ""', 'Set-Variable skip ""' }
    @{ text = 'Where-Object { $_.Name -notlike "$skip*" }'; changes = '$skip = "kvm01"', '$skip = "x"' }
    @{ text = 'Where-Object { $_.CpuRatio -lt $limit }'; changes = '$limit = 0.7', '$limit = 9' }
    @{ text = 'Where-Object { $list -notcontains ($_.Name -replace "-.*") }'; changes = '$list.Clear()', '$null = $list.Add("kvm05")', '$list[0] = "kvm06"' }
    @{ text = 'Where-Object { -not $table[$_.Name] }'; changes = '$table.Clear()', '$table.kvm03 = 1', '$table["kvm04"] = 2' }
    @{ text = 'Where-Object { Test-Wanted $_ }'; changes = 'function Test-Wanted($x) { $true }', '$skip = ""' }
    @{ text = 'Where-Object { $name = $_.Name; $name.StartsWith("kvm") }'; changes = @('$name = "kvm03"') }
    @{ text = 'Where-Object { $_.CpuCount -ge 1 -and $true }'; changes = @('$other++') }
    @{ text = 'Where-Object { switch -wildcard ($_.Name) { "kvm07*" { $false } default { $true } } }'; changes = @('$other++') }
  )
  $used = @(1..$random.Next(1, 3) | ForEach-Object { & $pick $filters })
  $above = @($used.text)
  $sort = & $pick @($null, $null, 'Sort-Object CpuRatio, Name', 'Sort-Object { $_.Name } -Descending', 'Sort-Object Name')
  if ($sort) { $above += $sort }
  $choices = @(
    @{ text = 'Select-Object -First $n' }, @{ text = 'Select-Object -First $n' }, @{ text = 'Select-Object -First $n' }, @{ text = "Select-Object -First $count" }, @{ text = 'Select-Object -Last $n' }, @{ text = 'Select-Object -Index 0, 2' }
    @{ text = 'Sort-Object Name -Top $n' }, @{ text = 'Sort-Object Name -Bottom $n' }, @{ text = 'Select-Object -Last 5 | Select-Object -First $n' }
    @{ text = 'Select-Held -First $n'; plain = "Select-Object -First $count" }, @{ text = 'Select-Held -Last $n'; plain = "Select-Object -Last $count" }
    @{ text = 'Select-Held -Score { $_.CpuCount } -First $n'; plain = "Sort-Object CpuCount -Descending -Stable | Select-Object -First $count" }
    @{ text = 'Select-Held -AccumulateWhile { param($Taken, $Candidate) $Taken.Count -lt $n }'; plain = "Select-Object -First $count" }
  )
  $choice = & $pick $choices
  $isHeld = [bool] $choice.plain
  $below = if ($random.Next(6) -eq 0) { 'Where-Object { $_.Name -notlike "kvm02*" }' }
  $hidden = $false
  $action = if ($ofVMs) { & $pick @('Start-KumoiVM -PassThru', 'Invoke-KumoiAction { Start-KumoiVM $_ -PassThru }') }
  else {
    & $pick @(
      'New-KumoiVM -Name { "a-$_" }', 'New-KumoiVM -Name { CHANGE_NAME "a-$_" }', 'New-KumoiVM -Name { "a-$_" } -Start', 'New-KumoiVM -Name { "a-$_" } | Start-KumoiVM -PassThru'
      'Invoke-KumoiAction { New-KumoiVM -Name "a-$_" -VMHost $_ }', 'Invoke-KumoiAction { CHANGE_ACTION try { New-KumoiVM -Name "a-$_" -VMHost $_ -ErrorAction Stop } catch { throw "no VM" } }'
      'Invoke-KumoiAction { $_ } | New-KumoiVM -Name { "a-$_" }'
    )
  }
  # Where the effect is, and whether it touches what a filter reads.
  $effect = & $pick @('none', 'none', 'none', 'above', 'between', 'changes between', 'changes below', 'changes below', 'other below', 'changes inside', 'unknown outcome')
  $change = & $pick @((& $pick $used).changes)
  $steps = @($above)
  if ($effect -eq 'above') { $steps = @((& $pick @('Where-Object { $script:k++; $true }', 'Where-Object { $null = $list.Contains($_.Name); $script:k++; $true }', 'Sort-Object { $script:k++; $_.Name }', 'Where-Object $counting'))) + $steps }
  $steps += $choice.text -replace 'Select-Held', $(if ($ofVMs) { 'Select-KumoiVM' } else { 'Select-KumoiHost' })
  if ($below) { $steps += $below }
  switch ($effect) {
    'between' { $steps += 'ForEach-Object { $script:k++; $_ }' }
    'changes between' { $steps += "ForEach-Object { $change; `$_ }" }
  }
  $inside = if ($effect -eq 'changes inside') { "$change;" } else { '' }
  if ($inside -and $action -notmatch 'CHANGE') { $action += " | ForEach-Object { $inside `$_ }" }
  $steps += $action -replace 'CHANGE_NAME|CHANGE_ACTION', $inside
  switch ($effect) {
    'changes below' { $steps += "ForEach-Object { $change; `$_ }" }
    'other below' { $steps += 'ForEach-Object { $other++; $_ }' }
  }
  $source = if ($ofVMs) { 'Get-KumoiVM -State Shutoff' } else { 'Get-KumoiHost' }
  if ($effect -eq 'above' -and $sort -and $steps[0] -match '^Sort') { $above = @('Sort-Object { $_.Name }') + $above }
  elseif ($effect -eq 'above' -and $steps[0] -match '^Sort') { $above = @('Sort-Object { $_.Name }') + $above }
  [pscustomobject]@{
    Seed = $Seed
    Setup = $setup + '; $counting = { $script:k++; $true }'
    Pipeline = (@($source) + $steps) -join ' | '
    Choice = (@($above) + $(if ($isHeld) { $choice.plain } else { $choice.text })) -join ' | '
    Below = $below
    Effect = $effect
    Operation = if ($action -match 'Start') { 'Start' } else { 'Define' }
    OfVMs = $ofVMs
    # Hosts that fail, by chance; and one that fails for certain if it is chosen, so that most cases have something to replace.
    Bad = @(1..8 | Where-Object { $random.Next(5) -eq 0 } | ForEach-Object { "kvm0$_" })
    BadPick = $random.Next(3)
    CanHide = -not $ofVMs -and $action -match 'Invoke-KumoiAction \{[^}]*New-KumoiVM'
  }
}

# What the choice takes of the elements, by their names.
function Get-Chosen {
  param($Case, [object[]] $Elements)
  if (-not $Elements) { return @() }
  @(& ([scriptblock]::Create("param(`$elements) $($Case.Setup); `$elements | $($Case.Choice)")) $Elements)
}

# What comes out when these hosts fail: who works at first, and who would take the places, one after the other.
function Get-Expected {
  # One whose outcome is unknown is not replaced, and stays where it is: it may be there.
  param($Case, [object[]] $Elements, [string[]] $Bad, [string] $Unknown)
  $passes = if ($Case.Below) { [scriptblock]::Create("`$_ | $($Case.Below)") } else { { $_ } }
  $isBad = { $_.Name -replace '-.*' -in $Bad }
  $chosen = @(Get-Chosen $Case $Elements)
  $came = @($chosen | Where-Object { $_ | ForEach-Object $passes })
  $used = @($chosen.Name)
  $failed = @($came | Where-Object $isBad)
  $gone = @($failed.Name | Where-Object { $_ -ne $Unknown })
  $pending = $gone.Count
  $substitutes = @()
  while ($pending -gt 0) {
    $candidates = @(Get-Chosen $Case @($Elements | Where-Object Name -NotIn $gone) | Where-Object Name -NotIn $used | Select-Object -First $pending)
    if (-not $candidates) { break }
    $used += $candidates.Name
    foreach ($candidate in $candidates) {
      if (-not ($candidate | ForEach-Object $passes) -or ($candidate | Where-Object $isBad)) { $gone += $candidate.Name }
      else { $substitutes += $candidate.Name; $pending-- }
    }
  }
  [pscustomobject]@{ Dropped = $chosen.Count - $came.Count; Works = @(($came | Where-Object Name -NotIn ($gone + $Unknown)).Name | Where-Object { $_ }); Failed = @($failed.Name); Substitutes = @($substitutes) }
}

# The case as a script that a person can run.
function Format-LineageCase {
  param($Case, [string[]] $Bad)
  @("# KUMOI_LINEAGE_SEED=$($Case.Seed), effect: $($Case.Effect)", "Connect-KumoiHost 'sim://lab?hosts=8&vms=2&seed=7' | Out-Null"
    $(foreach ($name in $Bad) { "Add-KumoiFault $name $($Case.Operation) | Out-Null" })
    "$($Case.Setup)", "$($Case.Pipeline) -Verbose", '(Get-KumoiLineage).ToString()') -join "`n"
}
