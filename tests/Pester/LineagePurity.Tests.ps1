# Steps above the choice are run again only if nothing that they can reach has an effect, whatever stands in their variables.
BeforeAll {
  . $PSScriptRoot/Fleet.ps1
  Add-Type -TypeDefinition @'
public class KumoiTestCounter {
  public static int N;
  public string Name = "kvm";
  public bool StartsWith(string s) { N++; return true; }
  public string Replace(string a, string b) { N++; return b; }
  public int Count { get { N++; return 1; } }
  public override string ToString() { N++; return "kvm"; }
}
public class KumoiTestComparer : System.Collections.IEqualityComparer {
  public new bool Equals(object a, object b) { KumoiTestCounter.N++; return object.Equals(a, b); }
  public int GetHashCode(object a) { KumoiTestCounter.N++; return a.GetHashCode(); }
}
'@
}

Describe 'An effect above the choice, however it is hidden, is never run again' {
  BeforeEach {
    Reset-Fleet
    Add-KumoiFault kvm02 Define -Message 'broken' | Out-Null
    $global:KumoiTestN = 0
    [KumoiTestCounter]::N = 0
    $told = @{ ErrorAction = 'SilentlyContinue'; WarningAction = 'SilentlyContinue' }
  }
  AfterEach { Remove-Variable KumoiTestN -Scope Global -ErrorAction Ignore }

  It '<name>' -ForEach @(
    @{ name = 'a sort key in a variable'; first = ''; step = 'Sort-Object @{ Expression = $key }'; before = '$key = { $global:KumoiTestN++; $_.Name }' }
    @{ name = 'a sort key in a hashtable in a variable'; step = 'Sort-Object $key'; before = '$key = @{ Expression = { $global:KumoiTestN++; $_.Name } }' }
    @{ name = 'sort keys in an array in a variable'; step = 'Sort-Object $keys'; before = '$keys = "Uri", { $global:KumoiTestN++; $_.Name }' }
    @{ name = 'a clause of switch in a variable'; step = 'Where-Object { switch ($_.Name) { $clause { $true } default { $true } } }'; before = '$clause = { $global:KumoiTestN++; $true }' }
    @{ name = '[regex]::Replace with a block in a variable'; step = 'Where-Object { [regex]::Replace($_.Name, "k", $block) }'; before = '$block = { $global:KumoiTestN++; "k" }' }
    @{ name = '[regex]::Replace with a block that is written out'; step = 'Where-Object { [regex]::Replace($_.Name, "k", { $global:KumoiTestN++; "k" }) }' }
    @{ name = 'a regex in a variable, with a block in a variable'; step = 'Where-Object { $re.Replace($_.Name, $block) }'; before = '$re = [regex] "k"; $block = { $global:KumoiTestN++; "k" }' }
    @{ name = 'a script method with an allowed name'; step = 'Where-Object { $o.StartsWith("k") }'; before = '$o = [pscustomobject] @{} | Add-Member ScriptMethod StartsWith { $global:KumoiTestN++; $true } -PassThru' }
    @{ name = 'a script property of an object'; step = 'Where-Object { $o.Limit }'; before = '$o = [pscustomobject] @{} | Add-Member ScriptProperty Limit { $global:KumoiTestN++; 1 } -PassThru' }
    @{ name = 'a script property of a string'; step = 'Where-Object { $s.Limit }'; before = '$s = "x" | Add-Member ScriptProperty Limit { $global:KumoiTestN++; 1 } -PassThru' }
    @{ name = 'a script property of a list''s object'; step = 'Where-Object { $list[0].Limit }'; before = '$list = @([pscustomobject] @{} | Add-Member ScriptProperty Limit { $global:KumoiTestN++; 1 } -PassThru)' }
    @{ name = 'a method of Add-Type'; step = 'Where-Object { $c.StartsWith("k") }'; before = '$c = [KumoiTestCounter]::new()' }
    @{ name = 'a property of Add-Type'; step = 'Where-Object { $c.Count }'; before = '$c = [KumoiTestCounter]::new()' }
    @{ name = 'the text of Add-Type''s object'; step = 'Where-Object { "$c" }'; before = '$c = [KumoiTestCounter]::new()' }
    @{ name = 'an object of Add-Type in a hashtable'; step = 'Where-Object { $t.c.Replace("a", "b") }'; before = '$t = @{ c = [KumoiTestCounter]::new() }' }
    @{ name = 'a hashtable with a comparer of the author''s'; step = 'Where-Object { -not $t[$_.Name] }'; before = '$t = [hashtable]::new([KumoiTestComparer]::new())' }
    @{ name = 'a method of a script class'; step = 'Where-Object { $k.Contains($_.Name) }'; before = 'class K { [bool] Contains($x) { $global:KumoiTestN++; return $true } }; $k = [K]::new()' }
    @{ name = 'a script class within a list'; step = 'Where-Object { $k[0].Contains($_.Name) }'; before = 'class K { [bool] Contains($x) { $global:KumoiTestN++; return $true } }; $k = @([K]::new())' }
    @{ name = 'a script class named like a type'; step = 'Where-Object { [Math]::Abs(1) }'; before = 'class Math { static [int] Abs($x) { $global:KumoiTestN++; return 1 } }' }
    @{ name = 'StringBuilder.Replace'; step = 'Where-Object { $sb.Replace("a", "b") }'; before = '$sb = [System.Text.StringBuilder] "a"' }
    @{ name = 'foreach over a lazy sequence'; step = 'Where-Object { foreach ($x in $lazy) { $true } }'; before = '$lazy = [System.Linq.Enumerable]::Select([object[]] (1, 2), [func[object, object]] { $global:KumoiTestN++; 1 })' }
    @{ name = 'a lazy sequence that is counted'; step = 'Where-Object { $lazy -contains 1 }'; before = '$lazy = [System.Linq.Enumerable]::Select([object[]] (1, 2), [func[object, object]] { $global:KumoiTestN++; 1 })' }
    @{ name = 'a block that is bound to a module'; step = 'Where-Object $bound'; before = '$bound = New-Module { function Where-It { $global:KumoiTestN++; $true }; $b = { Where-It }; Export-ModuleMember -Variable b } -PassThru | ForEach-Object { & $_ { $b } }; function Where-It { $true }' }
    @{ name = 'a closure'; step = 'Where-Object $closure'; before = '$closure = & { function Where-It { $global:KumoiTestN++; $true }; { $global:KumoiTestN++; $true }.GetNewClosure() }' }
    @{ name = 'a function that is a closure'; step = 'Where-Object { Test-It }'; before = '${function:Test-It} = & { $k = 1; { $global:KumoiTestN += $k; $true }.GetNewClosure() }' }
    @{ name = 'a block in a dictionary, by .Where'; step = 'Where-Object { (1, 2).Where($t.b) }'; before = '$t = @{ b = { $global:KumoiTestN++; $true } }' }
    @{ name = 'a block in a dictionary, by .ForEach'; step = 'Where-Object { (1, 2).ForEach($t.b) }'; before = '$t = @{ b = { $global:KumoiTestN++; $true } }' }
    @{ name = '.ForEach with the name of a method'; step = 'Where-Object { @($list).ForEach("Clear"); $true }'; before = '$list = [System.Collections.ArrayList] (1, 2)' }
    @{ name = 'a variable that converts what is assigned'; step = 'Where-Object { $v = $_.Name; $true }'; before = '[ValidateScript({ $global:KumoiTestN++; $true })] $v = "x"' }
    @{ name = '-as a class by its name'; step = 'Where-Object { ("x" -as "K") -or $true }'; before = 'class K { K([string] $s) { $global:KumoiTestN++ } }' }
    @{ name = 'a default value that is a block'; step = 'Sort-Object'; before = '$PSDefaultParameterValues = @{ "Sort-Object:Property" = { $global:KumoiTestN++; "Name" } }' }
    @{ name = 'a calculated property that is kept in a variable'; step = 'Where-Object { ($_ | Select-Object -Property $calculated) -or $true }'; before = '$calculated = @{ Name = "n"; Expression = { $global:KumoiTestN++; 1 } }' }
    @{ name = 'Measure-Object with a block in a variable'; step = 'Where-Object { ($_.VMs | Measure-Object -Property $p) -or $true }'; before = '$p = { $global:KumoiTestN++; 1 }' }
    @{ name = 'a native program in a function''s default'; step = 'Where-Object { Test-It }'; before = 'function Test-It($x = (++$global:KumoiTestN)) { $true }' }
    @{ name = 'a temporary file'; step = 'Where-Object { [System.IO.Path]::GetTempFileName() }' }
    @{ name = 'a loop''s variable that another element has left'; step = 'Where-Object { $before = $v; foreach ($v in $_.Name) { }; $before -ne "kvm03" }'; before = '$v = ""' }
    @{ name = 'a hook of the command look-up'; step = 'Sort-Object Name'; before = '$ExecutionContext.InvokeCommand.PostCommandLookupAction = { $global:KumoiTestM++ }'; after = '$ExecutionContext.InvokeCommand.PostCommandLookupAction = $null' }
    @{ name = 'a breakpoint with an action'; step = 'Where-Object { $watched -eq 1 }'; before = '$watched = 1; $point = Set-PSBreakpoint -Variable watched -Mode Read -Action { $global:KumoiTestN++ }'; after = 'Remove-PSBreakpoint $point' }
  ) {
    # As often as without a failure: the same pipeline, in which nothing fails.
    $text = "$before; try { Get-KumoiHost | $step | Select-Object -Last 3 | Sort-Object Name -Top 9 | New-KumoiVM -Name { `"a-`$(`$_.Name)`" } @told } finally { $after }"
    Clear-KumoiFault
    $null = & ([scriptblock]::Create($text))
    $expected = $global:KumoiTestN, [KumoiTestCounter]::N
    $made = @((Get-KumoiVM a-*).VMHost)
    Reset-Fleet
    foreach ($name in $made) { Add-KumoiFault $name Define | Out-Null; break }
    $global:KumoiTestN = [KumoiTestCounter]::N = 0
    $null = & ([scriptblock]::Create($text))
    $global:KumoiTestN, [KumoiTestCounter]::N | Should -Be $expected
    (Get-KumoiVM a-*).VMHost | Should -Be @($made | Select-Object -Skip 1)
  }

  It 'members that were added to the types: <name>' -ForEach @(
    @{ name = 'a script method of strings'; type = 'System.String'; member = 'ScriptMethod'; of = 'StartsWith'; step = 'Where-Object { $_.Name.StartsWith("k") }' }
    @{ name = 'a script property of strings'; type = 'System.String'; member = 'ScriptProperty'; of = 'Limit'; step = 'Where-Object { $_.Name.Limit -or $true }' }
    @{ name = 'a script property of hosts'; type = 'Kumoi.KumoiHost'; member = 'ScriptProperty'; of = 'Limit'; step = 'Where-Object { $_.Limit -or $true }' }
    @{ name = 'a script method of VMs'; type = 'Kumoi.KumoiVM'; member = 'ScriptMethod'; of = 'Equals'; step = 'Where-Object { $_.VMs[0].Equals(1) -or $true }' }
  ) {
    Update-TypeData -TypeName $type -MemberType $member -MemberName $of -Value { $global:KumoiTestN++; $true } -Force
    try {
      $null = & ([scriptblock]::Create("Get-KumoiHost | $step | Sort-Object Name | Select-Object -First 3 | New-KumoiVM -Name { `"a-`$(`$_.Name)`" } @told"))
      (Get-KumoiVM a-*).VMHost | Should -Be kvm01, kvm03
      $global:KumoiTestN | Should -BeLessOrEqual 20
    }
    finally { Remove-TypeData -TypeName $type }
  }

  It 'what is free of effects goes on as ever: <name>' -ForEach @(
    @{ name = 'a pure sort key in a variable'; step = 'Sort-Object $key'; before = '$key = { $_.Name }' }
    @{ name = 'a regex in a variable'; step = 'Where-Object { $re.IsMatch($_.Name) }'; before = '$re = [regex] "kvm"' }
    @{ name = 'values of a hashtable'; step = 'Where-Object { $t.ContainsKey($_.Name) -or $t.Values -notcontains 9 }'; before = '$t = @{ a = 1; b = 2 }' }
    @{ name = 'a list of strings'; step = 'Where-Object { $l.Contains($_.Name) -or $l.Count -eq 2 }'; before = '$l = [System.Collections.Generic.List[string]] ("a", "b")' }
    @{ name = 'math, text and enums'; step = 'Where-Object { [Math]::Round($_.CpuRatio, 2) -lt 2 -and $_.Name.ToUpper().Substring(0, 3) -eq "KVM" -and $_.VMCount -is [int] }' }
    @{ name = 'a loop over the VMs'; step = 'Where-Object { $n = 9; foreach ($v in $_.VMs) { if ($v.CpuCount -gt $n) { return $false } }; $true }' }
    @{ name = 'a block that is replaced by itself'; step = 'Where-Object { $_.Name -replace "k", { "K" } }' }
  ) {
    $null = & ([scriptblock]::Create("$before; Get-KumoiHost | $step | Select-Object -First 3 | New-KumoiVM -Name { `"a-`$(`$_.Name)`" } @told"))
    (Get-KumoiVM a-*).VMHost | Should -Be kvm01, kvm03, kvm04
  }
}
