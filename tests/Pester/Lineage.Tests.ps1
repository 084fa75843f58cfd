BeforeAll { . $PSScriptRoot/Fleet.ps1 }
BeforeDiscovery { Import-Module $env:KUMOI_MODULE }

Describe 'The main job: ten VMs come out although a host is broken' {
  BeforeEach {
    Reset-Fleet
    Add-KumoiFault -VMHost kvm14 -Operation Start -Message "disk image isn't accessible" | Out-Null
    $vms = Get-KumoiHost | Where-Object CpuRatio -lt 0.9 | Sort-Object CpuRatio | Select-Object -First 10 |
      New-KumoiVM -Name { "web-$($_.Name)" } -MemoryBytes 64MB -Start -WarningVariable warnings -WarningAction SilentlyContinue -ErrorVariable errors
  }

  It 'runs ten VMs on ten hosts, the eleventh in the place of the broken one' {
    $vms.Name | Should -Be ('kvm16', 'kvm20', 'kvm03', 'kvm19', 'kvm02', 'kvm07', 'kvm10', 'kvm13', 'kvm01', 'kvm08' | ForEach-Object { "web-$_" })
    $vms.State | Should -Be (@('Running') * 10)
    (Get-KumoiVM web-* -State Running).Count | Should -Be 10
  }

  It 'leaves nothing on the broken host' {
    Get-KumoiVM web-* -VMHost kvm14 | Should -BeNullOrEmpty
  }

  It 'says so in one warning, and writes no error' {
    $warnings.Message | Should -Be "kvm14 failed: disk image isn't accessible; kvm08 took its place"
    $errors | Should -BeNullOrEmpty
  }

  It 'tells it in the trace' {
    $trace = Get-KumoiLineage
    $text = $trace.ToString()
    $text | Should -Match '(?m)^Get-KumoiHost  20$'
    $text | Should -Match '(?m)^\| Where-Object CpuRatio -lt 0.9  20 → 16$'
    $text | Should -Match '(?m)^\| Select-Object -First 10  16 → 10$'
    $text | Should -Match "(?m)New-KumoiVM ✗ kvm14: disk image isn't accessible$"
    $text | Should -Match '(?m)New-KumoiVM\(alt\) kvm08$'
    $text | Should -Match '(?m)New-KumoiVM\(alt\) ✓ kvm08: for kvm14$'
    $trace.Substitutions | Should -Be 1
    ($vms[0] | Get-KumoiLineage).ToString() | Should -Be $text
  }
}

Describe 'The experiments of the paper' {
  It '2: the VM lands on the next target' {
    Reset-Fleet
    Add-KumoiFault -VMHost kvm20 -Operation Migrate -Message 'Unknown failure' -FaultDomain Host | Out-Null
    $moved = Get-KumoiHost | Where-Object Name -ne kvm16 | Sort-Object CpuRatio | Select-Object -First 1 |
      Move-KumoiVM -VM kvm16-1 -PassThru -WarningAction SilentlyContinue
    $moved.VMHost | Should -Be kvm03
    (Get-KumoiVM kvm16-1).VMHost | Should -Be kvm03
  }

  It '3: all VMs of one host fail, the next host''s VM starts' {
    Reset-Fleet 'sim://lab?hosts=20&vms=3&running=0&seed=7'
    $chosen = Get-KumoiHost | Where-Object { $_.Tags -contains 'web' } | Sort-Object CpuRatio | Select-Object -First 11
    $broken = $chosen[4].Name
    Add-KumoiFault -VMHost $broken -Operation Start -Message 'Unknown failure' | Out-Null
    $started = Get-KumoiHost | Where-Object { $_.Tags -contains 'web' } | Sort-Object CpuRatio | Select-Object -First 10 |
      Invoke-KumoiAction { Get-KumoiVM -VMHost $_ -State Shutoff | Select-Object -First 1 | Start-KumoiVM -PassThru } -WarningVariable warnings -WarningAction SilentlyContinue
    $started.VMHost | Should -Be @($chosen.Name | Where-Object { $_ -ne $broken })
    (Get-KumoiVM -State Running).Count | Should -Be 10
    $warnings.Message | Should -BeLike "$broken failed: *; $($chosen[10].Name) took its place"
  }
}

