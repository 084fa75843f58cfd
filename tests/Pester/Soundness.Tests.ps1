# A wrong substitution is a defect of the highest rank: every case in which there must be none, or in which it must mean what was meant.
BeforeAll { . $PSScriptRoot/Fleet.ps1 }

Describe 'No substitution where the pipeline is not known to mean the same twice' {
  BeforeEach {
    Reset-Fleet
    Add-KumoiFault -VMHost kvm02 -Operation Define -Message 'broken' | Out-Null
    $script:n = 0
    $n = 0
    $table = @{}
    $list = [System.Collections.Generic.List[object]]::new()
    $reference = [ref] 0
    $block = { $true }
    $impure = { $script:n++; $true }
    $common = @{ ErrorAction = 'SilentlyContinue'; ErrorVariable = 'errors'; WarningVariable = 'warnings'; WarningAction = 'SilentlyContinue' }
    function Test-Impure { $script:n++; $true }
    function Get-FirstFew { $input | Select-Object -First 3 }
  }

  It 'an effect above the choice: <name>' -ForEach @(
    @{ name = 'script variable incremented'; text = 'Where-Object { $script:n++; $true }'; says = 'script:n++' }
    @{ name = 'script variable decremented'; text = 'Where-Object { --$script:n; $true }'; says = '--$script:n' }
    @{ name = 'compound assignment'; text = 'Where-Object { $n += 1; $true }'; says = '$n += 1' }
    @{ name = 'scoped assignment'; text = 'Where-Object { $script:last = $_; $true }'; says = '$script:last = $_' }
    @{ name = 'global assignment'; text = 'Where-Object { $global:KumoiLast = $_; $true }'; says = '$global:KumoiLast = $_' }
    @{ name = 'environment variable'; text = 'Where-Object { $env:KUMOI_LAST = $_; $true }'; says = '$env:KUMOI_LAST = $_' }
    @{ name = 'index assignment'; text = 'Where-Object { $table[$_.Name] = 1; $true }'; says = '$table[$_.Name] = 1' }
    @{ name = 'member assignment'; text = 'Where-Object { $reference.Value = 1; $true }'; says = '$reference.Value = 1' }
    @{ name = 'assignment to what was read before'; text = 'Where-Object { $x = $x + 1; $true }'; says = '$x = $x + 1' }
    @{ name = 'assignment under a condition'; text = 'Where-Object { if ($_.Name) { $x = 1 }; $true }'; says = '$x = 1' }
    @{ name = '[ref]'; text = 'Where-Object { [int]::TryParse("1", [ref] $n) }'; says = '[ref]' }
    @{ name = 'a call of a value'; text = 'Where-Object { & $block }'; says = '& $block' }
    @{ name = 'dot-sourcing'; text = 'Where-Object { . $block }'; says = '. $block' }
    @{ name = 'a native program'; text = 'Where-Object { /bin/true; $true }'; says = '/bin/true' }
    @{ name = 'an expression that is text'; text = 'Where-Object { Invoke-Expression ''$script:n++''; $true }'; says = 'Invoke-Expression' }
    @{ name = 'randomness'; text = 'Where-Object { (Get-Random -Maximum 10) -ge 0 }'; says = 'Get-Random' }
    @{ name = 'a method with an effect'; text = 'Where-Object { $list.Add($_); $true }'; says = '$list.Add' }
    @{ name = 'a cmdlet with an effect'; text = 'Where-Object { Set-Variable q 1; $true }'; says = 'Set-Variable' }
    @{ name = 'an unknown static method'; text = 'Where-Object { [System.IO.File]::Exists("/x"); $true }'; says = 'System.IO.File' }
    @{ name = 'a function with an effect'; text = 'Where-Object { Test-Impure }'; says = 'Test-Impure' }
    @{ name = 'a variable that holds an impure block'; text = 'Where-Object $impure'; says = '$impure' }
    @{ name = 'an argument with an effect'; text = 'Where-Object CpuRatio -lt (2 + $script:n++)'; says = 'script:n++' }
    @{ name = 'a calculated sort key with an effect'; text = 'Sort-Object { $script:n++; $_.Name }'; says = 'script:n++' }
    @{ name = 'a redirection inside a filter'; text = 'Where-Object { "x" > $null; $true }'; says = '"x" > $null' }
    @{ name = 'a step without a static name'; text = '& (Get-Command Where-Object) { $true }'; says = 'static name' }
    @{ name = 'a user function'; text = 'Get-FirstFew'; says = 'not a cmdlet' }
    @{ name = 'a cmdlet that is not recognised'; text = 'Get-Unique'; says = 'Get-Unique' }
  ) {
    $pipeline = [scriptblock]::Create("Get-KumoiHost | $text | Select-Object -First 3 | New-KumoiVM -Name { `"a-`$(`$_.Name)`" } @common -Verbose 4>&1")
    $output = . $pipeline
    $vms = $output | Where-Object { $_ -is [Kumoi.KumoiVM] }
    $vms.VMHost | Should -Be kvm01, kvm03
    $errors | Should -Not -BeNullOrEmpty
    $warnings | Should -BeNullOrEmpty
    ($output | Where-Object { $_ -is [System.Management.Automation.VerboseRecord] }).Message -match 'No substitution' |
      Should -Match ([regex]::Escape($says))
  }

  It 'a step between the choice and the action that is not per element: <text>' -ForEach @(
    @{ text = 'Sort-Object Name' }
    @{ text = 'Tee-Object -Variable tee' }
    @{ text = 'Select-Object -Unique' }
    @{ text = 'ForEach-Object -Begin { $i = 0 } -Process { $_ }' }
    @{ text = 'ForEach-Object { } { $_ } { }' }
    @{ text = 'Select-Object -Skip 0' }
  ) {
    $pipeline = [scriptblock]::Create("Get-KumoiHost | Select-Object -First 3 | $text | New-KumoiVM -Name { `"a-`$(`$_.Name)`" } @common")
    $vms = . $pipeline
    $vms.VMHost | Should -Be kvm01, kvm03
    $errors | Should -HaveCount 1
  }

  It 'an element that comes more than once' {
    $vms = Get-KumoiHost | Select-Object -First 3 | ForEach-Object { $_; $_ } | New-KumoiVM -Name { "a-$($_.Name)-$((++$script:n))" } @common
    $vms.VMHost | Should -Be kvm01, kvm01, kvm03, kvm03
  }

  It 'a step below the choice that gives another element for a candidate' {
    $other = Get-KumoiHost kvm09
    $vms = Get-KumoiHost | Select-Object -First 3 | ForEach-Object { if ($_.Name -gt 'kvm03') { $other } else { $_ } } | New-KumoiVM -Name { "a-$($_.Name)" } @common
    $vms.VMHost | Should -Be kvm01, kvm03
    Get-KumoiVM a-kvm09 -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
  }

  It 'a function named like a built-in' {
    function Where-Object { $input | Microsoft.PowerShell.Core\Where-Object { $_.Name -ne 'kvm04' } }
    $vms = Get-KumoiHost | Where-Object | Select-Object -First 3 | New-KumoiVM -Name { "a-$($_.Name)" } @common
    $vms.VMHost | Should -Be kvm01, kvm03
  }

  It 'an alias that hides a filter: <text>' -ForEach @(
    @{ text = 'allbutone' }
    @{ text = 'Where-Object Name' }
    @{ text = 'Sort-Object Name' }
  ) {
    function Get-AllButOne { $input | Microsoft.PowerShell.Core\Where-Object Name -ne 'kvm04' }
    Set-Alias ($text -split ' ')[0] Get-AllButOne
    . ([scriptblock]::Create("`$vms = Get-KumoiHost | $text | Select-Object -First 3 | New-KumoiVM -Name { `"a-`$(`$_.Name)`" } @common"))
    $vms.VMHost | Should -Be kvm01, kvm03
    $errors.Exception.Message | Should -Be broken
  }

  It 'a filter whose parameters are @PSBoundParameters' {
    function New-Few {
      param($Property, [switch] $LT, $Value)
      Get-KumoiHost | Where-Object @PSBoundParameters | Select-Object -First 3 | New-KumoiVM -Name { "a-$($_.Name)" } @common
    }
    (New-Few -Property CpuRatio -LT -Value 2).VMHost | Should -Be kvm01, kvm03
  }

  It 'a proxy function that hides a filter' {
    function Get-KumoiHost {
      [CmdletBinding()] param()
      begin {
        $command = $ExecutionContext.InvokeCommand.GetCommand('Kumoi\Get-KumoiHost', 'Cmdlet')
        $steppable = { & $command @PSBoundParameters | Where-Object Name -ne 'kvm04' }.GetSteppablePipeline($MyInvocation.CommandOrigin)
        $steppable.Begin($PSCmdlet)
      }
      process { $steppable.Process($_) }
      end { $steppable.End() }
    }
    $vms = Get-KumoiHost | Select-Object -First 3 | New-KumoiVM -Name { "a-$($_.Name)" } @common
    $vms.VMHost | Should -Be kvm01, kvm03
  }

  It 'an indexed choice' {
    $vms = (Get-KumoiHost | Sort-Object Name)[0..2] | New-KumoiVM -Name { "a-$($_.Name)" } @common
    $vms.VMHost | Should -Be kvm01, kvm03
  }

  It 'objects of another statement' {
    $hosts = Get-KumoiHost
    $vms = $hosts | Select-Object -First 3 | New-KumoiVM -Name { "a-$($_.Name)" } @common
    $vms.VMHost | Should -Be kvm01, kvm03
  }

  It 'skipping alone leaves no reserve' {
    $vms = Get-KumoiHost | Select-Object -Skip 17 | New-KumoiVM -Name { "a-$($_.Name)" } @common
    $vms.VMHost | Should -Be kvm18, kvm19, kvm20
    Add-KumoiFault -VMHost kvm18 -Operation Define | Out-Null
    $vms = Get-KumoiHost | Select-Object -Skip 17 | New-KumoiVM -Name { "b-$($_.Name)" } @common
    $vms.VMHost | Should -Be kvm19, kvm20
  }
}

Describe 'Substitution that means what was meant' {
  BeforeEach {
    Reset-Fleet
    Add-KumoiFault -VMHost kvm02 -Operation Define -Message 'broken' | Out-Null
    $WarningPreference = 'SilentlyContinue'
  }

  It '$(…) in an argument' {
    $vms = Get-KumoiHost | Where-Object CpuRatio -lt $(0.5 + 0.5) | Select-Object -First 3 | New-KumoiVM -Name { "a-$($_.Name)" } -MemoryBytes $(64MB)
    $vms.VMHost | Should -Be kvm01, kvm03, kvm04
    $vms.MemoryBytes | Should -Be 64MB, 64MB, 64MB
  }

  It 'arguments of the action are evaluated once' {
    $script:evaluated = 0
    $vms = Get-KumoiHost | Select-Object -First 3 | New-KumoiVM -Name { "a-$($_.Name)" } -CpuCount (++$script:evaluated)
    $vms.CpuCount | Should -Be 1, 1, 1
    $script:evaluated | Should -Be 1
  }

  It 'a name that counts goes on counting' {
    $script:i = 0
    $vms = Get-KumoiHost | Select-Object -First 3 | New-KumoiVM -Name { $script:i++; "web$($script:i)" }
    $vms.Name | Should -Be web1, web3, web4
    $vms.VMHost | Should -Be kvm01, kvm03, kvm04
  }

  It 'a splatted name block, and one in a variable' {
    $splat = @{ Name = { "b-$($_.Name)" }; MemoryBytes = 64MB }
    (Get-KumoiHost | Select-Object -First 2 | New-KumoiVM @splat).Name | Should -Be b-kvm01, b-kvm03
    $name = { "c-$($_.Name)" }
    (Get-KumoiHost | Select-Object -First 2 | New-KumoiVM -Name $name).Name | Should -Be c-kvm01, c-kvm03
  }

  It '@PSBoundParameters and $args are the author''s' {
    function New-Few {
      param([double] $Limit, [string] $Prefix)
      Get-KumoiHost | Where-Object { $_.CpuRatio -lt $PSBoundParameters['Limit'] } | Select-Object -First 3 | New-KumoiVM -Name { "$Prefix-$($_.Name)" }
    }
    # Below 0.9: 01 02 03 04 05 …; a lost $PSBoundParameters would compare with nothing and find no candidate.
    (New-Few -Limit 0.9 -Prefix p).Name | Should -Be p-kvm01, p-kvm03, p-kvm04
    function New-Some { Get-KumoiHost | Where-Object Name -ne $args[0] | Select-Object -First 3 | New-KumoiVM -Name { "q-$($_.Name)" } }
    (New-Some kvm04).Name | Should -Be q-kvm01, q-kvm03, q-kvm05
  }

  It '@PSBoundParameters of the source and of the action are what they were' {
    function New-Splatted {
      param([long] $MemoryBytes, [int] $CpuCount)
      Get-KumoiHost | Select-Object -First 3 | New-KumoiVM -Name { "s-$($_.Name)" } @PSBoundParameters
    }
    $vms = New-Splatted -MemoryBytes 64MB -CpuCount 2
    $vms.VMHost | Should -Be kvm01, kvm03, kvm04
    $vms.MemoryBytes | Should -Be 64MB, 64MB, 64MB
    $vms.CpuCount | Should -Be 2, 2, 2
    function New-Among { param($VMHost) Get-KumoiHost @PSBoundParameters | Select-Object -First 2 | New-KumoiVM -Name { "t-$($_.Name)" } }
    (New-Among -VMHost kvm02, kvm05, kvm09).VMHost | Should -Be kvm05, kvm09
  }

  It '$PSScriptRoot is the script''s' {
    $file = Join-Path $TestDrive deploy.ps1
    Set-Content $file 'Get-KumoiHost | Where-Object { $PSScriptRoot -ne "" } | Select-Object -First 3 | New-KumoiVM -Name { "$(Split-Path -Leaf $PSScriptRoot)-$($_.Name)" }'
    $leaf = Split-Path -Leaf $TestDrive
    (& $file).Name | Should -Be "$leaf-kvm01", "$leaf-kvm03", "$leaf-kvm04"
  }

  It '$Matches is as it was' {
    $vms = Get-KumoiHost | Where-Object { $_.Name -match '^kvm(\d+)$' } | Sort-Object Name | Select-Object -First 3 | New-KumoiVM -Name { "a-$($_.Name)" }
    $vms.VMHost | Should -Be kvm01, kvm03, kvm04
    # The last that the author's own filter looked at, not the last candidate.
    $Matches[1] | Should -Be 20
  }

  It '-PipelineVariable stands for the candidate' {
    $vms = Get-KumoiHost -PipelineVariable h | Where-Object { $h.Name -ne 'kvm04' } | Select-Object -First 3 | New-KumoiVM -Name { "a-$($_.Name)" }
    $vms.VMHost | Should -Be kvm01, kvm03, kvm05
  }

  It 'variables of a function, a module and a closure are seen' {
    function New-Local { $skip = 'kvm03'; Get-KumoiHost | Where-Object Name -ne $skip | Select-Object -First 2 | New-KumoiVM -Name { "l$($skip.Length)-$($_.Name)" } }
    (New-Local).Name | Should -Be l5-kvm01, l5-kvm04
    $module = New-Module { $skip = 'kvm03'; function New-InModule { Get-KumoiHost | Where-Object { $_.Name -ne $script:skip } | Select-Object -First 2 | New-KumoiVM -Name { "m$($skip.Length)-$($_.Name)" } } }
    (& $module { New-InModule }).Name | Should -Be m5-kvm01, m5-kvm04
    $closure = & { $skip = 'kvm03'; { Get-KumoiHost | Where-Object { $_.Name -ne $skip } | Select-Object -First 2 | New-KumoiVM -Name { "c$($skip.Length)-$($_.Name)" } }.GetNewClosure() }
    (& $closure).Name | Should -Be c5-kvm01, c5-kvm04
  }

  It 'a pure function, a plain local variable and listed methods are allowed above the choice' {
    function Test-Wanted { param($Candidate) $name = $Candidate.Name; $name.StartsWith('kvm') -and [math]::Round($Candidate.CpuRatio) -le 1 }
    $vms = Get-KumoiHost | Where-Object { $name = $_.Name; (Test-Wanted $_) -and $name -like 'kvm*' } | Select-Object -First 3 | New-KumoiVM -Name { "a-$($_.Name)" }
    $vms.VMHost | Should -Be kvm01, kvm03, kvm04
  }

  It 'methods that run a block which is written out are allowed above the choice' {
    $vms = Get-KumoiHost | Where-Object { $_.VMs.Where({ $_.State -eq 'Running' }).Count -eq 1 } | Select-Object -First 2 | New-KumoiVM -Name { "a-$($_.Name)" }
    $vms.VMHost | Should -Be kvm01, kvm03
  }

  It '$_ of an outer block is the outer one''s' {
    $vms = 4, 5 | ForEach-Object { $outer = $_; Get-KumoiHost | Where-Object Name -ne "kvm0$($_ - 1)" | Select-Object -First 2 | New-KumoiVM -Name { "o$outer-$($_.Name)" } }
    $vms.Name | Should -Be o4-kvm01, o4-kvm04, o5-kvm01, o5-kvm03
  }

  It 'per-element steps below the choice work on the candidate too' {
    $vms = Get-KumoiHost | Select-Object -First 3 | Where-Object Name -ne kvm04 | ForEach-Object { $_ } |
      Add-Member -NotePropertyName Note -NotePropertyValue x -PassThru | New-KumoiVM -Name { "$($_.Note)-$($_.Name)" }
    # kvm04 is the next of the reserve, and turned down by the filter below; then kvm05.
    $vms.Name | Should -Be x-kvm01, x-kvm03, x-kvm05
  }

  It 'errors inside a replay go where the author''s go: <how>' -ForEach @(
    @{ how = '2>$null' }
    @{ how = '-ErrorVariable' }
  ) {
    Add-KumoiFault -VMHost kvm03 -Operation Define | Out-Null
    $probe = { $name = $_.Name; if ($name -eq 'kvm04') { Write-Error 'inside'; $false } else { $true } }
    if ($how -eq '2>$null') {
      $all = & { Get-KumoiHost | Select-Object -First 3 | Where-Object $probe | New-KumoiVM -Name { "a-$($_.Name)" } 2>$null } 2>&1
      $all | Where-Object { $_ -is [System.Management.Automation.ErrorRecord] } | Should -BeNullOrEmpty
    }
    else {
      $all = Get-KumoiHost | Select-Object -First 3 | Where-Object $probe | New-KumoiVM -Name { "a-$($_.Name)" } -ErrorVariable seen -ErrorAction SilentlyContinue
      $seen.Exception.Message | Should -Contain 'inside'
    }
    ($all | Where-Object { $_ -is [Kumoi.KumoiVM] }).VMHost | Should -Be kvm01, kvm05, kvm06
  }

  It 'a redirection to a file writes all objects once' {
    $file = Join-Path $TestDrive out.txt
    Get-KumoiHost | Select-Object -First 3 | New-KumoiVM -Name { "a-$($_.Name)" } > $file
    (Select-String -Path $file -Pattern 'a-kvm\d+').Matches.Value | Should -Be a-kvm01, a-kvm03, a-kvm04
  }

  It '-OutVariable of the author''s steps is not written twice' {
    Get-KumoiHost | Where-Object CpuRatio -lt 2 -OutVariable kept | Sort-Object Name | Select-Object -First 3 | New-KumoiVM -Name { "a-$($_.Name)" } -OutVariable made | Out-Null
    $kept | Should -HaveCount 20
    $made.VMHost | Should -Be kvm01, kvm03, kvm04
  }

  It 'the same cmdlet twice in one statement' {
    $pair = @(
      @(Get-KumoiHost | Select-Object -First 2 | New-KumoiVM -Name { "a-$($_.Name)" }) + @(Get-KumoiHost | Select-Object -Last 2 | New-KumoiVM -Name { "b-$($_.Name)" })
    )
    $pair.Name | Should -Be a-kvm01, a-kvm03, b-kvm19, b-kvm20
  }

  It 'a loop: each round is a lineage of its own' {
    $vms = foreach ($i in 1..3) { Get-KumoiHost | Select-Object -First 2 | New-KumoiVM -Name { "r$i-$($_.Name)" } }
    $vms.VMHost | Should -Be (@('kvm01', 'kvm03') * 3)
  }

  It 'an inner statement on a substitute substitutes too' {
    Clear-KumoiFault
    Add-KumoiFault -VMHost * -VM kvm03-1 -Operation Define | Out-Null
    Add-KumoiFault -VMHost kvm02 -Operation Start | Out-Null
    Add-KumoiFault -VMHost kvm04 -VM kvm04-2 -Operation Start | Out-Null
    Reset-Fleet 'sim://lab?hosts=6&vms=3&running=0&seed=7'
    Add-KumoiFault -VMHost kvm02 -Operation Start | Out-Null
    Add-KumoiFault -VMHost kvm03 -VM kvm03-1 -Operation Start | Out-Null
    $vms = Get-KumoiHost | Select-Object -First 2 |
      Invoke-KumoiAction { Get-KumoiVM -VMHost $_ -State Shutoff | Select-Object -First 1 | Start-KumoiVM -PassThru }
    # kvm02 is exhausted; on its substitute kvm03 the first VM fails, and the inner pipeline takes the second.
    $vms.Name | Should -Be kvm01-1, kvm03-2
  }

  It 'nested three deep' {
    Reset-Fleet 'sim://lab?hosts=6&vms=3&running=0&seed=7'
    Add-KumoiFault -VMHost kvm01 -Operation Start | Out-Null
    $vms = 1 | ForEach-Object {
      Get-KumoiHost | Select-Object -First 1 | Invoke-KumoiAction {
        $hostOfVM = $_
        Get-KumoiHost $hostOfVM | Select-Object -First 1 | Invoke-KumoiAction {
          Get-KumoiVM -VMHost $_ | Select-Object -First 2 | Start-KumoiVM -PassThru
        }
      }
    }
    $vms.Name | Should -Be kvm02-1, kvm02-2
  }

  It 'nested three deep, with failures at each depth' {
    Reset-Fleet 'sim://lab?hosts=6&vms=3&running=0&seed=7'
    Add-KumoiFault -VMHost kvm01 -Operation Start -Message 'no power' | Out-Null
    Add-KumoiFault -VMHost kvm02 -VM kvm02-1 -Operation Start | Out-Null
    Add-KumoiFault -VMHost kvm03 -Operation Start | Out-Null
    $vms = Get-KumoiHost kvm01, kvm02 | Select-Object -First 1 | Invoke-KumoiAction {
      $outer = $_
      # The inner pipeline of hosts has kvm03 first, and then the outer one's.
      Get-KumoiHost kvm03, $outer | Sort-Object Name -Descending | Select-Object -First 1 | Invoke-KumoiAction {
        Get-KumoiVM -VMHost $_ -State Shutoff | Select-Object -First 2 | Start-KumoiVM -PassThru
      }
    }
    # kvm03 is replaced by kvm01 within the first; both are broken, so the outermost takes kvm02, where the first VM fails.
    $vms.Name | Should -Be kvm02-2, kvm02-3
    (Get-KumoiVM -State Running).Name | Should -Be kvm02-2, kvm02-3
  }

  It 'a host that recovers meanwhile is not taken again' {
    Clear-KumoiFault
    Add-KumoiFault -VMHost kvm02 -Operation Define -Message 'for a moment' -Count 1 | Out-Null
    Add-KumoiFault -VMHost kvm03 -Operation Define -Message 'for good' | Out-Null
    $vms = Get-KumoiHost kvm01, kvm02, kvm03 | Select-Object -First 2 | New-KumoiVM -Name { "a-$($_.Name)" } -ErrorVariable errors -ErrorAction SilentlyContinue
    $vms.VMHost | Should -Be kvm01
    $errors.FullyQualifiedErrorId | Should -BeLike 'LineageExhausted,*'
    $errors.Exception.Message | Should -Be 'for a moment'
    (New-KumoiVM -VMHost kvm02 -Name now).VMHost | Should -Be kvm02
  }

  It 'a candidate that cannot be read again is turned down, and the next is taken' {
    Add-KumoiFault -VMHost kvm03 -Operation Read -Message 'gone' -After 1 | Out-Null
    $vms = Get-KumoiHost | Sort-Object Name | Select-Object -First 2 | New-KumoiVM -Name { "a-$($_.Name)" } -ErrorVariable errors
    $vms.VMHost | Should -Be kvm01, kvm04
    $errors | Should -BeNullOrEmpty
    (Get-KumoiLineage).ToString() | Should -Match 'New-KumoiVM\(alt\) – kvm03: gone'
  }

  It 'a candidate that is gone is turned down, and the next is taken' {
    Clear-KumoiFault
    Add-KumoiFault -VMHost * -VM kvm01-2 -Operation Start | Out-Null
    $vms = Get-KumoiVM -State Shutoff | Sort-Object Name | Select-Object -First 1 |
      ForEach-Object { if ($_.Name -eq 'kvm01-2') { Remove-KumoiVM kvm02-2 -Confirm:$false }; $_ } | Start-KumoiVM -PassThru
    $vms.Name | Should -Be kvm03-2
    (Get-KumoiLineage).ToString() | Should -Match 'Start-KumoiVM\(alt\) – kvm02-2: it no longer matches'
  }

  It 'a failure that was replaced is no error, also with -ErrorAction Stop' {
    $vms = Get-KumoiHost | Select-Object -First 3 | New-KumoiVM -Name { "a-$($_.Name)" } -ErrorAction Stop
    $vms.VMHost | Should -Be kvm01, kvm03, kvm04
  }

  It 'works in ForEach-Object -Parallel, each runspace for itself' {
    $names = 1..2 | ForEach-Object -Parallel {
      Import-Module $env:KUMOI_MODULE
      $WarningPreference = 'SilentlyContinue'
      $i = $_
      (Get-KumoiHost | Select-Object -First 3 | New-KumoiVM -Name { "p$i-$($_.Name)" }).VMHost -join ' '
    }
    $names | Should -Be 'kvm01 kvm03 kvm04', 'kvm01 kvm03 kvm04'
  }

  It 'works in a thread job' -Skip:(-not (Get-Command Start-ThreadJob -ErrorAction Ignore)) {
    $job = Start-ThreadJob { Import-Module $env:KUMOI_MODULE; (Get-KumoiHost | Select-Object -First 2 | New-KumoiVM -Name { "t-$($_.Name)" } -WarningAction SilentlyContinue).VMHost }
    $job | Receive-Job -Wait -AutoRemoveJob | Should -Be kvm01, kvm03
  }

  It 'works with -Command, Invoke-Expression and a class' {
    class Deployer { [object] Run() { return (Get-KumoiHost | Select-Object -First 2 | New-KumoiVM -Name { "k-$($_.Name)" }).VMHost } }
    [Deployer]::new().Run() | Should -Be kvm01, kvm03
    (Invoke-Expression 'Get-KumoiHost | Select-Object -First 2 | New-KumoiVM -Name { "e-$($_.Name)" }').VMHost | Should -Be kvm01, kvm03
    & $env:KUMOI_PWSH -NoProfile -NonInteractive -Command "Import-Module '$env:KUMOI_MODULE'; Connect-KumoiHost 'sim://lab?hosts=20&vms=2&seed=7' | Out-Null; Add-KumoiFault kvm02 Define | Out-Null; (Get-KumoiHost | Select-Object -First 2 | New-KumoiVM -Name { 'a-' + `$_.Name } -WarningAction SilentlyContinue).VMHost" |
      Should -Be kvm01, kvm03
  }
}
