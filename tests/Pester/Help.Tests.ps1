# The help is what docs/cmdlets and docs/about say, as Get-Help shows it, and its examples run.
BeforeDiscovery {
  Import-Module $env:KUMOI_MODULE
  $common = [System.Management.Automation.PSCmdlet]::CommonParameters
  $cmdlets = @(Get-Command -Module Kumoi -CommandType Cmdlet | ForEach-Object {
      $hidden = $_.Parameters.Values | Where-Object { $_.Attributes.Where({ $_ -is [Parameter] }).DontShow -contains $true }
      @{ name = $_.Name; own = @($_.Parameters.Keys | Where-Object { $_ -notin $common -and $_ -notin $hidden.Name }) }
    })
  $examples = @(foreach ($cmdlet in $cmdlets) {
      foreach ($example in (Get-Help $cmdlet.name).examples.example) {
        $code = [string]$example.code
        # An example that names a URI which is not of a simulated fleet needs real hosts.
        $isReal = $code -match '(?<![\w+])(?!sim://)[a-z][a-z0-9+.-]*://'
        @{ cmdlet = $cmdlet.name; title = $example.title.Trim(' -'); code = $code; isReal = $isReal }
      }
    })
  $simulated = $examples.Where({ -not $_.isReal })
  $real = $examples.Where({ $_.isReal })
}

Describe 'The help of <name>' -ForEach $cmdlets {
  BeforeAll { $help = Get-Help $name -Full }

  It 'says in a sentence what it does' {
    # Without a help file, PowerShell gives the syntax here.
    $help.Synopsis | Should -Match '\.$'
    $help.Synopsis | Should -Not -Match "^\s*$name"
  }

  It 'describes it, in whole sentences that say more than the first' {
    $text = ($help.description.Text -join "`n").Trim()
    $text | Should -Match '[.:]$'
    $text.StartsWith($help.Synopsis.Trim()) | Should -BeFalse -Because 'the synopsis stands above it'
    $text.Length | Should -BeGreaterThan $help.Synopsis.Length
    $text | Should -MatchExactly '^[A-Z]'
  }

  It 'describes each of its own parameters, and no other' {
    $described = @($help.parameters.parameter | Where-Object { $_.description.Text -join '' } | ForEach-Object name)
    $described | Sort-Object | Should -Be ($own | Sort-Object)
  }

  It 'shows the common parameters in the syntax of its page' {
    $page = Get-Content (Join-Path $PSScriptRoot "../../docs/cmdlets/$name.md") -Raw
    $syntax = [regex]::Match($page, '(?s)## SYNTAX.*?(?=## DESCRIPTION)').Value
    $fences = [regex]::Matches($syntax, '(?s)```(.*?)```')
    $fences.Count | Should -BeGreaterThan 0
    $fences | ForEach-Object { $_.Groups[1].Value | Should -Match '\[<CommonParameters>\]' }
  }

  It 'has two examples or more' {
    @($help.examples.example).Count | Should -BeGreaterOrEqual 2
    $help.examples.example.code | Should -Not -BeNullOrEmpty
  }

  It 'has no text that is still to be written, and nothing hidden' {
    $all = ($help | Out-String) + (Get-Content (Join-Path $PSScriptRoot "../../docs/cmdlets/$name.md") -Raw)
    $all | Should -Not -Match '\{\{|ReplayToken'
  }
}

Describe 'The help that is committed' {
  It 'was made from the pages as they are: after a change of docs/cmdlets run ./build.sh docs' {
    $root = Join-Path $PSScriptRoot '../..'
    $made = [regex]::Match((Get-Content "$root/docs/help/Kumoi.PowerShell.dll-Help.xml" -Raw), '<!-- pages: ([0-9A-F]+) -->').Groups[1].Value
    $made | Should -Be (& "$root/docs/Get-PagesHash.ps1" "$root/docs/cmdlets")
  }
}

