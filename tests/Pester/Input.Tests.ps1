# What people give, and what they are shown.
BeforeAll { . $PSScriptRoot/Fleet.ps1 }

AfterAll { if (Get-KumoiConnection) { Disconnect-KumoiHost * -Confirm:$false } }

Describe 'The XML of a new VM' {
  BeforeEach { Reset-Fleet 'sim://lab?hosts=3&vms=0&seed=7'; $script:xml = "<domain><name>x</name><memory unit='MiB'>64</memory></domain>" }

  It 'may be <what>' -TestCases @(
    @{ what = 'text'; make = { $script:xml } }
    @{ what = 'a document'; make = { [xml] $script:xml } }
    @{ what = 'an element of a document'; make = { ([xml] "<all>$script:xml</all>").all.domain } }
    @{ what = 'a document of LINQ'; make = { [System.Xml.Linq.XDocument]::Parse($script:xml) } }
    @{ what = 'the lines of a file'; make = { $script:xml -split '(?<=</name>)' } }
    @{ what = 'with a mark of the byte order'; make = { "$([char]0xfeff)<?xml version='1.0' encoding='utf-16'?>$script:xml" } }
    @{ what = 'after an empty line'; make = { "`n  <?xml version='1.0'?>$script:xml" } }
  ) {
    (New-KumoiVM -VMHost kvm01 -Xml (& $make)).Name | Should -Be x
    (Get-KumoiVM x).MemoryBytes | Should -Be 64MB
  }

  It 'is no path, and the error says how to read one: <path>' -TestCases @(@{ path = './file.xml' }, @{ path = '/etc/libvirt/qemu/x.xml' }, @{ path = 'x' }) {
    { New-KumoiVM -VMHost kvm01 -Xml $path -ErrorAction Stop } | Should -Throw "*Get-Content -Raw*$path*"
    { New-KumoiVM -VMHost kvm01 -Xml ([System.IO.FileInfo] '/tmp/a.xml') -ErrorAction Stop } | Should -Throw '*Get-Content -Raw*/tmp/a.xml*'
  }

  It 'fails with -WhatIf as it would in earnest: <bad>' -TestCases @(
    @{ bad = '<domain><name>' }, @{ bad = '<network><name>x</name></network>' }, @{ bad = '<domain/>' }, @{ bad = '<!DOCTYPE a><domain><name>x</name></domain>' }
  ) {
    $ids = foreach ($whatIf in $true, $false) {
      New-KumoiVM -VMHost kvm01 -Xml $bad -WhatIf:$whatIf -ErrorAction SilentlyContinue -ErrorVariable problems
      $problems | Should -HaveCount 1
      $problems[0].FullyQualifiedErrorId
    }
    $ids | Should -Be 'InvalidSpecification,Kumoi.PowerShell.Cmdlets.NewKumoiVMCommand', 'InvalidSpecification,Kumoi.PowerShell.Cmdlets.NewKumoiVMCommand'
    Get-KumoiVM | Should -BeNullOrEmpty
  }
}

