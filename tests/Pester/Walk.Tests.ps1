# Every exported command, as reflection shows it: nobody has to remember to add a new one here. What other tests assert of every command is
# not repeated: verbs and -WhatIf (Cmdlets.Tests.ps1), help and its examples (Help.Tests.ps1), the manifest (Module.Tests.ps1).
BeforeDiscovery {
  Import-Module $env:KUMOI_MODULE
  $commands = (Get-Module Kumoi).ExportedCmdlets.Values | Sort-Object Name
  $all = $commands | ForEach-Object { @{ name = $_.Name } }
  $types = $commands | ForEach-Object { $_.OutputType.Name } | Where-Object { $_ -notlike 'System.*' } | Sort-Object -Unique

  function Get-Trait {
    # What reflection says of a parameter.
    param([Parameter(Mandatory)] $Command, [Parameter(Mandatory)] $Parameter)
    $type = $Parameter.ParameterType
    $element = if ($type.IsArray) { $type.GetElementType() } else { $type }
    $binding = $Parameter.Attributes.Where({ $_ -is [Parameter] })
    @{
      name = $Command.Name
      parameter = $Parameter.Name
      isList = $type.IsArray
      isReference = $element.Name -in 'VMReference', 'HostReference'
      isOfKumoi = $element.Assembly -eq $Command.ImplementingType.Assembly -or $element.Assembly -eq [Kumoi.KumoiHost].Assembly
      isPiped = $binding.ValueFromPipeline -contains $true -or $binding.ValueFromPipelineByPropertyName -contains $true
      takesPattern = $Parameter.Attributes.Where({ $_ -is [System.Management.Automation.SupportsWildcardsAttribute] }).Count -gt 0
      isCompleted = $Parameter.Attributes.Where({ $_ -is [ArgumentCompleter] }).Count -gt 0
      completer = $Parameter.Attributes.Where({ $_ -is [ArgumentCompleter] }).Type.Name
    }
  }

  $parameters = foreach ($command in $commands) { foreach ($one in $command.Parameters.Values) { Get-Trait $command $one } }
  $references = $parameters.Where({ $_.isReference })
  # What names something that is there: a VM, a host, and all else that may be given by a pattern.
  $names = $parameters.Where({ $_.isReference -or $_.takesPattern })
  $completed = $parameters.Where({ $_.isCompleted })

  # Exceptions, each with its reason. The tests assert that they are such: one that is no longer must go from here.
  $noList = @{ 'Move-KumoiVM -Destination' = 'a VM moves to one host, and a pattern could mean several' }
  $notPiped = @{
    'Measure-KumoiUsage' = 'one account of the whole fleet; -Name and -VMHost only leave some out'
  }
  $filters = @{
    'Add-KumoiFault -VM' = 'a rule may be for a VM that comes later'
    'Add-KumoiFault -VMHost' = 'a rule may be for a host that comes later'
    'Get-KumoiEvent -VM' = 'the journal also has VMs that are gone'
    'Get-KumoiEvent -VMHost' = 'the journal also has hosts that are gone'
    'Get-KumoiHost -Tag' = 'no host has the tag: that is an answer'
    'Get-KumoiOperation -VM' = 'the journal also has VMs that are gone'
    'Get-KumoiOperation -VMHost' = 'the journal also has hosts that are gone'
    'Measure-KumoiHostReliability -VMHost' = 'the journal also has hosts that are gone'
    'Measure-KumoiUsage -Name' = 'VMs are accounted from when they come'
  }
  $waiting = @{ 'Watch-KumoiEvent' = 'it waits for events until Ctrl+C' }
  # What is owed: not as it should be, until somebody repairs it.
  $notCompleted = @{
    'Add-KumoiFault -VM' = 'has no completer'
    'Get-KumoiHost -Tag' = 'has no completer'
    'Get-KumoiDhcpLease -MacAddress' = 'has no completer'
  }
  $ofAnother = @{
    'Start-KumoiScaling -Master' = 'its errors have the group as their target'
    'Start-KumoiScaling -VMHost' = 'its errors have the group as their target'
  }
  $nothingThere = 'FtPairCompleter', 'ScalingGroupCompleter' # the fleet of this test has neither pairs nor groups

  $errors = [System.Collections.Generic.List[hashtable]]::new()
  $silent = [System.Collections.Generic.List[hashtable]]::new()
  foreach ($one in $names | Where-Object { -not $waiting[$_.name] }) {
    $full = "$($one.name) -$($one.parameter)"
    if ($why = $filters[$full]) { $silent.Add($one + @{ why = $why }) }
    else { $errors.Add($one + @{ target = $ofAnother[$full] ? 'x' : 'nothing' }) }
  }

  $acting = $parameters.Where({ $_.isReference }) | ForEach-Object { $_.name } | Sort-Object -Unique | Where-Object { -not $notPiped[$_] } | ForEach-Object { @{ name = $_ } }
}

