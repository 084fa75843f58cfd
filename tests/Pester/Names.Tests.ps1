# Names of VMs and hosts as people really have them.
BeforeAll {
  . $PSScriptRoot/Fleet.ps1
  function Get-State { param([string[]] $Name) foreach ($one in $Name) { (Get-KumoiVM | Where-Object { [string]::Equals($_.Name, $one, 'Ordinal') }).State } }
}

AfterAll { if (Get-KumoiConnection) { Disconnect-KumoiHost * -Confirm:$false } }

Describe 'A name that could be a pattern' -Skip:(-not $env:KUMOI_HAS_LIBVIRT) {
  BeforeEach {
    Clear-KumoiFault
    if (Get-KumoiConnection) { Disconnect-KumoiHost * -Confirm:$false }
    Connect-TestNode h1 'web1', 'web[1]', 'web2', 'half[open', 'star*', 'starfish', 'a`b', 'dot.*' | Out-Null
    Connect-TestNode h2 'other[1]', 'other1' | Out-Null
    $Error.Clear()
  }

  It 'is first what it says: <typed>' -TestCases @(
    @{ typed = 'web[1]'; found = 'web[1]' }
    @{ typed = 'half[open'; found = 'half[open' }
    @{ typed = 'star*'; found = 'star*' }
    @{ typed = 'a`b'; found = 'a`b' }
    @{ typed = 'web`[1`]'; found = 'web[1]' }
    @{ typed = 'half`[open'; found = 'half[open' }
    @{ typed = 'dot.*'; found = 'dot.*' }
    @{ typed = 'other[1]'; found = 'other[1]' }
  ) {
    (Get-KumoiVM $typed).Name | Should -Be $found
    (Suspend-KumoiVM $typed -PassThru).Name | Should -Be $found
    (Get-KumoiVM -State Paused).Name | Should -Be $found
    $Error | Should -BeNullOrEmpty
  }

  It 'is a pattern if no VM has it: <typed>' -TestCases @(
    @{ typed = 'web[12]'; found = 'web1', 'web2' }
    @{ typed = 'WEB?'; found = 'web1', 'web2' }
    @{ typed = 'web[!1]'; found = 'web1' }
    @{ typed = 'half`[*'; found = 'half[open' }
    @{ typed = '*[[]1]'; found = 'other[1]', 'web[1]' }
    @{ typed = 'w*b[1-2]'; found = 'web1', 'web2' }
  ) {
    (Get-KumoiVM $typed).Name | Sort-Object | Should -Be $found
    (Suspend-KumoiVM $typed -PassThru).Name | Sort-Object | Should -Be $found
    $Error | Should -BeNullOrEmpty
  }

  It 'comes out of the pipeline as a name, and is never a pattern' {
    [pscustomobject]@{ Name = 'web[1]'; VMHost = 'h1' } | Suspend-KumoiVM
    Get-State 'web[1]', 'web1' | Should -Be Paused, Running
    'web[2]', [pscustomobject]@{ Name = 'web?'; VMHost = 'h1' } | Suspend-KumoiVM -ErrorAction SilentlyContinue -ErrorVariable problems
    $problems.FullyQualifiedErrorId | Should -Be 'NotFound,Kumoi.PowerShell.Cmdlets.SuspendKumoiVMCommand', 'NotFound,Kumoi.PowerShell.Cmdlets.SuspendKumoiVMCommand'
    (Get-KumoiVM -State Paused).Name | Should -Be 'web[1]'
    [pscustomobject]@{ Name = 'web1'; VMHost = 'h[1]' } | Suspend-KumoiVM -ErrorAction SilentlyContinue -ErrorVariable problems
    $problems[0].FullyQualifiedErrorId | Should -BeLike 'NotFound,*'
    Get-State 'web1' | Should -Be Running
  }

  It 'is completed to text that finds that VM and no other' {
    Get-KumoiVM | Out-Null
    foreach ($name in (Get-KumoiVM).Name) {
      $line = "Get-KumoiVM '" + $name.Substring(0, 3).Replace("'", "''")
      $completions = ([System.Management.Automation.CommandCompletion]::CompleteInput($line, $line.Length, $null)).CompletionMatches
      $own = $completions | Where-Object ListItemText -EQ $name
      $own | Should -HaveCount 1 -Because $name
      (Invoke-Expression "Get-KumoiVM $($own.CompletionText)").Name | Should -Be $name
    }

    $line = 'Get-KumoiVM half[o'
    ([System.Management.Automation.CommandCompletion]::CompleteInput($line, $line.Length, $null)).CompletionMatches.CompletionText | Should -Be "'half[open'"
  }

  It 'is not looked for among others while a host that may have it cannot be read' {
    Connect-TestNode h3 'web[2]' | Out-Null
    Add-KumoiFault h3 Read -Force | Out-Null
    Suspend-KumoiVM 'web[2]' -ErrorAction SilentlyContinue -ErrorVariable problems
    $problems.FullyQualifiedErrorId | Should -Contain 'NotKnown,Kumoi.PowerShell.Cmdlets.SuspendKumoiVMCommand'
    Get-State 'web2' | Should -Be Running
  }

  It 'orders the shutdown of a fleet, and is left out of it, as it is' {
    (Stop-KumoiFleet -Order 'web[1]' -Exclude 'star*', 'half[open', 'other[1]' -WhatIf 3>$null).Name | Should -Be 'a`b', 'dot.*', 'starfish', 'web1', 'web2', 'other1', 'web[1]'
  }

  It 'is the name of a host too' {
    Connect-TestNode 'h[1]' 'x' | Out-Null
    (Get-KumoiVM -VMHost 'h[1]').Name | Should -Be 'x'
    (Get-KumoiConnection 'h[1]').Name | Should -Be 'h[1]'
    (Get-KumoiHost 'h`[1`]').Name | Should -Be 'h[1]'
    Add-KumoiFault 'h[1]' Read -Force | Out-Null
    (Get-KumoiVM -ErrorAction SilentlyContinue).VMHost | Sort-Object -Unique | Should -Be h1, h2
    Disconnect-KumoiHost 'h[1]'
    (Get-KumoiConnection).Name | Should -Be h1, h2
  }

  It 'finds records of the journal as it is' {
    Suspend-KumoiVM 'web[1]'
    Suspend-KumoiVM 'web1', 'web2'
    (Get-KumoiOperation -VM 'web[1]').VM | Sort-Object -Unique | Should -Be 'web[1]'
    (Get-KumoiOperation -VM 'web[12]').VM | Sort-Object -Unique | Should -Be 'web1', 'web2'
    (Get-KumoiOperation -VM 'web`[1`]').VM | Sort-Object -Unique | Should -Be 'web[1]'
  }

  It 'is what a fault hits' {
    Get-KumoiHost | Out-Null
    Add-KumoiFault h1 Stop -VM 'web[1]' -Force | Out-Null
    Suspend-KumoiVM web1
    { Suspend-KumoiVM 'web[1]' -ErrorAction Stop } | Should -Throw 'injected fault'
  }
}

