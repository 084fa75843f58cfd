# Maintenance and rolling upgrades as cmdlets. What they decide is tested in C#; here is what a user sees of it.
BeforeAll {
  . $PSScriptRoot/Fleet.ps1

  # The running VMs of all hosts: none is lost, and none runs twice.
  function Get-Running { (Get-KumoiVM -State Running).Name | Sort-Object }
  function Get-Suspended { (Get-KumoiHost | Where-Object IsInMaintenance).Name }
}

Describe 'Suspend-KumoiHost' {
  BeforeEach {
    Reset-Fleet 'sim://lab?hosts=5&vms=3&running=2&seed=7'
    $WarningPreference = 'SilentlyContinue'
    $all = Get-Running
  }

  It 'moves what runs to other hosts, leaves what is off, and writes nothing' {
    Suspend-KumoiHost kvm02 | Should -BeNullOrEmpty
    (Get-KumoiVM -VMHost kvm02).Name | Should -Be kvm02-3
    Get-Running | Should -Be $all
    Get-Suspended | Should -Be kvm02
  }

  It 'writes the host with -PassThru, and shows in the table' {
    $suspended = Get-KumoiHost kvm02 | Suspend-KumoiHost -PassThru
    $suspended | Should -BeOfType Kumoi.KumoiHost
    $suspended.IsInMaintenance | Should -BeTrue
    $suspended.RunningVMCount | Should -Be 0
    $suspended | Format-Table | Out-String | Should -Match 'Maintenance[\s\S]*kvm02.*yes'
  }

  It 'moves no VM from one of several hosts to another' {
    $before = Get-Date
    Get-KumoiHost | Select-Object -First 3 | Suspend-KumoiHost
    Get-KumoiVM -VMHost kvm01, kvm02, kvm03 -State Running | Should -BeNullOrEmpty
    # Each VM has moved once.
    Get-KumoiOperation -After $before | Where-Object Kind -eq Migrate | Should -HaveCount 6
    Get-Running | Should -Be $all
  }

  It 'moves only to -Destination, and nothing with -NoEvacuate' {
    Suspend-KumoiHost kvm02 -Destination kvm04
    (Get-KumoiVM kvm02-1, kvm02-2).VMHost | Should -Be kvm04, kvm04
    Suspend-KumoiHost kvm03 -NoEvacuate
    (Get-KumoiVM -VMHost kvm03 -State Running).Count | Should -Be 2
    Get-Suspended | Should -Be kvm02, kvm03
    # A second time it empties it all the same.
    Suspend-KumoiHost kvm03
    Get-KumoiVM -VMHost kvm03 -State Running | Should -BeNullOrEmpty
  }

  It 'gives the plan with -WhatIf, as objects, and does nothing' {
    $plan = Suspend-KumoiHost kvm02 -WhatIf
    $plan.Action | Should -Be SuspendHost, Move, Move
    $plan.State | Select-Object -Unique | Should -Be Planned
    Get-Suspended | Should -BeNullOrEmpty
    Suspend-KumoiHost kvm02
    foreach ($move in $plan | Where-Object Action -eq Move) { (Get-KumoiVM $move.Name).VMHost | Should -Be $move.Target }
  }

  It 'plans for several hosts as it does it' {
    $plan = Suspend-KumoiHost kvm0[1-3] -WhatIf
    $plan.Action | Should -Be SuspendHost, SuspendHost, SuspendHost, Move, Move, Move, Move, Move, Move
    Suspend-KumoiHost kvm0[1-3]
    foreach ($move in $plan | Where-Object Action -eq Move) { (Get-KumoiVM $move.Name).VMHost | Should -Be $move.Target }
  }

  It 'writes one error for each VM that cannot go, and the host stays in maintenance' {
    Add-KumoiFault * Migrate -VM kvm02-1 -FaultDomain VM -Message 'a device blocks migration' | Out-Null
    Suspend-KumoiHost kvm02 -ErrorVariable errors -ErrorAction SilentlyContinue -WarningVariable warnings
    $errors | Should -HaveCount 1
    $errors[0].Exception.Message | Should -Be 'a device blocks migration'
    $errors[0].TargetObject | Should -Be kvm02-1
    $warnings.Message | Should -BeLike 'kvm02 stays in maintenance, with VMs on it.*Resume-KumoiHost kvm02'
    (Get-KumoiVM -VMHost kvm02 -State Running).Name | Should -Be kvm02-1
    Get-Suspended | Should -Be kvm02
  }

  It 'says so where there is no room' {
    Suspend-KumoiHost kvm02 -MinFreeMemoryBytes 64GB -ErrorVariable errors -ErrorAction SilentlyContinue
    $errors.FullyQualifiedErrorId | Should -Be 'ResourceUnavailable,Kumoi.PowerShell.Cmdlets.SuspendKumoiHostCommand', 'ResourceUnavailable,Kumoi.PowerShell.Cmdlets.SuspendKumoiHostCommand'
    (Get-KumoiVM -VMHost kvm02 -State Running).Count | Should -Be 2
  }

  It 'takes the next host for one that fails, or none with -NoSubstitution' {
    $first = (Suspend-KumoiHost kvm02 -WhatIf)[1].Target
    Add-KumoiFault $first Migrate -FaultDomain Host -Message 'no route to host' | Out-Null
    Suspend-KumoiHost kvm02 -NoSubstitution -ErrorVariable errors -ErrorAction SilentlyContinue
    $errors[0].Exception.Message | Should -Be 'no route to host'
    Suspend-KumoiHost kvm02 -WarningVariable warnings
    Get-KumoiVM -VMHost kvm02 -State Running | Should -BeNullOrEmpty
    $warnings[0].Message | Should -BeLike "$first failed: no route to host; * took its place"
  }

  It 'sends VMs to several hosts at once with -Speculative, and one copy stays' {
    Suspend-KumoiHost kvm02 -Speculative -Replicas 3
    Get-Running | Should -Be $all
    Get-KumoiVM -VMHost kvm02 -State Running | Should -BeNullOrEmpty
    (Get-KumoiOperation | Select-Object -Last 1).Kind | Should -Be SpeculativeMigrate
  }

  It 'needs a host: an empty name is an error, and all only where it says so' {
    { Suspend-KumoiHost -VMHost @() } | Should -Throw -ErrorId 'ParameterArgumentValidationErrorEmptyArrayNotAllowed*'
    Get-KumoiHost | Where-Object Name -eq none | Suspend-KumoiHost
    Get-Suspended | Should -BeNullOrEmpty
  }

  It 'leaves the VMs whole and the mark on with Ctrl+C, and says so' {
    Add-KumoiFault * Migrate -Delay ([timespan]::FromMinutes(1)) | Out-Null
    Stop-When 'Suspend-KumoiHost kvm02' { (Get-KumoiFault).Hits -ge 1 } | Should -BeLike 'Stopped, with kvm02 in maintenance.*'
    Clear-KumoiFault
    Get-Running | Should -Be $all
    Get-Suspended | Should -Be kvm02
  }
}

