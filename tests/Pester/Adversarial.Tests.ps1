# Cases that a hostile review found: each had once given a wrong substitute, a second effect, or a lost error.
BeforeAll {
  . $PSScriptRoot/Fleet.ps1
  function Get-State { (Get-KumoiVM @args | ForEach-Object { "$($_.Name)@$($_.VMHost):$($_.State)" }) -join ' ' }
}

Describe 'Nothing runs twice where nothing failed' {
  BeforeEach { Reset-Fleet }

  It 'below Select-Object -Last: <name>' -ForEach @(
    @{ name = 'a filter that counts'; text = 'Where-Object { $script:n++; $true }' }
    @{ name = 'a step with an effect'; text = 'ForEach-Object { $script:n++; $_ }' }
  ) {
    $script:n = 0
    $vms = . ([scriptblock]::Create("Get-KumoiHost | $text | Select-Object -Last 3 | New-KumoiVM -Name { `"a-`$(`$_.Name)`" }"))
    $vms.VMHost | Should -Be kvm18, kvm19, kvm20
    $script:n | Should -Be 20
  }

  It 'an action above the choice' {
    $vm = Get-KumoiHost kvm01, kvm02, kvm03 | New-KumoiVM -Name { "w-$(Get-Random)" } | Select-Object -Last 1 | Start-KumoiVM -PassThru
    $vm.VMHost | Should -Be kvm03
    Get-KumoiVM w-* | Should -HaveCount 3
  }
}

Describe 'What was made by an earlier statement is not touched by a later one' {
  BeforeEach { Reset-Fleet }

  It 'a start that fails removes no VM' {
    $vms = Get-KumoiHost | Select-KumoiHost -First 3 | New-KumoiVM -Name { "web-$($_.Name)" }
    Add-KumoiFault kvm02 Start | Out-Null
    $vms | Start-KumoiVM -ErrorAction SilentlyContinue -ErrorVariable errors
    $errors | Should -HaveCount 1
    Get-State web-* | Should -Be 'web-kvm01@kvm01:Running web-kvm02@kvm02:Shutoff web-kvm03@kvm03:Running'
  }

  It 'an action on VMs is never run on a host' {
    $vms = Get-KumoiHost | Select-KumoiHost -First 3 | New-KumoiVM -Name { "web-$($_.Name)" }
    $kinds = $vms | Invoke-KumoiAction { if ($_.Name -eq 'web-kvm02') { throw 'failed' }; $_.GetType().Name } -ErrorAction SilentlyContinue
    $kinds | Should -Be KumoiVM, KumoiVM
    Get-KumoiVM web-* | Should -HaveCount 3
  }

  It 'an inner statement does not swap the element of the action that it is in' {
    Add-KumoiFault kvm01 Define | Out-Null
    $told = Get-KumoiHost | Select-KumoiHost -First 1 |
      Invoke-KumoiAction { $vm = $_ | New-KumoiVM -Name web1; "$($_.Name) $($vm.VMHost)" } -WarningAction SilentlyContinue
    $told | Should -Be 'kvm02 kvm02'
  }
}

Describe 'No substitute while an outcome is open' {
  BeforeEach { Reset-Fleet }

  It 'with -KeepFailed' {
    Add-KumoiFault kvm01 Start -OutcomeUnknown | Out-Null
    Get-KumoiHost | Select-Object -First 1 | New-KumoiVM -Name web1 -Start -KeepFailed -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
    Get-State web1 | Should -Be 'web1@kvm01:Running'
  }

  It 'in an action' {
    Add-KumoiFault kvm01 Define -OutcomeUnknown | Out-Null
    Add-KumoiFault kvm01 Stop | Out-Null
    Get-KumoiHost | Select-Object -First 1 | Invoke-KumoiAction { New-KumoiVM -Name web1 -VMHost $_ } -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
    Get-State web1 | Should -Be 'web1@kvm01:Shutoff'
  }

  It 'in the second error of an action' {
    Add-KumoiFault kvm01 Start -OutcomeUnknown | Out-Null
    Get-KumoiHost | Select-Object -First 1 | Invoke-KumoiAction { Write-Error minor; Start-KumoiVM "$($_.Name)-2" } -ErrorAction SilentlyContinue
    Get-State kvm0[12]-2 | Should -Be 'kvm01-2@kvm01:Running kvm02-2@kvm02:Shutoff'
  }

  It 'of a candidate in an earlier stage' {
    Add-KumoiFault kvm01 Start | Out-Null
    Add-KumoiFault kvm02 Define -OutcomeUnknown | Out-Null
    Add-KumoiFault kvm02 Stop | Out-Null
    Get-KumoiHost | Select-Object -First 1 | New-KumoiVM -Name web1 | Start-KumoiVM -PassThru -ErrorAction SilentlyContinue -ErrorVariable errors | Should -BeNullOrEmpty
    $errors | Should -HaveCount 1
    (Get-KumoiVM web1).VMHost | Should -Be kvm02
  }
}

Describe 'A substitute is what the author would have got' {
  BeforeEach {
    Reset-Fleet
    $WarningPreference = 'SilentlyContinue'
    Add-KumoiFault kvm02 Define | Out-Null
  }

  It 'with private and local variables' {
    (& { $private:skip = 'kvm04'; Get-KumoiHost | Where-Object Name -ne $skip | Select-Object -First 3 | New-KumoiVM -Name { "a-$($_.Name)" } }).VMHost | Should -Be kvm01, kvm03, kvm05
    (& { $skip = 'kvm04'; Get-KumoiHost | Where-Object { $_.Name -ne $local:skip } | Select-Object -First 3 | New-KumoiVM -Name { "b-$($_.Name)" } }).VMHost | Should -Be kvm01, kvm03, kvm05
  }

  It 'with $PSBoundParameters in a filter or a name that is kept in a variable' {
    function New-Without { param($Skip, $Prefix) $filter = { $_.Name -ne $PSBoundParameters['Skip'] }; Get-KumoiHost | Where-Object $filter | Select-Object -First 3 | New-KumoiVM -Name { "$($PSBoundParameters['Prefix'])-$($_.Name)" } }
    (New-Without -Skip kvm04 -Prefix pp).Name | Should -Be pp-kvm01, pp-kvm03, pp-kvm05
  }

  It 'with -PipelineVariable that is splatted or named by a variable' {
    $splat = @{ PipelineVariable = 'h' }
    (Get-KumoiHost @splat | Where-Object { $h.Name -ne 'kvm04' } | Select-Object -First 3 | New-KumoiVM -Name { "a-$($_.Name)" }).VMHost | Should -Be kvm01, kvm03, kvm05
    $name = 'h'
    (Get-KumoiHost -PipelineVariable $name | Where-Object { $h.Name -ne 'kvm04' } | Select-Object -First 3 | New-KumoiVM -Name { "b-$($_.Name)" }).VMHost | Should -Be kvm01, kvm03, kvm05
  }

  It 'and counters below the choice count it too' {
    $i = 0
    $vms = Get-KumoiHost | Select-Object -First 3 | ForEach-Object { $i++; $_ | Add-Member Nr $i -PassThru -Force } | New-KumoiVM -Name { "web$($_.Nr)" }
    $vms.Name | Should -Be web1, web3, web4
    $i | Should -Be 4
  }

  It 'with a type of the script in the name' {
    $file = Join-Path $TestDrive typed.ps1
    Set-Content $file 'class Namer { static [string] For($h) { return "n-$h" } }; Get-KumoiHost | Select-Object -First 3 | New-KumoiVM -Name { [Namer]::For($_.Name) }'
    (& $file).Name | Should -Be n-kvm01, n-kvm03, n-kvm04
  }

  It 'and -State is asked of it again' {
    Clear-KumoiFault
    Add-KumoiFault * Start -VM kvm01-2 | Out-Null
    $vms = Get-KumoiVM -State Shutoff | Sort-Object Name | Select-Object -First 2 |
      ForEach-Object { if ($_.Name -eq 'kvm01-2') { Start-KumoiVM kvm03-2 }; $_ } | Start-KumoiVM -PassThru
    $vms.Name | Should -Be kvm02-2, kvm04-2
  }

  It 'and is no VM that the pipeline has just moved or made' {
    Clear-KumoiFault
    $script:to = 'kvm03', 'kvm10', 'kvm11'
    $script:k = 0
    Add-KumoiFault kvm10 Migrate | Out-Null
    $vms = Get-KumoiVM -State Running | Select-Object -First 2 | Move-KumoiVM -Destination { $script:to[$script:k++] } -PassThru
    $vms.Name | Should -Be kvm01-1, kvm03-1
    Reset-Fleet
    Add-KumoiFault kvm03 Define | Out-Null
    (Get-KumoiVM -State Shutoff | Select-Object -First 3 | Invoke-KumoiAction { New-KumoiVM -Name "clone-$($_.Name)" -VMHost $_.VMHost }).Name |
      Should -Be clone-kvm01-2, clone-kvm02-2, clone-kvm04-2
  }

  It 'also of two sources in one pipeline' {
    Clear-KumoiFault
    Add-KumoiFault kvm01 Start | Out-Null
    (Get-KumoiHost | Select-Object -First 4 | New-KumoiVM -Name { "a-$($_.Name)" } | Select-KumoiVM -First 2 | Start-KumoiVM -PassThru).Name | Should -Be a-kvm02, a-kvm03
  }

  It 'also after an earlier stage has substituted, whose -Undo runs' {
    $script:log = @()
    $vms = Get-KumoiHost | Select-Object -First 3 |
      Invoke-KumoiAction { $script:log += "+$($_.Name)"; $_ } -Undo { $script:log += "-$($_.Name)" } | New-KumoiVM -Name { "a-$($_.Name)" }
    $vms.VMHost | Should -Be kvm01, kvm03, kvm04
    $script:log | Should -Be +kvm01, +kvm02, +kvm03, -kvm02, +kvm04
  }
}

Describe 'No substitute where the author''s meaning is not certain' {
  BeforeEach {
    Reset-Fleet
    Add-KumoiFault kvm02 Define | Out-Null
    Add-KumoiFault * Start -VM kvm01-2 | Out-Null
    $quiet = @{ ErrorAction = 'SilentlyContinue' }
  }

  It '<name>' -ForEach @(
    @{ name = '$input'; text = "function f { Get-KumoiHost | Where-Object Name -notin `$input | Select-Object -First 3 | New-KumoiVM -Name { `"c-`$(`$_.Name)`" } @quiet }; 'kvm04' | f" }
    @{ name = '$MyInvocation'; text = 'function g { param($Skip) Get-KumoiHost | Where-Object Name -ne $MyInvocation.BoundParameters.Skip | Select-Object -First 3 | New-KumoiVM -Name { "d-$($_.Name)" } @quiet }; g -Skip kvm04' }
    @{ name = 'a count that the pipeline changes'; text = '$n = 3; Get-KumoiHost | Select-Object -First $n | ForEach-Object { $n = 10; $_ } | New-KumoiVM -Name { "a-$($_.Name)" } @quiet' }
    @{ name = 'a filter''s variable that the pipeline changes'; text = '$skip = "kvm04"; Get-KumoiHost | Where-Object Name -ne $skip | Select-Object -First 3 | ForEach-Object { $skip = ""; $_ } | New-KumoiVM -Name { "b-$($_.Name)" } @quiet' }
    @{ name = 'an argument below the choice with an effect'; text = '$script:e = 0; Get-KumoiHost | Select-Object -First 3 | Add-Member -NotePropertyName Batch -NotePropertyValue (++$script:e) -PassThru | New-KumoiVM -Name { "b$($_.Batch)-$($_.Name)" } @quiet' }
    @{ name = 'begin blocks in an array'; text = 'Get-KumoiHost | Select-Object -First 3 | ForEach-Object -Process { $k = 0 }, { $k++; $_ } | New-KumoiVM -Name { "d-$($_.Name)" } @quiet' }
    @{ name = 'blocks in variables'; text = '$p = { $_ }; Get-KumoiHost | Select-Object -First 3 | ForEach-Object $p | New-KumoiVM -Name { "d-$($_.Name)" } @quiet' }
    @{ name = 'splatted steps'; text = '$s = @{ Process = { $_ } }; Get-KumoiHost | Select-Object -First 3 | ForEach-Object @s | New-KumoiVM -Name { "d-$($_.Name)" } @quiet' }
    @{ name = 'a source that is fed'; text = '"kvm01", "kvm02", "kvm03", "kvm04" | Get-KumoiHost | Select-Object -First 3 | New-KumoiVM -Name { "d-$($_.Name)" } @quiet' }
    @{ name = 'an impure filter beside a common parameter'; text = '$impure = { $script:n++; $true }; Get-KumoiHost | Where-Object $impure -ErrorAction Ignore | Select-Object -First 3 | New-KumoiVM -Name { "d-$($_.Name)" } @quiet' }
    @{ name = 'an impure block inside a filter'; text = '$impure = { $script:n++; $true }; Get-KumoiHost | Where-Object { 1 | Where-Object -FilterScript $impure } | Select-Object -First 3 | New-KumoiVM -Name { "d-$($_.Name)" } @quiet' }
    @{ name = 'a method by abbreviation'; text = '$q = [System.Collections.Queue]::new((1..100)); Get-KumoiHost | Where-Object { $q | ForEach-Object -M:ToString; $true } | Select-Object -First 3 | New-KumoiVM -Name { "d-$($_.Name)" } @quiet' }
    @{ name = 'a default value with an effect'; text = 'function Test-It($x, $y = ($script:n++)) { $true }; Get-KumoiHost | Where-Object { Test-It $_ } | Select-Object -First 3 | New-KumoiVM -Name { "d-$($_.Name)" } @quiet' }
    @{ name = 'a validation with an effect'; text = 'function Test-It { param([ValidateScript({ $script:n++; $true })] $x) $true }; Get-KumoiHost | Where-Object { Test-It $_ } | Select-Object -First 3 | New-KumoiVM -Name { "d-$($_.Name)" } @quiet' }
    @{ name = 'a replacement by a block in a variable'; text = '$r = { $script:n++; "k" }; Get-KumoiHost | Where-Object { ($_.Name -replace "k", $r) } | Select-Object -First 3 | New-KumoiVM -Name { "d-$($_.Name)" } @quiet' }
    @{ name = 'a step that redirects to a file'; text = 'Get-KumoiHost | Where-Object CpuRatio -lt 2 2>TestDrive:/errors.txt | Select-Object -First 3 | New-KumoiVM -Name { "d-$($_.Name)" } @quiet' }
    @{ name = 'variables written by default'; text = '$PSDefaultParameterValues = @{ "Where-Object:OutVariable" = "+kept" }; Get-KumoiHost | Where-Object CpuRatio -lt 2 | Select-Object -First 3 | New-KumoiVM -Name { "d-$($_.Name)" } @quiet' }
  ) {
    $vms = & ([scriptblock]::Create($text))
    $vms.VMHost | Should -Be kvm01, kvm03
  }

  It 'an action whose variable a later one uses' {
    $seen = Get-KumoiHost kvm01, kvm03, kvm04, kvm05 | Select-Object -First 3 | New-KumoiVM -Name { "b-$($_.Name)" } -PipelineVariable vm |
      Invoke-KumoiAction { if ($vm.Name -eq 'b-kvm03') { throw 'x' }; "$($_.Name) $($vm.Name)" } @quiet
    $seen | Should -Be 'b-kvm01 b-kvm01', 'b-kvm04 b-kvm04'
  }

  It 'one host and several VMs: those that moved stay, the other is an error' {
    Reset-Fleet 'sim://lab?hosts=4&vms=3&running=3&seed=7'
    Add-KumoiFault kvm02 Migrate -VM kvm01-2 | Out-Null
    $moved = Get-KumoiHost kvm02, kvm03 | Select-Object -First 1 | Move-KumoiVM -VM kvm01-* -PassThru @quiet
    $moved.Name | Should -Be kvm01-1, kvm01-3
    Get-State kvm01-* | Should -Be 'kvm01-2@kvm01:Running kvm01-1@kvm02:Running kvm01-3@kvm02:Running'
  }

  It 'a VM that runs already is no failure of that VM' {
    Get-KumoiVM kvm01-1, kvm02-2 | Sort-Object Name | Select-Object -First 1 | Start-KumoiVM @quiet
    (Get-KumoiVM kvm02-2).State | Should -Be Shutoff
  }
}

Describe 'Errors and variables of the author' {
  BeforeEach {
    Reset-Fleet
    $WarningPreference = 'SilentlyContinue'
  }

  It 'an error in a filter comes once' {
    Add-KumoiFault kvm02 Define | Out-Null
    $errors = $(Get-KumoiHost | Where-Object { if ($_.Name -eq 'kvm19') { 1 | Select-Object -ExpandProperty Nope }; $true } | Sort-Object Name | Select-Object -First 3 | New-KumoiVM -Name { "a-$($_.Name)" } | Out-Null) 2>&1
    $errors | Should -HaveCount 1
  }

  It 'a failure is told when a later command ends the pipeline' {
    Add-KumoiFault kvm01 Define -Message 'broken' | Out-Null
    Get-KumoiHost | Select-Object -First 3 | New-KumoiVM -Name { "a-$($_.Name)" } -ErrorVariable errors -ErrorAction SilentlyContinue | Select-Object -First 1 | Out-Null
    $errors.Exception.Message | Should -Be broken
  }

  It 'break in a step below rejects a candidate, and leaves no loop' {
    Add-KumoiFault kvm02 Define | Out-Null
    $rounds = foreach ($round in 1, 2) {
      $null = Get-KumoiHost | Select-Object -First 3 | ForEach-Object { if ($_.Name -eq 'kvm04') { break }; $_ } | New-KumoiVM -Name { "r$round-$($_.Name)" }
      $round
    }
    $rounds | Should -Be 1, 2
    (Get-KumoiVM r1-*).VMHost | Should -Be kvm01, kvm03, kvm05
  }

  It 'what exists is written before the first error stops the pipeline' {
    Add-KumoiFault kvm0[12] Define | Out-Null
    $vms = @()
    try { Get-KumoiHost kvm01, kvm02, kvm03 | Select-Object -Last 2 | New-KumoiVM -Name { "a-$($_.Name)" } -ErrorAction Stop | ForEach-Object { $vms += $_ } } catch { $caught = $_ }
    $caught | Should -Not -BeNullOrEmpty
    $vms.VMHost | Should -Be kvm03
  }

  It 'a variable of the author that a filter writes is as the author''s own run left it' {
    Add-KumoiFault kvm02 Define | Out-Null
    $null = Get-KumoiHost | Where-Object { $name = $_.Name; $name -like 'kvm*' } | Sort-Object Name | Select-Object -First 3 | New-KumoiVM -Name { "a-$($_.Name)" }
    $name | Should -Be kvm20
  }

  It 'the fleet''s objects are let go when the pipeline is over' {
    $weak = [System.Collections.Generic.List[WeakReference]]::new()
    function Get-Two { Get-KumoiHost | ForEach-Object { $weak.Add([WeakReference]::new($_.PSObject.BaseObject)); $_ } | Where-Object { $true } | Select-Object -Last 2 }
    $kept = Get-Two
    Get-KumoiLineage | Out-Null
    [System.GC]::Collect(); [System.GC]::WaitForPendingFinalizers(); [System.GC]::Collect()
    @($weak | Where-Object IsAlive).Count | Should -BeLessThan 10
    $kept | Should -HaveCount 2
  }
}