Describe 'Names that differ by case only' -Skip:(-not $env:KUMOI_HAS_LIBVIRT) {
  BeforeEach {
    Clear-KumoiFault
    if (Get-KumoiConnection) { Disconnect-KumoiHost * -Confirm:$false }
    Connect-TestNode h1 'web', 'Web', 'WEB', 'Solo', "zero$([char]0x200b)width", 'Ab' | Out-Null
    Connect-TestNode h2 'aB' | Out-Null
    $Error.Clear()
  }

  It 'are told apart: the exact one is removed' {
    Remove-KumoiVM WEB -Force
    (Get-KumoiVM).Name | Where-Object { $_ -eq 'web' } | Sort-Object -CaseSensitive | Should -BeExactly 'web', 'Web'
    (Get-KumoiVM web).Name | Should -BeExactly 'web'
    $Error | Should -BeNullOrEmpty
  }

  It 'are ambiguous for a change where none is exact, also on several hosts: <typed>' -TestCases @(@{ typed = 'wEB' }, @{ typed = 'AB' }) {
    $before = (Get-KumoiVM).Count
    Remove-KumoiVM $typed -Force -ErrorAction SilentlyContinue -ErrorVariable problems
    $problems.FullyQualifiedErrorId | Should -Be 'AmbiguousName,Kumoi.PowerShell.Cmdlets.RemoveKumoiVMCommand'
    $problems[0].ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
    (Get-KumoiVM).Count | Should -Be $before
    @(Get-KumoiVM $typed).Count | Should -BeGreaterThan 1
  }

  It 'do not keep a single VM from being found' {
    (Suspend-KumoiVM SOLO -PassThru).Name | Should -BeExactly 'Solo'
    'sOLO' | Resume-KumoiVM
    (Get-KumoiVM solo).State | Should -Be Running
    $Error | Should -BeNullOrEmpty
  }

  It 'are compared by their characters: one that has no width counts' {
    Remove-KumoiVM zerowidth -Force -ErrorAction SilentlyContinue -ErrorVariable problems
    $problems.FullyQualifiedErrorId | Should -BeLike 'NotFound,*'
    Get-KumoiVM zerowidth* | Should -BeNullOrEmpty
    (Get-KumoiVM "zero$([char]0x200b)width").Name.Length | Should -Be 10
    Get-KumoiVM "web$([char]0x200b)" -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
  }

  It 'are not ambiguous in an order of shutdown that names one exactly' {
    (Stop-KumoiFleet -Exclude Web, web -WhatIf).Name | Should -BeExactly 'Ab', 'Solo', 'WEB', "zero$([char]0x200b)width", 'aB'
    Stop-KumoiFleet -Exclude weB -WhatIf -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
    $problems.FullyQualifiedErrorId | Should -BeLike 'AmbiguousName,*'
  }

  It 'are not taken for each other while a host that may have the exact one cannot be read' {
    Connect-TestNode h3 'solo' | Out-Null
    Add-KumoiFault h3 Read -Force | Out-Null
    Remove-KumoiVM solo -Force -ErrorAction SilentlyContinue -ErrorVariable problems
    $problems.FullyQualifiedErrorId | Should -Contain 'NotKnown,Kumoi.PowerShell.Cmdlets.RemoveKumoiVMCommand'
    (Get-KumoiVM Solo -ErrorAction SilentlyContinue).Name | Should -BeExactly Solo
  }

  It 'are accounted as they are' {
    (Measure-KumoiUsage -Name web -IntervalSec 0 -Count 1).VM | Should -BeExactly 'web'
  }
}