Describe 'A host in maintenance' {
  BeforeEach {
    Reset-Fleet 'sim://lab?hosts=5&vms=2&running=1&seed=7'
    $WarningPreference = 'SilentlyContinue'
    Suspend-KumoiHost kvm02 -NoEvacuate
  }

  It 'takes no VM: <name>' -ForEach @(
    @{ name = 'made'; script = { New-KumoiVM new -VMHost kvm02 } }
    @{ name = 'started'; script = { Start-KumoiVM kvm02-2 } }
    @{ name = 'moved'; script = { Move-KumoiVM kvm01-1 kvm02 } }
  ) {
    & $script -ErrorVariable errors 2>&1 | ForEach-Object { $failure = $_ }
    $failure.FullyQualifiedErrorId | Should -BeLike 'InMaintenance,*'
    $failure.ErrorDetails.RecommendedAction | Should -BeLike '*Resume-KumoiHost kvm02'
    (Get-KumoiVM -VMHost kvm02 -State Running).Name | Should -Be kvm02-1
    Get-KumoiVM new* | Should -BeNullOrEmpty
  }

  It 'is replaced by the next host in a lineage, as the one chosen and as a substitute' {
    Add-KumoiFault kvm01 Define -FaultDomain Host -Message 'no space left' | Out-Null
    $made = Get-KumoiHost | Sort-Object Name | Select-Object -First 1 | New-KumoiVM -Name { "new-$($_.Name)" } -ErrorVariable errors -WarningVariable warnings
    $made.VMHost | Should -Be kvm03
    $errors | Should -BeNullOrEmpty
    Get-KumoiHost | Where-Object IsInMaintenance | Select-Object -First 1 | New-KumoiVM -Name x -ErrorVariable errors -ErrorAction SilentlyContinue
    $errors | Should -Not -BeNullOrEmpty
  }

  It 'is no placement, and nothing is compacted to it' {
    (Find-KumoiPlacement).Name | Should -Not -Contain kvm02
    (Optimize-KumoiPlacement -MaxCpuRatio 1 -WhatIf).Target | Should -Not -Contain kvm02
  }

  It 'is left out with -not IsInMaintenance' {
    (Get-KumoiHost | Where-Object { -not $_.IsInMaintenance }).Name | Should -Be kvm01, kvm03, kvm04, kvm05
  }

  It 'is another one when the fleet was made anew' {
    Reset-Fleet 'sim://lab?hosts=5&vms=2&running=1&seed=7'
    Get-Suspended | Should -BeNullOrEmpty
  }
}