BeforeAll {
  . $PSScriptRoot/Fleet.ps1

  # A value that a mandatory parameter takes; what is asked for is another parameter.
  function Get-Value {
    param([Parameter(Mandatory)][string] $Name, [Parameter(Mandatory)] $Parameter)
    $type = $Parameter.ParameterType
    $element = if ($type.IsArray) { $type.GetElementType() } else { $type }
    $element = [Nullable]::GetUnderlyingType($element) ?? $element
    switch ($element.Name) {
      'VMReference' { return 'kvm02-1' }
      'HostReference' { return 'kvm03' }
      'ScriptBlock' { return { } }
      'KumoiVM' { return Get-KumoiVM kvm02-1 }
      'KumoiHost' { return Get-KumoiHost kvm02 }
    }
    if ($element.IsEnum) { return [enum]::GetValues($element).GetValue(0) }
    if ($element -in [int], [long], [double]) { return $Parameter.Attributes.Where({ $_ -is [ValidateRange] }).MinRange ?? 1 }
    if ($element -eq [switch]) { return $true }
    # Such as the operation of a fault.
    $known = @((TabExpansion2 "$Name -$($Parameter.Name) ").CompletionMatches | Where-Object ResultType -eq ParameterValue)
    $known ? $known[0].CompletionText : 'x'
  }

  # Gives a command a name that nothing has, in one of its sets of parameters, and what else it must have. Returns the errors.
  function Get-ErrorOfNothing {
    param([Parameter(Mandatory)][string] $Name, [Parameter(Mandatory)][string] $Parameter)
    $command = Get-Command $Name
    $set = $command.ParameterSets.Where({ $_.Parameters.Name -contains $Parameter }) |
      Sort-Object { -not $_.IsDefault }, { @($_.Parameters | Where-Object IsMandatory).Count } | Select-Object -First 1
    $with = @{ ErrorAction = 'SilentlyContinue'; ErrorVariable = 'found'; WarningAction = 'SilentlyContinue' }
    foreach ($one in $set.Parameters | Where-Object IsMandatory) { $with[$one.Name] = Get-Value $Name $command.Parameters[$one.Name] }
    # A host is looked at for what is on it, a VM on a host that there is.
    if ($Parameter -ne 'VM' -and $set.Parameters.Name -contains 'VM' -and -not $with.ContainsKey('VM')) { $with['VM'] = 'kvm02-1' }
    $with[$Parameter] = 'nothing'
    if ($command.Parameters.ContainsKey('WhatIf')) { $with['WhatIf'] = $true }
    # One interval, of no length.
    if ($command.Parameters.ContainsKey('IntervalSec') -and $command.Parameters.ContainsKey('Count')) { $with['IntervalSec'] = 0; $with['Count'] = 1 }
    # What sets something is given something to set.
    if ($command.Verb -eq 'Set') {
      $own = $command.ImplementingType.GetProperties('Public, Instance, DeclaredOnly').Name
      $setting = $set.Parameters | Where-Object { $_.Name -in $own -and $_.Name -ne 'PassThru' -and $_.ParameterType -in [bool], [System.Nullable[bool]], [switch] } | Select-Object -First 1
      if ($setting -and -not $with.ContainsKey($setting.Name)) { $with[$setting.Name] = $true }
    }
    try { & $command @with 6>$null | Out-Null } catch { return $_ }
    $found | Where-Object { $_ -is [System.Management.Automation.ErrorRecord] }
  }
}