Describe 'A name that looks like a number' -Skip:(-not $env:KUMOI_HAS_LIBVIRT) {
  BeforeEach {
    Clear-KumoiFault
    if (Get-KumoiConnection) { Disconnect-KumoiHost * -Confirm:$false }
    Connect-TestNode 101 '1001', '1002', '007', '7', '1e3', '1000', '0x10', '16', '1kb', '1024', '10.10', '10.1' | Out-Null
    $Error.Clear()
  }

  It 'is the text as it was typed' {
    (Suspend-KumoiVM 1001 -PassThru).Name | Should -BeExactly '1001'
    (Suspend-KumoiVM 007 -PassThru).Name | Should -BeExactly '007'
    (Suspend-KumoiVM 1e3 -PassThru).Name | Should -BeExactly '1e3'
    (Suspend-KumoiVM 0x10 -PassThru).Name | Should -BeExactly '0x10'
    (Suspend-KumoiVM -VM 1kb -PassThru).Name | Should -BeExactly '1kb'
    (Suspend-KumoiVM 10.10 -PassThru).Name | Should -BeExactly '10.10'
    (Get-KumoiVM 007).Name | Should -BeExactly '007'
    (Get-KumoiVM -VMHost 101 -Name 1002).Name | Should -BeExactly '1002'
    (Get-KumoiHost 101).Name | Should -BeExactly '101'
    (Get-KumoiConnection 101).Name | Should -BeExactly '101'
    $Error | Should -BeNullOrEmpty
  }

  It 'is so in a list too' {
    (Suspend-KumoiVM 1001,007 -PassThru).Name | Sort-Object | Should -BeExactly '007', '1001'
    (Suspend-KumoiVM -VM 0x10, 1e3 -VMHost 101 -PassThru).Name | Sort-Object | Should -BeExactly '0x10', '1e3'
    (Get-KumoiVM 007,1kb).Name | Sort-Object | Should -BeExactly '007', '1kb'
    $Error | Should -BeNullOrEmpty
  }

  It 'comes by the pipeline and in variables' {
    (1002, 1001 | Suspend-KumoiVM -PassThru).Name | Should -BeExactly '1002', '1001'
    ([pscustomobject]@{ Name = 1000; VMHost = 101 } | Suspend-KumoiVM -PassThru).Name | Should -BeExactly '1000'
    $Error | Should -BeNullOrEmpty
  }

  It 'is given to a new VM' {
    (New-KumoiVM 0042 -VMHost 101 -MemoryBytes 64MB).Name | Should -BeExactly '0042'
    (New-KumoiVM -Name 2e3 -VMHost 101 -MemoryBytes 64MB).Name | Should -BeExactly '2e3'
  }
}

