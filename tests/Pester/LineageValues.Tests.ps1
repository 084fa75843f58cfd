# A replay goes by the values that the steps read when the pipeline began, or there is none.
BeforeAll {
  . $PSScriptRoot/Fleet.ps1
  # Runs a pipeline in which kvm02 fails, in a scope of its own: its VMs, its errors, and what -Verbose says.
  function Invoke-Case([string] $Text) {
    $told = @{ ErrorAction = 'SilentlyContinue'; WarningAction = 'SilentlyContinue'; Verbose = $true }
    $output = & ([scriptblock]::Create($Text)) 4>&1
    $script:verbose = @($output | Where-Object { $_ -is [System.Management.Automation.VerboseRecord] }).Message -match '^No substitution'
    (Get-KumoiVM a-* -ErrorAction SilentlyContinue).VMHost | Sort-Object
  }
}

Describe 'What the steps above the choice read is as it was, or nothing is replaced' {
  BeforeEach {
    Reset-Fleet
    Add-KumoiFault kvm02 Define -Message 'broken' | Out-Null
    $env:KUMOI_SKIP = 'kvm04'
  }
  AfterEach { $env:KUMOI_SKIP = $null }

  It 'no substitute when it was changed: <name>' -ForEach @(
    @{ name = 'a variable, downstream'; says = '$skip'
      text = '$skip = "kvm04"; Get-KumoiHost | Where-Object Name -ne $skip | Select-Object -First 3 | New-KumoiVM -Name { "a-$_" } @told | ForEach-Object { $skip = "" }' }
    @{ name = 'a variable in a block'; says = '$skip'
      text = '$skip = "kvm04"; Get-KumoiHost | Where-Object { $_.Name -ne $skip } | Select-Object -First 3 | New-KumoiVM -Name { "a-$_" } @told | ForEach-Object { $skip = "" }' }
    @{ name = 'a hashtable that is emptied downstream'; says = '$skip'
      text = '$skip = @{ kvm04 = 1 }; Get-KumoiHost | Where-Object { -not $skip[$_.Name] } | Select-Object -First 3 | New-KumoiVM -Name { "a-$_" } @told | ForEach-Object { $skip.Clear() }' }
    @{ name = 'an array that is changed in place'; says = '$skip'
      text = '$skip = "kvm04", "kvm05"; Get-KumoiHost | Where-Object Name -notin $skip | Select-Object -First 3 | New-KumoiVM -Name { "a-$_" } @told | ForEach-Object { $skip[0] = "" }' }
    @{ name = 'a list'; says = '$skip'
      text = '$skip = [System.Collections.Generic.List[string]] "kvm04"; Get-KumoiHost | Where-Object { -not $skip.Contains($_.Name) } | Select-Object -First 3 | New-KumoiVM -Name { "a-$_" } @told | ForEach-Object { $skip.Clear() }' }
    @{ name = 'a list in a hashtable'; says = '$config'
      text = '$config = @{ Skip = [System.Collections.ArrayList] @("kvm04") }; Get-KumoiHost | Where-Object { $config.Skip -notcontains $_.Name } | Select-Object -First 3 | New-KumoiVM -Name { "a-$_" } @told | ForEach-Object { $config.Skip.Clear() }' }
    @{ name = 'a property of an object'; says = '$config'
      text = '$config = [pscustomobject] @{ Skip = "kvm04" }; Get-KumoiHost | Where-Object { $_.Name -ne $config.Skip } | Select-Object -First 3 | New-KumoiVM -Name { "a-$_" } @told | ForEach-Object { $config.Skip = "" }' }
    @{ name = '-OutVariable'; says = '$made'
      text = '$made = @(); Get-KumoiHost | Where-Object { $made.Count -gt 0 -or $_.Name -ne "kvm04" } | Select-Object -First 3 | New-KumoiVM -Name { "a-$_" } -OutVariable made @told' }
    @{ name = '-OutVariable of the source'; says = '$all'
      text = 'Get-KumoiHost -OutVariable all | Where-Object { $all.Count -ge 20 -or $_.Name -ne "kvm04" } | Select-Object -First 3 | New-KumoiVM -Name { "a-$_" } @told' }
    @{ name = 'a limit, by a function that the name calls'; says = '$skip'
      text = '$skip = "kvm04"; function Set-It { Set-Variable skip "" -Scope 1; "a" }; Get-KumoiHost | Where-Object Name -ne $skip | Select-Object -First 3 | New-KumoiVM -Name { . Set-It > $null; $skip = ""; "a-$_" } @told' }
    @{ name = 'a variable of the script, by a function that the name calls'; says = '$script:skip'
      text = '$script:skip = "kvm04"; function Set-It { $script:skip = ""; "a" }; Get-KumoiHost | Where-Object Name -ne $script:skip | Select-Object -First 3 | New-KumoiVM -Name { "$(Set-It)-$_" } @told' }
    @{ name = 'a count as an argument, by a function that the name calls'; says = '$script:n'
      text = '$script:n = 3; function Set-It { $script:n = 10; "a" }; Get-KumoiHost | Select-Object -First $script:n | New-KumoiVM -Name { "$(Set-It)-$_" } @told' }
    @{ name = 'the environment'; says = '$env:KUMOI_SKIP'
      text = 'function Set-It { $env:KUMOI_SKIP = ""; "a" }; Get-KumoiHost | Where-Object Name -ne $env:KUMOI_SKIP | Select-Object -First 3 | New-KumoiVM -Name { "$(Set-It)-$_" } @told' }
    @{ name = 'a function that is defined anew'; says = 'Test-It'
      text = 'function Test-It($h) { $h.Name -ne "kvm04" }; Get-KumoiHost | Where-Object { Test-It $_ } | Select-Object -First 3 | New-KumoiVM -Name { "a-$_" } @told | ForEach-Object { function Test-It($h) { $true } }' }
    @{ name = 'a variable that a function reads'; says = '$skip'
      text = '$skip = "kvm04"; function Test-It($h) { $h.Name -ne $skip }; Get-KumoiHost | Where-Object { Test-It $_ } | Select-Object -First 3 | New-KumoiVM -Name { "a-$_" } @told | ForEach-Object { $skip = "" }' }
    @{ name = 'an alias that comes to mean something else'; says = 'pick'
      text = 'function Test-A($h) { $h.Name -ne "kvm04" }; function Test-B($h) { $true }; Set-Alias pick Test-A; Get-KumoiHost | Where-Object { pick $_ } | Select-Object -First 3 | New-KumoiVM -Name { "a-$_" } @told | ForEach-Object { Set-Alias pick Test-B }' }
    @{ name = 'a block in a variable that is set anew'; says = '$filter'
      text = '$filter = { $_.Name -ne "kvm04" }; Get-KumoiHost | Where-Object $filter | Select-Object -First 3 | New-KumoiVM -Name { "a-$_" } @told | ForEach-Object { $filter = { $true } }' }
    @{ name = 'a variable that a block in a variable reads'; says = '$skip'
      text = '$skip = "kvm04"; $filter = { $_.Name -ne $skip }; Get-KumoiHost | Where-Object $filter | Select-Object -First 3 | New-KumoiVM -Name { "a-$_" } @told | ForEach-Object { $skip = "" }' }
    @{ name = 'default values of parameters'; says = '$PSDefaultParameterValues'
      text = '$PSDefaultParameterValues = @{}; Get-KumoiHost | Sort-Object Name | Select-Object -First 3 | New-KumoiVM -Name { "a-$_" } @told | ForEach-Object { $PSDefaultParameterValues["Sort-Object:Descending"] = $true }' }
    @{ name = 'default values of the action itself'; says = '$PSDefaultParameterValues'
      text = '$PSDefaultParameterValues = @{}; Get-KumoiHost | Select-Object -First 3 | New-KumoiVM -Name { "a-$_" } @told | ForEach-Object { $PSDefaultParameterValues["New-KumoiVM:MemoryBytes"] = 64MB }' }
    @{ name = 'the culture'; says = 'culture'
      text = 'try { Get-KumoiHost | Where-Object { "$($_.CpuRatio)".Length -gt 0 } | Select-Object -First 3 | New-KumoiVM -Name { "a-$_" } @told | ForEach-Object { [cultureinfo]::CurrentCulture = "tr-TR" } } finally { [cultureinfo]::CurrentCulture = "" }' }
    @{ name = 'a preference'; says = '$ErrorActionPreference'
      text = 'Get-KumoiHost | Where-Object { $_.Name -ne "kvm04" } | Select-Object -First 3 | New-KumoiVM -Name { "a-$_" } @told | ForEach-Object { $ErrorActionPreference = "Ignore" }' }
    @{ name = 'the separator of arrays in text'; says = '$OFS'
      text = '$OFS = " "; $x = "kvm04", "y"; Get-KumoiHost | Where-Object { "$x" -notlike "$_ *" } | Select-Object -First 3 | New-KumoiVM -Name { "a-$_" } @told | ForEach-Object { $OFS = "-" }' }
    @{ name = 'what the name is made of'; says = '$prefix'
      text = '$prefix = "a"; Get-KumoiHost | Select-Object -First 3 | New-KumoiVM -Name { "$prefix-$_" } @told | ForEach-Object { $prefix = "b" }' }
    @{ name = 'what a step below the choice goes by'; says = '$skip'
      text = '$skip = "kvm04"; Get-KumoiHost | Select-Object -First 3 | Where-Object { $_.Name -ne $skip } | New-KumoiVM -Name { "a-$_" } @told | ForEach-Object { $skip = "" }' }
    @{ name = 'what an earlier action lets pass'; says = '$skip'
      text = '$skip = "kvm04"; Get-KumoiHost | Select-Object -First 3 | Invoke-KumoiAction { if ($_.Name -ne $skip) { $_ } } | New-KumoiVM -Name { "a-$_" } @told | ForEach-Object { $skip = "" }' }
    @{ name = 'a variable that an argument further down changes'; says = '$skip'
      text = '$skip = "kvm04"; function Get-Step { Set-Variable skip "" -Scope 1; { $_ } }; Get-KumoiHost | Where-Object Name -ne $skip | Select-Object -First 3 | New-KumoiVM -Name { "a-$_" } @told | ForEach-Object -Process (Get-Step)'; says2 = 'Get-Step' }
    @{ name = 'a variable by its drive'; says = '$variable:skip'
      text = '$skip = "kvm04"; Get-KumoiHost | Where-Object { $_.Name -ne ${variable:skip} } | Select-Object -First 3 | New-KumoiVM -Name { "a-$_" } @told | ForEach-Object { $skip = "" }' }
    @{ name = 'a property of the author''s object, in a method'; says = ''
      text = 'class Deployer { $Skip = "kvm04"; $Told; [object] Run() { $t = $this.Told; return (Get-KumoiHost | Where-Object { $_.Name -ne $this.Skip } | Select-Object -First 3 | New-KumoiVM -Name { "a-$_" } @t | ForEach-Object { $this.Skip = "" }) } }; $d = [Deployer]::new(); $d.Told = @{ ErrorAction = "SilentlyContinue"; WarningAction = "SilentlyContinue" }; $d.Run()' }
    @{ name = 'what a job was given'; says = '$using:'
      text = '$t = @{ kvm04 = 1 }; $told.Remove("Verbose"); Start-ThreadJob { Import-Module $env:KUMOI_MODULE; $told = $using:told; Get-KumoiHost | Where-Object { -not ($using:t)[$_.Name] } | Select-Object -First 3 | New-KumoiVM -Name { "a-$_" } @told -Verbose 4>&1 | ForEach-Object { ($using:t).Clear(); $_ } } | Receive-Job -Wait -AutoRemoveJob' }
    @{ name = 'a member that was added to the type'; says = '''Name'' of a KumoiHost'
      text = 'try { Get-KumoiHost | Where-Object { $_.Name -ne "kvm04" } | Select-Object -First 3 | New-KumoiVM -Name { "a-$_" } @told | ForEach-Object { Update-TypeData -TypeName Kumoi.KumoiHost -MemberType AliasProperty -MemberName Name -Value Uri -Force } } finally { Remove-TypeData Kumoi.KumoiHost -ErrorAction Ignore }' }
    @{ name = 'a member that was added to an element'; says = 'member'
      text = '$all = Get-KumoiHost -OutVariable +kept | Where-Object Name -ne "kvm04" | Sort-Object Name | Select-Object -First 3 | New-KumoiVM -Name { "a-$_" } @told | ForEach-Object { $kept | Where-Object Name -eq "kvm04" | Add-Member Name "kvm99" -Force; $_ }' }
  ) {
    Invoke-Case $text | Should -Be kvm01, kvm03
    "$verbose" | Should -Match ([regex]::Escape($(if ($says2) { $says2 } else { $says })))
  }

  It 'no substitute when it cannot be recorded: <name>' -ForEach @(
    @{ name = 'a StringBuilder'; says = '$skip holds a StringBuilder'
      text = '$skip = [System.Text.StringBuilder] "kvm04"; Get-KumoiHost | Where-Object { $_.Name -ne "$skip" } | Select-Object -First 3 | New-KumoiVM -Name { "a-$_" } @told' }
    @{ name = 'a queue of names'; says = '$names holds a Queue'
      text = '$names = [System.Collections.Queue] ("a-1", "a-2", "a-3", "a-4"); Get-KumoiHost | Select-Object -First 3 | New-KumoiVM -Name { $names.Dequeue() } @told' }
    @{ name = 'the time'; says = 'Get-Date'
      text = 'Get-KumoiHost | Where-Object { (Get-Date).Year -gt 2000 } | Select-Object -First 3 | New-KumoiVM -Name { "a-$_" } @told' }
    @{ name = 'the time of .NET'; says = '[datetime]::UtcNow'
      text = 'Get-KumoiHost | Where-Object { [datetime]::UtcNow.Year -gt 2000 } | Select-Object -First 3 | New-KumoiVM -Name { "a-$_" } @told' }
    @{ name = 'a file'; says = 'Get-Content'
      text = 'Set-Content TestDrive:/skip "kvm04"; Get-KumoiHost | Where-Object { $_.Name -notin (Get-Content TestDrive:/skip) } | Select-Object -First 3 | New-KumoiVM -Name { "a-$_" } @told' }
    @{ name = 'the fleet as it is'; says = 'Get-KumoiVM'
      text = 'Get-KumoiHost | Where-Object { (Get-KumoiVM -VMHost $_).Count -lt 9 } | Select-Object -First 3 | New-KumoiVM -Name { "a-$_" } @told' }
    @{ name = 'a match of another element'; says = '$Matches'
      text = 'Get-KumoiHost | Where-Object { $null = $_.Name -match "kvm0(\d)"; $Matches[1] -ne 4 } | Select-Object -First 3 | New-KumoiVM -Name { "a-$_" } @told' }
  ) {
    Invoke-Case $text | Should -HaveCount 2
    "$verbose" | Should -Match ([regex]::Escape($says))
  }

  It 'a substitute as ever: <name>' -ForEach @(
    @{ name = 'plain values of all kinds'
      text = '$config = [pscustomobject] @{ Skip = "kvm04", "kvm09"; Max = 0.99; Since = [datetime] "2020-01-01"; More = @{ x = [guid]::Empty; y = 1, 2 } }; Get-KumoiHost | Where-Object { $_.Name -notin $config.Skip -and $_.CpuRatio -lt $config.Max -and $config.More.y.Count -eq 2 } | Select-Object -First 3 | New-KumoiVM -Name { "a-$_" } @told' }
    @{ name = 'a list that nobody touches, while others are filled'
      text = '$skip = [System.Collections.Generic.List[string]] "kvm04"; $log = [System.Collections.ArrayList]::new(); Get-KumoiHost | Where-Object { -not $skip.Contains($_.Name) } | Select-Object -First 3 | New-KumoiVM -Name { "a-$_" } @told | ForEach-Object { $null = $log.Add($_.Name); $count++ }' }
    @{ name = 'a host that was read before'
      text = '$other = Get-KumoiHost kvm04; Get-KumoiHost | Where-Object { $_.Name -ne $other.Name } | Select-Object -First 3 | New-KumoiVM -Name { "a-$_" } @told' }
    @{ name = 'a match of its own'
      text = 'Get-KumoiHost | Where-Object { $_.Name -match "kvm(\d+)" -and [int] $Matches[1] -ne 4 } | Select-Object -First 3 | New-KumoiVM -Name { "a-$_" } @told' }
    @{ name = 'defaults of other commands, such as credentials'
      text = '$PSDefaultParameterValues = @{ "*:Credential" = [pscredential]::Empty; "Send-MailMessage:To" = [System.Text.StringBuilder]::new() }; Get-KumoiHost | Where-Object Name -ne kvm04 | Select-Object -First 3 | New-KumoiVM -Name { "a-$_" } @told' }
    @{ name = 'a guid in an argument'
      text = 'Get-KumoiHost | Where-Object Name -ne kvm04 | Select-Object -First 3 | New-KumoiVM -Name { "a-$_" } -MemoryBytes (Get-Random -Minimum 64MB -Maximum 65MB) @told' }
  ) {
    Invoke-Case $text | Should -Be kvm01, kvm03, kvm05
    $verbose | Should -BeNullOrEmpty
  }

  It 'a closure goes by what it has closed over' {
    $name = & { $prefix = 'a'; { "$prefix-$_" }.GetNewClosure() }
    $prefix = 'x'
    (Get-KumoiHost | Select-Object -First 3 | New-KumoiVM -Name $name -WarningAction SilentlyContinue).Name | Should -Be a-kvm01, a-kvm03, a-kvm04
  }
}

Describe 'Nothing that was chosen is lost without a reason' {
  BeforeEach {
    Reset-Fleet
    Add-KumoiFault kvm02 Define -Message 'broken' | Out-Null
  }

  It 'no substitute where <name>' -ForEach @(
    @{ name = 'a step with an effect let one drop'; text = '$n = 0; Get-KumoiHost | Select-Object -First 4 | ForEach-Object { $n++; if ($n -ne 3) { $_ } } | New-KumoiVM -Name { "a-$_" } @told' }
    @{ name = 'an action let one drop'; text = 'Get-KumoiHost | Select-Object -First 4 | Invoke-KumoiAction { if ($_.Name -ne "kvm03") { $_ } } | New-KumoiVM -Name { "a-$_" } @told' }
    @{ name = 'a name could not be made'; text = 'Get-KumoiHost | Select-Object -First 4 | New-KumoiVM -Name { if ($_.Name -eq "kvm03") { throw "no name" }; "a-$_" } @told' }
  ) {
    Invoke-Case $text | Should -Be kvm01, kvm04
    "$verbose" | Should -Match 'kvm03 was chosen and did not come'
  }

  It 'a filter below the choice that turns down the same again is a reason' {
    Invoke-Case 'Get-KumoiHost | Select-Object -First 4 | Where-Object Name -ne kvm03 | New-KumoiVM -Name { "a-$_" } @told' | Should -Be kvm01, kvm04, kvm05
  }

  It 'an earlier cmdlet that has left one out is a reason' {
    Add-KumoiFault kvm03 Start -FaultDomain VM | Out-Null
    Add-KumoiFault kvm04 Start | Out-Null
    Get-KumoiHost | Select-Object -First 4 | New-KumoiVM -Name { "a-$_" } -WarningAction SilentlyContinue | Start-KumoiVM -PassThru -WarningAction SilentlyContinue -ErrorAction SilentlyContinue | Out-Null
    (Get-KumoiVM a-* | Where-Object State -eq Running).VMHost | Should -Be kvm01, kvm05, kvm06
  }
}

Describe '-AccumulateWhile is asked again' {
  BeforeEach {
    Reset-Fleet
    Add-KumoiFault kvm02 Define | Out-Null
  }

  It 'by what it read then: <name>' -ForEach @(
    @{ name = 'as it was'; change = ''; hosts = 'kvm01', 'kvm03', 'kvm04' }
    @{ name = 'not as it is now'; change = '$max = 9'; hosts = 'kvm01', 'kvm03' }
    @{ name = 'with an effect'; change = ''; effect = '$script:k++;'; hosts = 'kvm01', 'kvm03' }
  ) {
    Invoke-Case "`$max = 3; Get-KumoiHost | Select-KumoiHost -AccumulateWhile { param(`$Taken, `$Candidate) $effect `$Taken.Count -lt `$max } | New-KumoiVM -Name { `"a-`$_`" } @told | ForEach-Object { $change }" |
      Should -Be $hosts
  }
}