Describe 'Characters that a terminal obeys' {
  BeforeEach { Reset-Fleet 'sim://lab?hosts=3&vms=0&seed=7' }

  It 'are refused in a new name, also in a plan: <where>' -TestCases @(
    @{ where = 'VM'; make = { New-KumoiVM "a`e[31mb" -VMHost kvm01 @with } }
    @{ where = 'VM, planned'; make = { New-KumoiVM "a`e[31mb" -VMHost kvm01 -WhatIf @with } }
    @{ where = 'VM, tab'; make = { New-KumoiVM "a`tb" -VMHost kvm01 @with } }
    @{ where = 'VM, half a character'; make = { New-KumoiVM "a$([char]0xd83d)b" -VMHost kvm01 @with } }
    @{ where = 'VM in XML'; make = { New-KumoiVM -VMHost kvm01 -Xml '<domain><name>a&#x9;b</name><memory>65536</memory></domain>' @with } }
    @{ where = 'host'; make = { Connect-KumoiHost 'sim://other?hosts=1' -Name "a`e[31mb" @with } }
    @{ where = 'group'; make = { Start-KumoiScaling "a`e[31mb" kvm01 @with } }
    @{ where = 'rolling upgrade'; make = { Update-KumoiHost { } -VMHost kvm01 -Name "a`nb" -Confirm:$false @with } }
  ) {
    $with = @{ ErrorAction = 'SilentlyContinue'; ErrorVariable = 'problems' }
    . $make
    $problems[0].FullyQualifiedErrorId | Should -BeLike 'InvalidSpecification,*'
    "$($problems[0])$($problems[0].ErrorDetails)" | Should -Not -Match "[`e`t]"
    $problems[0].ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
  }

  It 'are shown, and not obeyed, in views, errors and warnings' -Skip:(-not $env:KUMOI_HAS_LIBVIRT) {
    # A host has such a name all the same: libvirt refuses only some.
    $name = "a$([char]0x9b)31mb$([char]0x202e)c"
    Connect-TestNode ka $name | Out-Null
    $shown = 'a\u{9b}31mb\u{202e}c'
    Get-KumoiVM -VMHost ka | Out-String | Should -Match ([regex]::Escape($shown))
    Get-KumoiVM -VMHost ka | Out-String | Should -Not -Match ([char]0x9b)
    Start-KumoiVM $name -ErrorAction SilentlyContinue -ErrorVariable problems
    $problems[0].Exception.Message | Should -BeLike "*$shown*"
    Stop-KumoiFleet -VMHost ka -WhatIf | Out-String | Should -Match ([regex]::Escape($shown))
    Get-KumoiVM 'nosuch' -ErrorAction SilentlyContinue
    $line = 'Stop-KumoiVM a'
    ([System.Management.Automation.CommandCompletion]::CompleteInput($line, $line.Length, $null)).CompletionMatches.ListItemText | Should -Contain $shown
    # The object itself is as it is.
    (Get-KumoiVM -VMHost ka).Name | Should -BeExactly $name
  }
}

Describe 'Passwords in URIs' {
  It 'are shown nowhere' {
    Reset-Fleet
    $errors = foreach ($uri in 'qemu+tcp://root:geheim@[::1/system', 'nosuch://root:geheim@host/', 'sim://lab?hosts=1&password=geheim', 'qemu+tcp://root:ge@heim@127.0.0.1:1/system?password=geheim') {
      Connect-KumoiHost $uri -RetryCount 0 -TimeoutSec 5 -ErrorAction SilentlyContinue -ErrorVariable problems
      $problems | ForEach-Object { $_.Exception.Message; "$($_.TargetObject)"; "$($_.ErrorDetails)"; $_.ErrorDetails.RecommendedAction }
      $problems | Should -Not -BeNullOrEmpty
    }
    $errors -join "`n" | Should -Not -Match 'geheim|heim'
    Disconnect-KumoiHost * -Confirm:$false
    (Get-KumoiEvent | ConvertTo-Json -Depth 5) -join '' | Should -Not -Match 'geheim'
  }
}

Describe 'Get-KumoiLineage behind other output' {
  It 'is shown as its tree' {
    Reset-Fleet
    $text = & { Get-KumoiVM kvm01-1; $null = Get-KumoiHost | Select-Object -First 1 | New-KumoiVM -Name { "q-$($_.Name)" }; Get-KumoiLineage } | Out-String
    $text | Should -Match 'kvm01-1'
    $text | Should -Match '(?m)^\| New-KumoiVM'
    $text | Should -Not -Match 'Substitutions\s*:'
  }
}

Describe 'Examples' {
  It 'use full names of commands' {
    $root = Split-Path (Split-Path $PSScriptRoot)
    $aliases = (Get-Alias).Name | Where-Object { $_ -match '^[a-z?%]+$' }
    $code = Get-ChildItem "$root/docs/cmdlets", "$root/docs/runbooks", "$root/docs/about", "$root/README.md" -File | ForEach-Object {
      $text = Get-Content -Raw -LiteralPath $_
      $blocks = switch ($_.Extension) {
        '.ps1' { $text }
        '.md' { [regex]::Matches($text, '(?s)```powershell\r?\n(.*?)```') | ForEach-Object { $_.Groups[1].Value } }
        default { ($text -split "`n" | Where-Object { $_ -match '^ {8}' -and $_ -match '-Kumoi' }) -join "`n" }
      }
      foreach ($block in $blocks) {
        [System.Management.Automation.Language.Parser]::ParseInput($block, [ref] $null, [ref] $null).FindAll({ $args[0] -is [System.Management.Automation.Language.CommandAst] }, $true) |
          ForEach-Object GetCommandName | Where-Object { $_ -in $aliases } | ForEach-Object { "$_ in $block" }
      }
    }
    $code | Should -BeNullOrEmpty
  }
}