Describe 'A VM that is not found' {
  BeforeEach { Reset-Fleet }

  It 'is not said to be nowhere while a host could not be read' {
    Add-KumoiFault kvm02 Read | Out-Null
    foreach ($command in { Get-KumoiVM kvm02-1 -ErrorAction SilentlyContinue -ErrorVariable script:problems }, { Stop-KumoiVM kvm02-1 -TurnOff -ErrorAction SilentlyContinue -ErrorVariable script:problems },
      { 'kvm02-1' | Start-KumoiVM -ErrorAction SilentlyContinue -ErrorVariable script:problems }, { Test-KumoiMigration kvm02-1 -ErrorAction SilentlyContinue -ErrorVariable script:problems },
      { Find-KumoiPlacement -VM kvm02-1 -VMHost kvm01 -ErrorAction SilentlyContinue -ErrorVariable script:problems }) {
      & $command | Out-Null
      $script:problems.FullyQualifiedErrorId | Should -Not -BeLike 'NotFound*' -Because "$command"
      $script:problems.CategoryInfo.TargetName | Should -Contain kvm02 -Because "$command"
    }

    # Nobody asked that host.
    Get-KumoiVM kvm02-1 -VMHost kvm01 -ErrorAction SilentlyContinue -ErrorVariable problems
    $problems.FullyQualifiedErrorId | Should -BeLike 'NotFound,*'
  }

  It 'is not known to be nowhere while a host could not be connected' {
    Add-KumoiFault kvm21 Connect | Out-Null
    Connect-KumoiHost 'sim://other?hosts=1' -Name kvm21 -RetryCount 0 -ErrorAction SilentlyContinue
    Get-KumoiVM web -ErrorAction SilentlyContinue -ErrorVariable problems
    $problems.FullyQualifiedErrorId | Should -Be 'NotKnown,Kumoi.PowerShell.Cmdlets.GetKumoiVMCommand'
    $problems[0].Exception.Message | Should -BeLike '*kvm21*'
    $problems[0].ErrorDetails.RecommendedAction | Should -BeLike '*Disconnect-KumoiHost kvm21*'
    Get-KumoiHost kvm21 -ErrorAction SilentlyContinue -ErrorVariable problems
    $problems.FullyQualifiedErrorId | Should -Be 'NotKnown,Kumoi.PowerShell.Cmdlets.GetKumoiHostCommand'
    Disconnect-KumoiHost kvm21
    Get-KumoiVM web -ErrorAction SilentlyContinue -ErrorVariable problems
    $problems.FullyQualifiedErrorId | Should -Be 'NotFound,Kumoi.PowerShell.Cmdlets.GetKumoiVMCommand'
    Clear-KumoiFault
    Connect-KumoiHost 'sim://other?hosts=1' -Name kvm21 | Out-Null
  }
}

Describe 'Names by the hundred' {
  It 'share readings of the hosts' {
    Reset-Fleet 'sim://lab?hosts=30&vms=20&seed=7&running=20'
    $names = (Get-KumoiVM).Name | Get-Random -Count 200 -SetSeed 7
    $reads = Add-KumoiFault * Read -Probability 0
    Add-KumoiFault * Read -Delay ([timespan]::FromTicks(1)) | Out-Null
    $before = (Get-KumoiFault | Measure-Object Hits -Sum).Sum
    ($names | Suspend-KumoiVM -PassThru).Count | Should -Be 200
    # Each host once or a few times, and each VM afterwards: not each host for each VM.
    (Get-KumoiFault | Measure-Object Hits -Sum).Sum - $before | Should -BeLessThan 1000
  }

  It 'find a VM that was made on the way' {
    Reset-Fleet
    'old', 'new' | ForEach-Object -Begin { New-KumoiVM old -VMHost kvm01 | Out-Null } -Process { if ($_ -eq 'new') { New-KumoiVM new -VMHost kvm02 | Out-Null }; $_ } |
      Start-KumoiVM -PassThru | ForEach-Object Name | Should -Be old, new
  }
}