Describe 'Without faults' {
  BeforeEach { Reset-Fleet }

  It 'gives the same objects in the same order as without lineage' {
    $with = Get-KumoiHost | Where-Object CpuRatio -lt 0.9 | Sort-Object CpuRatio | Select-Object -First 10 | New-KumoiVM -Name { "a-$($_.Name)" } -MemoryBytes 64MB
    Reset-Fleet
    $without = Get-KumoiHost | Where-Object CpuRatio -lt 0.9 | Sort-Object CpuRatio | Select-Object -First 10 | New-KumoiVM -Name { "a-$($_.Name)" } -MemoryBytes 64MB -NoSubstitution
    $with.Name | Should -Be $without.Name
    $with.VMHost | Should -Be $without.VMHost
  }

  It 'shows nothing of the lineage on the objects' {
    $hosts = Get-KumoiHost | Select-Object -First 1
    ($hosts | ConvertTo-Json -Depth 2 -WarningAction SilentlyContinue) | Should -Not -Match 'Origin|Lineage'
    ($hosts | Select-Object *).PSObject.Properties.Name | Should -Not -Contain Origin
    $hosts.PSObject.Properties.Name | Should -Not -Contain Origin
  }

  It 'replays nothing' {
    $calls = [System.Collections.Generic.List[string]]::new()
    Get-KumoiHost | Where-Object { $calls.Add($_.Name); $true } | Select-Object -First 3 | New-KumoiVM -Name { "a-$($_.Name)" } -MemoryBytes 64MB | Out-Null
    $calls.Count | Should -Be 3
  }

  It 'reads nothing twice' {
    # A delay fails nothing, and counts the calls.
    Add-KumoiFault -VMHost * -Operation Read -Delay ([timespan]::FromTicks(1)) | Out-Null
    Get-KumoiHost | Where-Object CpuRatio -lt 2 | Sort-Object Name | Select-Object -First 10 | New-KumoiVM -Name { "a-$($_.Name)" } -MemoryBytes 64MB | Out-Null
    (Get-KumoiFault).Hits | Should -Be 20
  }
}

Describe 'Several terminals in one pipeline' {
  BeforeEach {
    Reset-Fleet
    $WarningPreference = 'SilentlyContinue'
  }

  It 'the later one undoes what the earlier did to the failed element, and both work on the substitute' {
    Add-KumoiFault -VMHost kvm02 -Operation Start | Out-Null
    $vms = Get-KumoiHost | Select-Object -First 3 | New-KumoiVM -Name { "a-$($_.Name)" } | Start-KumoiVM -PassThru
    $vms.VMHost | Should -Be kvm01, kvm03, kvm04
    (Get-KumoiVM a-*).VMHost | Should -Be kvm01, kvm03, kvm04
  }

  It 'the earlier one substitutes before its successor sees anything' {
    Add-KumoiFault -VMHost kvm02 -Operation Define | Out-Null
    $vms = Get-KumoiHost | Select-Object -First 3 | New-KumoiVM -Name { "a-$($_.Name)" } | Start-KumoiVM -PassThru
    $vms.VMHost | Should -Be kvm01, kvm03, kvm04
    $vms.State | Should -Be Running, Running, Running
  }

  It 'both substitute in one run, each for its own failures' {
    Add-KumoiFault -VMHost kvm02 -Operation Define | Out-Null
    Add-KumoiFault -VMHost kvm03 -Operation Start | Out-Null
    $vms = Get-KumoiHost | Sort-Object Name | Select-Object -First 3 | New-KumoiVM -Name { "a-$($_.Name)" } | Start-KumoiVM -PassThru
    $vms.VMHost | Should -Be kvm01, kvm04, kvm05
    (Get-KumoiVM a-*).VMHost | Should -Be kvm01, kvm04, kvm05
  }

  It 'three in a row' {
    Add-KumoiFault -VMHost kvm02 -Operation Define | Out-Null
    Add-KumoiFault -VMHost kvm03 -Operation Start -Count 1 | Out-Null
    Add-KumoiFault -VMHost kvm04 -Operation Start | Out-Null
    $vms = Get-KumoiHost | Sort-Object Name | Select-Object -First 3 | New-KumoiVM -Name { "a-$($_.Name)" } | Start-KumoiVM -Paused -PassThru | Resume-KumoiVM -PassThru
    $vms.VMHost | Should -Be kvm01, kvm05, kvm06
    (Get-KumoiVM a-*).VMHost | Should -Be kvm01, kvm05, kvm06
    $vms.State | Should -Be Running, Running, Running
  }

  It 'one that replaces nothing itself is replayed for a later one' {
    Add-KumoiFault -VMHost kvm02 -Operation Start | Out-Null
    $vms = Get-KumoiHost | Select-Object -First 3 | New-KumoiVM -Name { "a-$($_.Name)" } -NoSubstitution | Start-KumoiVM -PassThru
    $vms.VMHost | Should -Be kvm01, kvm03, kvm04
  }

  It 'an earlier one that fails on a candidate drops it' {
    Add-KumoiFault -VMHost kvm02 -Operation Start | Out-Null
    Add-KumoiFault -VMHost kvm04 -Operation Define | Out-Null
    $vms = Get-KumoiHost | Select-Object -First 3 | New-KumoiVM -Name { "a-$($_.Name)" } | Start-KumoiVM -PassThru
    $vms.VMHost | Should -Be kvm01, kvm03, kvm05
    (Get-KumoiVM a-*).VMHost | Should -Be kvm01, kvm03, kvm05
  }
}