Describe 'Resume-KumoiHost' {
  BeforeEach {
    Reset-Fleet 'sim://lab?hosts=5&vms=3&running=2&seed=7'
    $WarningPreference = 'SilentlyContinue'
    Suspend-KumoiHost kvm02
  }

  It 'takes the mark off, and VMs come back only with -ReturnVM' {
    Resume-KumoiHost kvm02
    Get-Suspended | Should -BeNullOrEmpty
    Get-KumoiVM -VMHost kvm02 -State Running | Should -BeNullOrEmpty
    Start-KumoiVM kvm02-3
    (Resume-KumoiHost kvm02 -ReturnVM -PassThru).RunningVMCount | Should -Be 3
    (Get-KumoiVM kvm02-1, kvm02-2).VMHost | Should -Be kvm02, kvm02
  }

  It 'does nothing with -WhatIf but to tell' {
    $plan = Resume-KumoiHost kvm02 -ReturnVM -WhatIf
    $plan.Action | Should -Be ResumeHost, Move, Move
    $plan[1].Target | Should -Be kvm02
    Get-Suspended | Should -Be kvm02
  }

  It 'writes an error for a VM that cannot come back' {
    Add-KumoiFault * Migrate -VM kvm02-1 -FaultDomain VM -Message 'a device blocks migration' | Out-Null
    Resume-KumoiHost kvm02 -ReturnVM -ErrorVariable errors -ErrorAction SilentlyContinue
    $errors.Exception.Message | Should -Be 'a device blocks migration'
    (Get-KumoiVM -VMHost kvm02 -State Running).Name | Should -Be kvm02-2
  }
}