Describe 'The examples run' {
  BeforeAll {
    $script = Join-Path $TestDrive 'example.ps1'

    # What PowerShell would say of the commands of a script before it runs them; nothing, if each is there with all that it is given.
    function Get-BindingProblem {
      param([string] $Code)
      $problems = $null
      $ast = [System.Management.Automation.Language.Parser]::ParseInput($Code, [ref] $null, [ref] $problems)
      $problems.Message
      foreach ($call in $ast.FindAll({ param($node) $node -is [System.Management.Automation.Language.CommandAst] }, $true)) {
        $name = $call.GetCommandName()
        if ($name -notlike '*-*') { continue } # of another machine: ssh, systemctl
        $command = Get-Command $name -ErrorAction Ignore
        if (-not $command) { "$name is not there"; continue }
        $bound = [System.Management.Automation.Language.StaticParameterBinder]::BindCommand($call, $true)
        $bound.BindingExceptions.Values.BindingException.Message
        $isFed = $call.Parent.PipelineElements.IndexOf($call) -gt 0
        $enough = foreach ($set in $command.ParameterSets) {
          $missing = $set.Parameters | Where-Object {
            $_.IsMandatory -and -not $bound.BoundParameters.ContainsKey($_.Name) -and -not ($isFed -and ($_.ValueFromPipeline -or $_.ValueFromPipelineByPropertyName))
          }
          $foreign = $bound.BoundParameters.Keys | Where-Object { $_ -notin $set.Parameters.Name }
          -not $missing -and -not $foreign
        }
        if ($enough -notcontains $true) { "$($call.Extent.Text) lacks a parameter, or has two that do not go together" }
      }
    }
  }

  BeforeEach {
    Clear-KumoiFault
    Get-KumoiConnection | Disconnect-KumoiHost
  }

  AfterAll {
    Clear-KumoiFault
    Get-KumoiConnection | Disconnect-KumoiHost
  }

  It '<cmdlet>, <title>' -ForEach $simulated {
    if ($code -notmatch 'Connect-KumoiHost') { $null = Connect-KumoiHost 'sim://lab?hosts=20&vms=2&seed=7' }
    Set-Content $script $code
    $output = & $script 2>&1 3>$null 6>$null
    $output | Where-Object { $_ -is [System.Management.Automation.ErrorRecord] } | Should -BeNullOrEmpty
  }

  It '<cmdlet>, <title> (needs real hosts: its commands have all that they are given)' -ForEach $real {
    @(Get-BindingProblem $code) -ne $null | Should -BeNullOrEmpty
  }

  It 'an example is told if <because>' -ForEach @(
    @{ because = 'a cmdlet is not there'; wrong = 'Get-KumoiHosts'; like = '*Get-KumoiHosts*' }
    @{ because = 'a parameter is not there'; wrong = '$up = { Connect-KumoiHost qemu+ssh://root@kvm1/system -Tags rack1 }'; like = '*Tags*' }
    @{ because = 'a mandatory parameter is missing'; wrong = 'Connect-KumoiHost -Tag rack1'; like = '*lacks*' }
    @{ because = 'it is no PowerShell'; wrong = 'Get-KumoiHost | }'; like = '*' }
  ) {
    @(Get-BindingProblem $wrong) -like $like | Should -Not -BeNullOrEmpty
  }
}