Describe 'Held selection' {
  BeforeEach {
    Reset-Fleet
    $WarningPreference = 'SilentlyContinue'
    Add-KumoiFault -VMHost kvm02 -Operation Define | Out-Null
  }

  It 'keeps its reserve whatever stands above it' {
    $seen = [System.Collections.Generic.List[string]]::new()
    function Get-Odd { Get-KumoiHost | Where-Object { $seen.Add($_.Name); $_.Name -ne 'kvm03' } }
    $vms = Get-Odd | Select-KumoiHost -First 2 | New-KumoiVM -Name { "a-$($_.Name)" }
    $vms.VMHost | Should -Be kvm01, kvm04
    $seen | Should -HaveCount 20
  }

  It 'substitutes across statements if all picks arrive' {
    $picked = Get-KumoiHost | Select-KumoiHost -First 2
    $vms = $picked | New-KumoiVM -Name { "a-$($_.Name)" }
    $vms.VMHost | Should -Be kvm01, kvm03
  }

  It 'does not substitute across statements if a pick is missing' {
    $picked = Get-KumoiHost | Select-KumoiHost -First 3
    $vms = $picked | Where-Object Name -ne kvm01 | New-KumoiVM -Name { "a-$($_.Name)" } -ErrorAction SilentlyContinue -ErrorVariable errors
    $vms.VMHost | Should -Be kvm03
    $errors | Should -HaveCount 1
  }

  It 'takes from the end with -Last, substitutes first' {
    Add-KumoiFault -VMHost kvm20 -Operation Define | Out-Null
    $vms = Get-KumoiHost | Select-KumoiHost -Last 2 | New-KumoiVM -Name { "a-$($_.Name)" }
    $vms.VMHost | Should -Be kvm18, kvm19
  }

  It 'draws further by chance' {
    $drawn = (Get-KumoiHost | Select-KumoiHost -Random 20 -Seed 3).Name
    $drawn | Should -Not -Be (Get-KumoiHost).Name
    $before = $drawn[0..($drawn.IndexOf('kvm02'))].Count
    $vms = Get-KumoiHost | Select-KumoiHost -Random $before -Seed 3 | New-KumoiVM -Name { "a-$($_.Name)" }
    $vms.VMHost | Should -Be @($drawn[0..$before] | Where-Object { $_ -ne 'kvm02' })
  }

  It 'takes the next best by score, which is asked once for each' {
    $asked = [System.Collections.Generic.List[string]]::new()
    $best = (Get-KumoiHost | Sort-Object FreeMemoryBytes -Descending -Stable).Name
    Clear-KumoiFault
    Add-KumoiFault -VMHost $best[1] -Operation Define | Out-Null
    $vms = Get-KumoiHost | Select-KumoiHost -Score { $asked.Add($_.Name); $_.FreeMemoryBytes } -First 3 | New-KumoiVM -Name { "a-$($_.Name)" }
    $vms.VMHost | Should -Be $best[0], $best[2], $best[3]
    $asked | Should -HaveCount 20
  }

  It 'has no candidate for -While' {
    $vms = Get-KumoiHost | Select-KumoiHost -While { $_.Name -lt 'kvm04' } | New-KumoiVM -Name { "a-$($_.Name)" } -ErrorVariable errors -ErrorAction SilentlyContinue
    $vms.VMHost | Should -Be kvm01, kvm03
    $errors.FullyQualifiedErrorId | Should -BeLike 'LineageExhausted*'
  }

  It 'takes as much as adds up with -AccumulateWhile, and goes on when one fails' {
    # Three hosts have 48 CPUs together.
    $vms = Get-KumoiHost | Select-KumoiHost -AccumulateWhile { param($Taken, $Candidate) ($Taken | Measure-Object CpuCount -Sum).Sum + $Candidate.CpuCount -le 48 } |
      New-KumoiVM -Name { "a-$($_.Name)" }
    $vms.VMHost | Should -Be kvm01, kvm03, kvm04
  }

  It 'works for VMs' {
    Add-KumoiFault -VMHost * -VM kvm01-2 -Operation Start | Out-Null
    (Get-KumoiVM -State Shutoff | Select-KumoiVM -First 1 | Start-KumoiVM -PassThru).Name | Should -Be kvm02-2
  }
}
