# The scripts of docs/runbooks for whole sites, on simulated fleets with faults.
BeforeAll {
  . $PSScriptRoot/Runbooks.ps1
}

Describe 'upgrade-hosts' {
  BeforeEach {
    Reset-Fleet 'sim://lab?hosts=4&vms=2&running=1&seed=7'
    $WarningPreference = 'SilentlyContinue'
    $upgraded = [System.Collections.Generic.List[string]]::new()
  }

  It 'upgrades all hosts, those with the fewest running VMs first, and brings their VMs back' {
    Start-KumoiVM kvm01-2
    $results = & $runbooks/upgrade-hosts.ps1 july { $upgraded.Add($_.Name); "upgraded $_" } -ReturnVM
    $upgraded | Should -Be kvm02, kvm03, kvm04, kvm01
    $results.State | Should -Be (@('Updated') * 4)
    Get-KumoiHost | Where-Object IsInMaintenance | Should -BeNullOrEmpty
    (Get-KumoiVM -State Running).Name | Should -Be kvm01-1, kvm01-2, kvm02-1, kvm03-1, kvm04-1
    (Get-KumoiVM -VMHost kvm01 -State Running).Name | Should -Be kvm01-1, kvm01-2
  }

  It 'ends at a host where the script fails, and goes on there' {
    $results = & $runbooks/upgrade-hosts.ps1 july { if ($_.Name -eq 'kvm03') { throw 'no space left' } } -ErrorAction SilentlyContinue -WarningVariable warnings
    $results.State | Should -Be Updated, Updated, Failed
    $warnings[-1].Message | Should -BeLike 'In maintenance: kvm03.*'
    (Get-KumoiVM -State Running) | Should -HaveCount 4
    (& $runbooks/upgrade-hosts.ps1 july { 'mended' }).Where{ $_.State -eq 'Updated' }.VMHost | Should -Be kvm03, kvm04
    Get-KumoiHost | Where-Object IsInMaintenance | Should -BeNullOrEmpty
  }

  It 'ends where a native command fails' {
    $results = & $runbooks/upgrade-hosts.ps1 july { pwsh -NoProfile -Command 'exit 7' } 2>$null
    $results.Error | Should -BeLike '*exit code: 7*'
  }

  It 'does nothing where a VM has no room elsewhere, and nothing with -WhatIf but to write the plan' {
    (& $runbooks/upgrade-hosts.ps1 july { $upgraded.Add($_.Name) } -WhatIf).Action | Select-Object -Unique | Should -Be SuspendHost, Move, RunScript, VerifyHost, ResumeHost
    foreach ($name in 'kvm01', 'kvm03', 'kvm04') {
      $free = (Get-KumoiHost $name).FreeMemoryBytes
      New-KumoiVM "filler-$name" -VMHost $name -MemoryBytes ([math]::Floor(($free - 600MB) / 1MB) * 1MB) -Start
    }
    { & $runbooks/upgrade-hosts.ps1 july { $upgraded.Add($_.Name) } } | Should -Throw -ErrorId 'NoRoom,upgrade-hosts.ps1'
    $upgraded | Should -BeNullOrEmpty
    Get-KumoiHost | Where-Object IsInMaintenance | Should -BeNullOrEmpty
  }

  It 'needs a host' {
    { & $runbooks/upgrade-hosts.ps1 july { } -Tag none } | Should -Throw -ErrorId 'NoHost,upgrade-hosts.ps1'
  }
}