Describe 'Get-Help in a fresh pwsh' {
  BeforeAll {
    function Invoke-Fresh {
      param([string] $Command)
      $pwsh = $env:KUMOI_PWSH
      & $pwsh -NoProfile -NonInteractive -Command "`$PSStyle.OutputRendering = 'PlainText'; Import-Module '$env:KUMOI_MODULE'; $Command" | Out-String -Width 4096
    }
  }

  It 'shows the page of a cmdlet, with its examples and parameters' {
    $text = Invoke-Fresh 'Get-Help New-KumoiVM -Full | Out-String -Width 400'
    $text | Should -Match 'Makes one VM on each host\.'
    $text | Should -Match 'Example 1: Ten VMs although a host is broken'
    $text | Should -Match '-DiskFormat \{qcow2 \| raw\}'
    $text | Should -Match '(?s)-ThrottleLimit <int>.*?Default value\s+32'
  }

  It 'shows <topic>' -ForEach @(
    @{ topic = 'about_Kumoi' }
    @{ topic = 'about_Kumoi_Agent' }
    @{ topic = 'about_Kumoi_Connections' }
    @{ topic = 'about_Kumoi_FailureOblivious' }
    @{ topic = 'about_Kumoi_FaultTolerance' }
    @{ topic = 'about_Kumoi_Faults' }
    @{ topic = 'about_Kumoi_Journal' }
    @{ topic = 'about_Kumoi_Lineage' }
    @{ topic = 'about_Kumoi_Maintenance' }
    @{ topic = 'about_Kumoi_Speculation' }
    @{ topic = 'about_Kumoi_Workloads' }
  ) {
    $text = Invoke-Fresh "Get-Help $topic"
    $text | Should -Match "(?m)^TOPIC\s+$topic\s*$"
    $text | Should -Match '(?m)^SHORT DESCRIPTION\s*$'
    $text | Should -Match '(?m)^LONG DESCRIPTION\s*$'
  }

  It 'names every cmdlet in about_Kumoi, and those that ask' {
    $text = (Get-Content (Join-Path $PSScriptRoot '../../docs/about/about_Kumoi.help.txt') -Raw) -replace '\s+', ' '
    foreach ($cmdlet in Get-Command -Module Kumoi -CommandType Cmdlet) { $text | Should -MatchExactly "\b$($cmdlet.Name)\b" }
    $asking = Get-Command -Module Kumoi -CommandType Cmdlet | Where-Object {
      $_.ImplementingType.GetCustomAttributes([System.Management.Automation.CmdletAttribute], $true).ConfirmImpact -eq 'High'
    }
    $said = [regex]::Match($text, '\. Only (.*?) ask without -Confirm\.').Groups[1].Value -split ', | and '
    $said | Sort-Object | Should -Be ($asking.Name | Sort-Object)
  }

  It 'points only to topics that are there, and from each topic to others' {
    $files = Get-ChildItem (Join-Path $PSScriptRoot '../../docs/about') -Filter *.help.txt
    $topics = $files.Name -replace '\.help\.txt$'
    foreach ($file in $files) {
      $seen = [regex]::Matches((Get-Content $file -Raw), 'about_Kumoi\w*').Value | Sort-Object -Unique
      $seen | Should -BeIn $topics
      $seen.Count | Should -BeGreaterThan 1
    }
    $front = Get-Content (Join-Path $PSScriptRoot '../../docs/about/about_Kumoi.help.txt') -Raw
    foreach ($topic in $topics) { $front | Should -MatchExactly "\b$topic\b" }
  }

  It 'lists the topics' {
    $text = Invoke-Fresh '(Get-Help about_Kumoi*).Name'
    $text -split '\s+' -ne '' | Sort-Object -Unique | Should -Be about_Kumoi, about_Kumoi_Agent, about_Kumoi_Connections, about_Kumoi_FailureOblivious, about_Kumoi_Faults, about_Kumoi_FaultTolerance, about_Kumoi_Journal, about_Kumoi_Lineage, about_Kumoi_Maintenance, about_Kumoi_Speculation, about_Kumoi_Workloads
  }
}

Describe 'The README' {
  BeforeAll {
    $root = Resolve-Path (Join-Path $PSScriptRoot '../..')
    $readme = (Get-Content (Join-Path $root 'README.md') -Raw) -replace '\r'
    $demo = (Get-Content (Join-Path $root 'docs/demo.ps1') -Raw) -replace '\r'
    function Get-Squeezed { param([string[]] $Lines) ($Lines | ForEach-Object TrimEnd | Where-Object { $_ }) -join "`n" }
  }

  It 'shows the demo as it is' {
    $shown = [regex]::Match($readme, '(?s)```powershell\n(.*?)\n```').Groups[1].Value
    $demo.Contains($shown) | Should -BeTrue -Because 'the first example of README.md is the body of docs/demo.ps1'
  }

  It 'shows what the demo prints' {
    $shown = [regex]::Match($readme, '(?s)\n```\n(WARNING.*?)\n```').Groups[1].Value
    $pwsh = $env:KUMOI_PWSH
    $before, $env:NO_COLOR = $env:NO_COLOR, '1'
    try {
      $printed = & $pwsh -NoProfile -NonInteractive -File (Join-Path $root 'docs/demo.ps1') -Module $env:KUMOI_MODULE
    }
    finally {
      $env:NO_COLOR = $before
    }
    Get-Squeezed $printed | Should -Be (Get-Squeezed ($shown -split '\n'))
  }
}