Describe 'What a command writes' {
  BeforeAll {
    # What the attribute OutputType and the help do not have in common.
    function Get-Difference {
      param([string] $Name)
      $said = (Get-Help $Name).returnValues.returnValue.type.name | ForEach-Object { "$_".Trim() } | Where-Object { $_ -notin '', 'None' }
      $declared = (Get-Command $Name).OutputType | ForEach-Object Name
      # What a script block of the user writes can be anything.
      if ((Get-Command $Name).Parameters.ContainsKey('ScriptBlock')) { $said = $said | Where-Object { $_ -ne 'System.Management.Automation.PSObject' } }
      @($said | Where-Object { $_ -notin $declared }) + @($declared | Where-Object { $_ -notin $said })
    }
  }

  It '<name> is what its help says' -ForEach $all { Get-Difference $name | Should -BeNullOrEmpty }

  It '<_> has a view' -ForEach $types { Get-FormatData -TypeName $_ | Should -Not -BeNullOrEmpty }
}

Describe 'What acts on VMs or hosts' {
  It '<name> takes them from the pipeline' -ForEach $acting {
    $from = (Get-Command $name).Parameters.Values.Attributes.Where({ $_ -is [Parameter] })
    $from.ValueFromPipeline -contains $true -or $from.ValueFromPipelineByPropertyName -contains $true | Should -BeTrue
  }

  It '<name> -<parameter> takes a pattern' -ForEach $references.Where({ $_.isList -and -not $noList["$($_.name) -$($_.parameter)"] }) {
    $takesPattern | Should -BeTrue
  }
}

Describe 'Completion' {
  BeforeAll {
    Reset-Fleet 'sim://lab?hosts=3&vms=2&seed=7'
    Checkpoint-KumoiVM kvm02-1 kept
    Add-KumoiDisk kvm02-1 -SizeBytes 1GB
    Add-KumoiNetworkAdapter kvm02-1 default
    New-KumoiTemplate kvm02-2 golden
    $script:task = Set-KumoiVM kvm02-1 -AutoStart:$true -AsJob
    # A machine need not have libosinfo's database.
    $script:outer = $env:OSINFO_SYSTEM_DIR
    $env:OSINFO_SYSTEM_DIR = "$TestDrive/osinfo"
    $systems = New-Item -ItemType Directory "$env:OSINFO_SYSTEM_DIR/os/example.org" -Force
    Set-Content "$systems/old-1.xml" '<libosinfo version="0.0.1"><os id="http://example.org/old/1"><short-id>old1</short-id><name>Old 1</name></os></libosinfo>'
  }
  AfterAll {
    $env:OSINFO_SYSTEM_DIR = $script:outer
    $script:task | Wait-Job | Remove-Job
  }

  It '<name> -<parameter> is completed' -ForEach $names.Where({ -not $notCompleted["$($_.name) -$($_.parameter)"] }) { $isCompleted | Should -BeTrue }

  It '<name> -<parameter> is not completed yet' -ForEach $names.Where({ $notCompleted["$($_.name) -$($_.parameter)"] }) { $isCompleted | Should -BeFalse }

  It '<name> -<parameter> is completed by what is there' -ForEach $completed.Where({ $_.completer -notin $nothingThere }) {
    $line = "$name $(if ($parameter -ne 'VM' -and (Get-Command $name).Parameters.ContainsKey('VM')) { '-VM kvm02-1 ' })-$parameter "
    @((TabExpansion2 $line).CompletionMatches | Where-Object ResultType -in ParameterValue, Text) | Should -Not -BeNullOrEmpty
  }
}

Describe 'A name that nothing has' {
  BeforeAll { Reset-Fleet 'sim://lab?hosts=3&vms=2&seed=7' }

  It '<name> -<parameter> is an error with an id, its target and what to do' -ForEach $errors {
    $errors = @(Get-ErrorOfNothing $name $parameter)
    $errors.Count | Should -BeGreaterThan 0
    foreach ($one in $errors) {
      # Its own id: not one of PowerShell's for parameters, nor the name of an exception.
      $one.FullyQualifiedErrorId | Should -Match "^\w+,.*\b$($name -replace '-')Command$"
      $one.FullyQualifiedErrorId | Should -Not -Match '^Parameter|Exception,'
      $one.ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty -Because $one.FullyQualifiedErrorId
    }
    $errors.TargetObject | ForEach-Object { "$_" } | Should -Contain $target
  }

  It '<name> -<parameter> is no error: <why>' -ForEach $silent { Get-ErrorOfNothing $name $parameter | Should -BeNullOrEmpty }
}