Describe 'shut-down-a-site' {
  BeforeEach {
    Reset-Fleet 'sim://lab?hosts=3&vms=3&running=3&seed=7'
    $WarningPreference = 'SilentlyContinue'
  }

  It 'shuts down in the order, and is silent about success' {
    $steps = & $runbooks/shut-down-a-site.ps1 -Order *-2, *-1 -Exclude kvm01-1 -Confirm:$false -ErrorVariable errors
    $errors | Should -BeNullOrEmpty
    $steps.Name | Should -Be kvm01-3, kvm02-3, kvm03-3, kvm01-2, kvm02-2, kvm03-2, kvm02-1, kvm03-1
    (Get-KumoiVM -State Running).Name | Should -Be kvm01-1
  }

  It 'writes the plan with -WhatIf, and shuts nothing down' {
    $plan = & $runbooks/shut-down-a-site.ps1 -Order *-2, *-1 -WhatIf
    $plan.State | Should -Be (@('Planned') * 9)
    (Get-KumoiVM -State Running).Count | Should -Be 9
  }

  It 'shuts nothing down where a name is misspelt' {
    { & $runbooks/shut-down-a-site.ps1 -Order *-2, kvm01-l -Confirm:$false } | Should -Throw -ErrorId 'NameNotFound,shut-down-a-site.ps1'
    { & $runbooks/shut-down-a-site.ps1 -Exclude db1 -Confirm:$false } | Should -Throw -ErrorId 'NameNotFound,shut-down-a-site.ps1'
    { & $runbooks/shut-down-a-site.ps1 -VMHost none* -Confirm:$false } | Should -Throw -ErrorId 'NoHost,shut-down-a-site.ps1'
    (Get-KumoiVM -State Running).Count | Should -Be 9
  }

  It 'begins no stage after a failure, and says what still runs' {
    Add-KumoiFault * Stop -VM kvm02-3 -FaultDomain VM -Message 'it does not listen' | Out-Null
    & $runbooks/shut-down-a-site.ps1 -Order *-2, *-1 -Confirm:$false -ErrorVariable errors -ErrorAction SilentlyContinue | Out-Null
    $last = $errors | Where-Object FullyQualifiedErrorId -eq 'StillRunning,shut-down-a-site.ps1'
    $last.TargetObject.Name | Should -Be kvm01-1, kvm01-2, kvm02-1, kvm02-2, kvm02-3, kvm03-1, kvm03-2
    $errors.Exception.Message | Should -Contain 'it does not listen'
  }

  It 'goes on with -FailureOblivious, and what still runs is an error even so' {
    Add-KumoiFault * Stop -VM kvm02-3 -FaultDomain VM -Message 'it does not listen' | Out-Null
    & $runbooks/shut-down-a-site.ps1 -Order *-2, *-1 -Confirm:$false -FailureOblivious -ErrorVariable errors -ErrorAction SilentlyContinue | Out-Null
    $errors.FullyQualifiedErrorId | Should -Be 'StillRunning,shut-down-a-site.ps1'
    $errors.TargetObject.Name | Should -Be kvm02-3
  }

  It 'goes on with what still runs when it is run again' {
    Add-KumoiFault * Stop -VM kvm02-3 -FaultDomain VM -Message 'it does not listen' -Count 1 | Out-Null
    & $runbooks/shut-down-a-site.ps1 -Order *-2, *-1 -Confirm:$false -ErrorAction SilentlyContinue | Out-Null
    $steps = & $runbooks/shut-down-a-site.ps1 -Order *-2, *-1 -Confirm:$false -ErrorVariable errors
    $errors | Should -BeNullOrEmpty
    $steps.Name | Should -Be kvm02-3, kvm01-2, kvm02-2, kvm03-2, kvm01-1, kvm02-1, kvm03-1
    & $runbooks/shut-down-a-site.ps1 -Order *-2, *-1 -Confirm:$false | Should -BeNullOrEmpty
  }

  It 'shuts nothing down while a host cannot be read; with -FailureOblivious all else, and says that it does not know' {
    Add-KumoiFault kvm02 Read -Message 'no route to host' | Out-Null
    { & $runbooks/shut-down-a-site.ps1 -Confirm:$false } | Should -Throw 'no route to host'
    (Get-KumoiVM -State Running -VMHost kvm01, kvm03).Count | Should -Be 6
    # Whatever is masked elsewhere, the last look is not.
    $KumoiPreference = @{ FailureOblivious = $true }
    & $runbooks/shut-down-a-site.ps1 -Order kvm02-1 -Confirm:$false -FailureOblivious -ErrorVariable errors -ErrorAction SilentlyContinue -WarningVariable warnings | Out-Null
    Get-KumoiVM -State Running -VMHost kvm01, kvm03 | Should -BeNullOrEmpty
    $errors.FullyQualifiedErrorId | Should -Contain 'NotKnown,shut-down-a-site.ps1'
    $warnings.Message | Should -Contain "No VM that can be read is named 'kvm02-1'."
  }
}

Describe 'account-usage' {
  BeforeAll { $state = $env:KUMOI_STATE }
  BeforeEach {
    # A journal of its own for each test.
    $env:KUMOI_STATE = Join-Path $state ([guid]::NewGuid())
    Reset-Fleet 'sim://lab?hosts=3&vms=2&running=1&seed=7'
    $WarningPreference = 'SilentlyContinue'
    $file = Join-Path $TestDrive "$([guid]::NewGuid()).csv"
  }
  AfterAll { $env:KUMOI_STATE = $state }

  It 'goes on where the last run ended' {
    & $runbooks/account-usage.ps1 $file | Out-Null
    $second = & $runbooks/account-usage.ps1 $file
    $second.VM | Should -Be kvm01-1, kvm02-1, kvm03-1
    $rows = Import-Csv $file | Where-Object VM -eq kvm02-1
    $rows | Should -HaveCount 2
    $rows[1].From | Should -Be $rows[0].To
  }

  It 'accounts nothing if the file cannot be written, and the next run for both' {
    & $runbooks/account-usage.ps1 $file | Out-Null
    $before = (Import-Csv $file)[0].To
    { & $runbooks/account-usage.ps1 (Join-Path $TestDrive none/usage.csv) } | Should -Throw -ErrorId 'UsageFileFailed,account-usage.ps1'
    (& $runbooks/account-usage.ps1 $file)[0].From | Should -Be ([System.DateTimeOffset] $before)
  }

  It 'a host that cannot be read is an error, and nothing is accounted or lost' {
    & $runbooks/account-usage.ps1 $file | Out-Null
    Add-KumoiFault kvm02 Read -Count 1 -Message 'no route to host' | Out-Null
    { & $runbooks/account-usage.ps1 $file } | Should -Throw 'no route to host'
    Import-Csv $file | Should -HaveCount 3
    (& $runbooks/account-usage.ps1 $file).VM | Should -Be kvm01-1, kvm02-1, kvm03-1
  }

  It 'accounts the others with -FailureOblivious, and that host in the next run' {
    & $runbooks/account-usage.ps1 $file | Out-Null
    Add-KumoiFault kvm02 Read -Count 1 -Message 'no route to host' | Out-Null
    $second = & $runbooks/account-usage.ps1 $file -FailureOblivious -ErrorVariable errors
    $errors | Should -BeNullOrEmpty
    $second.VM | Should -Be kvm01-1, kvm03-1
    $third = & $runbooks/account-usage.ps1 $file -FailureOblivious
    $third.VM | Should -Be kvm01-1, kvm02-1, kvm03-1
    $third[1].From | Should -BeLessThan $third[0].From
  }

  It 'connects by itself' {
    Disconnect-KumoiHost *
    { & $runbooks/account-usage.ps1 $file } | Should -Throw -ErrorId 'NoHost,account-usage.ps1'
    (& $runbooks/account-usage.ps1 $file -Uri 'sim://lab?hosts=3&vms=2&running=1&seed=7').VM | Should -Be kvm01-1, kvm02-1, kvm03-1
  }
}