Describe 'Update-KumoiHost' {
  BeforeEach {
    Reset-Fleet 'sim://lab?hosts=4&vms=2&running=2&seed=7'
    $WarningPreference = 'SilentlyContinue'
    $PSDefaultParameterValues = @{ 'Update-KumoiHost:Confirm' = $false }
    $all = Get-Running
    $upgraded = [System.Collections.Generic.List[string]]::new()
  }

  It 'upgrades one host after the other while it is empty, and writes a result for each' {
    $results = Update-KumoiHost {
      if (Get-KumoiVM -VMHost $_ -State Running) { throw 'not empty' }
      if (-not $_.IsInMaintenance) { throw 'in service' }
      $upgraded.Add($_.Name)
      "upgraded $_"
    }
    $results | Should -HaveCount 4
    $results[0] | Should -BeOfType Kumoi.KumoiHostUpdate
    $results.State | Select-Object -Unique | Should -Be Updated
    $results.Output | Should -Be ($upgraded | ForEach-Object { "upgraded $_" })
    $upgraded | Sort-Object | Should -Be kvm01, kvm02, kvm03, kvm04
    Get-Running | Should -Be $all
    Get-Suspended | Should -BeNullOrEmpty
    $results[0].Steps.Action | Should -Be SuspendHost, Move, Move, RunScript, VerifyHost, ResumeHost
  }

  It 'takes the hosts in the order in which they come, else those with the fewest VMs first' {
    (Get-KumoiHost kvm0[1-3] | Sort-Object Name -Descending | Update-KumoiHost { }).VMHost | Should -Be kvm03, kvm02, kvm01
    Reset-Fleet 'sim://lab?hosts=4&vms=2&running=2&seed=7'
    Get-KumoiVM -VMHost kvm03 | Stop-KumoiVM -TurnOff
    (Update-KumoiHost { })[0].VMHost | Should -Be kvm03
    Get-KumoiHost | Where-Object Name -eq none | Update-KumoiHost { throw 'not this' } | Should -BeNullOrEmpty
  }

  It 'writes the plan with -WhatIf, and that is what it does' {
    $plan = Update-KumoiHost { $upgraded.Add($_.Name) } -ReturnVM -WhatIf
    $upgraded | Should -BeNullOrEmpty
    Get-Suspended | Should -BeNullOrEmpty
    $plan[0] | Should -BeOfType Kumoi.KumoiPlanStep
    $done = Update-KumoiHost { $upgraded.Add($_.Name) } -ReturnVM
    $done.Steps.ForEach{ "$_" -replace 'Done', 'Planned' } | Should -Be $plan.ForEach{ "$_" }
    foreach ($vm in Get-KumoiVM) { $vm.VMHost | Should -Be $vm.Name.Substring(0, 5) }
  }

  It 'ends at the first failure, leaves that host in maintenance, and goes on there' {
    # Not a variable: with another value in it, it would be another upgrade.
    Set-Content TestDrive:/broken 1
    $script = {
      "looking at $_"
      if ((Test-Path TestDrive:/broken) -and $_.Name -eq 'kvm02') { Write-Error 'no space left' -ErrorId NoSpace }
      $upgraded.Add($_.Name)
    }
    $results = Update-KumoiHost $script -VMHost kvm* -ErrorVariable errors -ErrorAction SilentlyContinue -WarningVariable warnings
    $results.State | Should -Be Updated, Failed
    $results[1].Error | Should -Be 'no space left'
    $results[1].Output | Should -Be 'looking at kvm02'
    $errors.FullyQualifiedErrorId | Should -BeLike 'NoSpace*'
    $warnings.Message | Should -BeLike '*ends at kvm02. Fix the cause and run the same command again: it goes on there.'
    Get-Suspended | Should -Be kvm02
    Get-Running | Should -Be $all

    Remove-Item TestDrive:/broken
    $upgraded.Clear()
    $results = Update-KumoiHost $script -VMHost kvm* -WarningVariable warnings
    $results.ForEach{ "$_" } | Should -Be 'kvm02: Updated', 'kvm01: AlreadyUpdated', 'kvm03: Updated', 'kvm04: Updated'
    $upgraded | Should -Be kvm02, kvm03, kvm04
    $warnings[0].Message | Should -BeLike '*goes on: hosts that it has upgraded are left out.*'
    Get-Suspended | Should -BeNullOrEmpty

    # It is complete: now the same command begins anew.
    Update-KumoiHost $script -VMHost kvm* | Out-Null
    $upgraded | Should -HaveCount 7
  }

  It 'knows another script, and another name, for another upgrade' {
    Update-KumoiHost { if ($_.Name -eq 'kvm02') { throw 'one' } } -VMHost kvm0[12] -ErrorAction SilentlyContinue | Out-Null
    (Update-KumoiHost { 'two' } -VMHost kvm0[12]).State | Should -Be Updated, Updated
    Get-Suspended | Should -BeNullOrEmpty
    Update-KumoiHost { throw 'one' } -VMHost kvm0[12] -Name july -ErrorAction SilentlyContinue | Out-Null
    (Update-KumoiHost { 'mended' } -VMHost kvm0[12] -Name july).State | Should -Be Updated, Updated
  }

  It 'is another upgrade if the same script reads another value: <name>' -ForEach @(
    @{ name = 'a variable'; set = '$version = "1"'; then = '$version = "2"'; script = '"to $version"' }
    @{ name = 'a hashtable'; set = '$config = @{ Version = "1" }'; then = '$config.Version = "2"'; script = '"to $($config.Version)"' }
    @{ name = 'the environment'; set = '$env:KUMOI_VERSION = "1"'; then = '$env:KUMOI_VERSION = "2"'; script = '"to $env:KUMOI_VERSION"' }
    @{ name = 'a function'; set = 'function Get-Version { 1 }'; then = 'function Get-Version { 2 }'; script = 'Get-Version' }
    @{ name = 'a variable of a function'; set = '$version = "1"; function Get-Version { $version }'; then = '$version = "2"'; script = 'Get-Version' }
  ) {
    $update = "Update-KumoiHost { if (`$_.Name -eq 'kvm02' -and `$fail) { throw 'no space' }; $script } -VMHost kvm0[12] -ErrorAction SilentlyContinue"
    $first = & ([scriptblock]::Create("$set; $update"))
    $again = & ([scriptblock]::Create("$set; $update"))
    $changed = & ([scriptblock]::Create("$set; $then; $update"))
    $again.RollingUpgrade | Should -Be $first.RollingUpgrade
    $changed.RollingUpgrade | Should -Not -Contain $first[0].RollingUpgrade
    $changed.State | Should -Be Updated, Updated
  }

  It 'goes on in spite of what its script has filled' {
    $log = [System.Collections.ArrayList]::new()
    $fail = $true
    $text = { $null = $log.Add($_.Name); if ($_.Name -eq 'kvm02' -and (Test-Path TestDrive:/fail)) { throw 'no space' } }
    Set-Content TestDrive:/fail 1
    Update-KumoiHost $text -VMHost kvm0[12] -ErrorAction SilentlyContinue | Out-Null
    Remove-Item TestDrive:/fail
    (Update-KumoiHost $text -VMHost kvm0[12]).ForEach{ "$_" } | Should -Be 'kvm02: Updated', 'kvm01: AlreadyUpdated'
  }

  It 'needs a name if its script reads what is no plain value' {
    $client = [System.Net.Http.HttpClient]::new()
    { Update-KumoiHost { $client.Timeout } -VMHost kvm01 } | Should -Throw '*needs a name*$client*' -ErrorId 'NameMissing,*'
    (Update-KumoiHost { $client.Timeout } -VMHost kvm01 -Name clients).State | Should -Be Updated
  }

  It 'waits until the host answers and the verification gives true' {
    $looks = @{}
    $results = Update-KumoiHost { } -VMHost kvm01, kvm02 -VerifyScriptBlock { $looks["$_"]++; $looks["$_"] -gt [int]($_.Name -eq 'kvm02') }
    $results.State | Should -Be Updated, Updated
    $looks.kvm02 | Should -Be 2
  }

  It 'fails where the verification does not give true, or throws' {
    $results = Update-KumoiHost { } -VMHost kvm01 -VerifyScriptBlock { $false } -TimeoutSec 0 -ErrorVariable errors -ErrorAction SilentlyContinue
    $results.State | Should -Be Failed
    $errors.Exception.Message | Should -Be 'kvm01 was not verified within 0 s: its verification did not give true.'
    Update-KumoiHost { } -VMHost kvm01 -VerifyScriptBlock { throw 'old kernel' } -TimeoutSec 0 -ErrorVariable errors -ErrorAction SilentlyContinue | Out-Null
    $errors[0].Exception.Message | Should -BeLike '*: old kernel.'
    Get-Suspended | Should -Be kvm01
  }

  It 'does not run the script while a VM cannot leave' {
    Add-KumoiFault * Migrate -VM kvm01-1 -FaultDomain VM -Message 'a device blocks migration' | Out-Null
    $results = Update-KumoiHost { $upgraded.Add($_.Name) } -VMHost kvm0[12] -ErrorVariable errors -ErrorAction SilentlyContinue
    $results.State | Should -Be Failed
    $errors.Exception.Message | Should -Be 'a device blocks migration'
    $upgraded | Should -BeNullOrEmpty
    (Get-KumoiVM -VMHost kvm01 -State Running).Name | Should -Be kvm01-1
  }

  It 'fails where a native command fails, if the script asks for that' {
    $results = Update-KumoiHost { $PSNativeCommandUseErrorActionPreference = $true; & pwsh -NoProfile -Command 'exit 3' } -VMHost kvm01 -ErrorAction SilentlyContinue
    $results.State | Should -Be Failed
    $results.Error | Should -BeLike '*exit code: 3*'
  }

  It 'stops with Ctrl+C <when>, and goes on where it was' -ForEach @(
    @{ when = 'while a VM moves'; fault = @{ VMHost = '*'; Operation = 'Migrate'; VM = 'kvm02-1' }; script = '{ }'; verify = '{ $true }' }
    @{ when = 'in the script'; fault = @{ VMHost = 'kvm04'; Operation = 'Define' }; script = '{ if ($_.Name -eq "kvm02") { New-KumoiVM held -VMHost kvm04 } }'; verify = '{ $true }' }
    @{ when = 'while it verifies'; fault = @{ VMHost = 'kvm04'; Operation = 'Define' }; script = '{ }'; verify = '{ if ($_.Name -eq "kvm02") { New-KumoiVM held -VMHost kvm04 }; $true }' }
  ) {
    # A call on the second host's turn is held for a minute.
    Add-KumoiFault @fault -Delay ([timespan]::FromMinutes(1)) | Out-Null
    Stop-When "Update-KumoiHost $script -VerifyScriptBlock $verify -VMHost kvm0[1-3] -Name july -Confirm:`$false" { (Get-KumoiFault).Hits -ge 1 } |
      Should -BeLike "*'july' was stopped at kvm02*"
    Clear-KumoiFault
    Get-Running | Should -Be $all
    Get-Suspended | Should -Be kvm02
    $results = Update-KumoiHost { $upgraded.Add($_.Name) } -VMHost kvm0[1-3] -Name july -VerifyScriptBlock { $true }
    $results.ForEach{ "$_" } | Should -Be 'kvm02: Updated', 'kvm01: AlreadyUpdated', 'kvm03: Updated'
    # A script that had ended is not run again.
    $upgraded | Should -Be @(if ($when -ne 'while it verifies') { 'kvm02' }; 'kvm03')
    Get-Running | Should -Be $all
    Get-Suspended | Should -BeNullOrEmpty
    Get-KumoiVM held* | Should -BeNullOrEmpty
  }

  It 'is not complete while one of its hosts was not upgraded, and says so' {
    Update-KumoiHost { if ($_.Name -eq 'kvm02') { throw 'no space left' } } -VMHost kvm0[12] -Name july -ErrorAction SilentlyContinue | Out-Null
    (Update-KumoiHost { } -VMHost kvm03 -Name july -WarningVariable warnings).State | Should -Be Updated
    $warnings.Message | Should -BeLike "*'july' is not complete without kvm02.*"
    (Update-KumoiHost { } -VMHost kvm0[1-3] -Name july).ForEach{ "$_" } | Should -Be 'kvm02: Updated', 'kvm01: AlreadyUpdated', 'kvm03: AlreadyUpdated'
  }

  It 'goes on in a later command when the pipeline was cut short' {
    Update-KumoiHost { $upgraded.Add($_.Name) } -VMHost kvm0[1-3] -Name july | Select-Object -First 1 | Out-Null
    $upgraded | Should -Be kvm01
    (Update-KumoiHost { $upgraded.Add($_.Name) } -VMHost kvm0[1-3] -Name july).State | Should -Be AlreadyUpdated, Updated, Updated
    $upgraded | Should -Be kvm01, kvm02, kvm03
  }

  It 'does nothing without the journal' {
    $state = $env:KUMOI_STATE
    $env:KUMOI_STATE = '/dev/null/nowhere'
    try {
      Update-KumoiHost { $upgraded.Add($_.Name) } -VMHost kvm01 -ErrorVariable errors -ErrorAction SilentlyContinue | Out-Null
      $errors[0].FullyQualifiedErrorId | Should -BeLike 'Journal*'
      Suspend-KumoiHost kvm01 -ErrorVariable errors -ErrorAction SilentlyContinue
      $errors[0].FullyQualifiedErrorId | Should -BeLike 'Journal*'
      Get-KumoiHost | Should -HaveCount 4
    }
    finally { $env:KUMOI_STATE = $state }
    $upgraded | Should -BeNullOrEmpty
  }
}
