# What needs an admin, for a script that runs every night.
BeforeAll {
  . $PSScriptRoot/Fleet.ps1
  function Disk { param($Path, $Inner = '', $Type = 'file') "<devices><disk type='$Type' device='disk'><source file='$Path'/>$Inner<target dev='vda'/></disk></devices>" }
  $script:pool = { param($Name) "<pool type='netfs'><name>nfs</name><source><host name='nas'/><dir path='/export'/></source><target><path>/shared</path></target></pool>" }
  $script:id = '00000000-0000-4000-8000-000000000001'
}

AfterAll { if (Get-KumoiConnection) { Disconnect-KumoiHost * -Confirm:$false } }

Describe 'Find-KumoiConflict' -Skip:(-not $env:KUMOI_HAS_LIBVIRT) {
  BeforeEach {
    Clear-KumoiFault
    if (Get-KumoiConnection) { Disconnect-KumoiHost * -Confirm:$false }
  }

  It 'finds nothing where nothing is wrong' {
    Connect-TestNode ka @{ Name = 'a'; Xml = Disk /img/a }, @{ Name = 'b'; Xml = Disk /img/b } | Out-Null
    # A path on another host is another disk.
    Connect-TestNode kb @{ Name = 'c'; Xml = Disk /img/a } | Out-Null
    Find-KumoiConflict | Should -BeNullOrEmpty
  }

  It 'finds a VM that runs on two hosts' {
    Connect-TestNode ka @{ Name = 'web'; Id = $script:id } | Out-Null
    Connect-TestNode kb @{ Name = 'web'; Id = $script:id; State = 3 } | Out-Null
    Connect-TestNode kc @{ Name = 'web'; Id = $script:id; State = 5 } | Out-Null
    $found = Find-KumoiConflict
    $found.Kind | Should -Be RunsTwice
    $found.VMHosts | Should -Be ka, kb
    $found.VMId | Should -Be $script:id
    $found.Message | Should -BeLike "*runs on ka (Running) and on kb (Paused)*"
    $found.RecommendedAction | Should -Not -BeNullOrEmpty
    Stop-KumoiVM web -VMHost kb -TurnOff
    Find-KumoiConflict | Should -BeNullOrEmpty
  }

  It 'finds no second copy in a host that is connected twice' {
    $one = Connect-TestNode ka @{ Name = 'web'; Id = $script:id }
    Connect-KumoiHost $one.Uri -Name again | Out-Null
    Find-KumoiConflict | Should -BeNullOrEmpty
  }

  It 'finds a disk image that two running VMs of one host write to, also as <what>' -TestCases @(
    @{ what = 'a disk'; xml = '/img/x' }
    @{ what = 'a backing file'; inner = "<backingStore type='file'><format type='qcow2'/><source file='/img/y'/><backingStore type='file'><format type='raw'/><source file='/img/x'/><backingStore/></backingStore></backingStore>" }
  ) {
    $second = if ($inner) { Disk /img/overlay $inner } else { Disk $xml }
    Connect-TestNode ka @{ Name = 'a'; Xml = Disk /img/x }, @{ Name = 'b'; Xml = $second }, @{ Name = 'off'; State = 5; Xml = Disk /img/x } | Out-Null
    $found = Find-KumoiConflict -Kind SharedDisk
    $found.Kind | Should -Be SharedDisk
    $found.VMs | Should -Be a, b
    $found.Disk | Should -Be /img/x
  }

  It 'leaves alone what is meant to be shared' {
    Connect-TestNode ka @{ Name = 'a'; Xml = Disk /img/x '<shareable/>' }, @{ Name = 'b'; Xml = Disk /img/x '<shareable/>' }, @{ Name = 'c'; Xml = Disk /img/iso '<readonly/>' }, @{ Name = 'd'; Xml = Disk /img/iso '<readonly/>' } | Out-Null
    Connect-TestNode kb @{ Name = 'e'; Xml = Disk /img/1 "<backingStore type='file'><format type='raw'/><source file='/img/base'/></backingStore>" }, @{ Name = 'f'; Xml = Disk /img/2 "<backingStore type='file'><format type='raw'/><source file='/img/base'/></backingStore>" } | Out-Null
    Find-KumoiConflict | Should -BeNullOrEmpty
  }

  It 'finds a disk on shared storage that VMs of two hosts write to' {
    Connect-TestNode ka @{ Name = 'a'; Xml = Disk /shared/x } -Node (& $script:pool) | Out-Null
    Connect-TestNode kb @{ Name = 'b'; Xml = Disk /shared/x }, @{ Name = 'c'; Xml = Disk /sharedbutnot/x } -Node (& $script:pool) | Out-Null
    $found = Find-KumoiConflict
    $found.VMs | Should -Be a, b
    $found.VMHosts | Should -Be ka, kb
    $found.Disk | Should -Be /shared/x
  }

  It 'tells of a host that could not be read, and claims nothing of it' {
    Connect-TestNode ka @{ Name = 'web'; Id = $script:id } | Out-Null
    Connect-TestNode kb @{ Name = 'web'; Id = $script:id } | Out-Null
    Add-KumoiFault kb Read -Message 'no answer' -Force | Out-Null
    $found = Find-KumoiConflict -ErrorAction SilentlyContinue -ErrorVariable problems
    $found.Kind | Should -Be NotRead
    $found.VMHosts | Should -Be kb
    $found.Message | Should -BeLike '*no answer*'
    $problems.CategoryInfo.TargetName | Should -Be kb
    # Whatever was asked for.
    (Find-KumoiConflict -Kind SharedDisk -ErrorAction SilentlyContinue).Kind | Should -Be NotRead
  }

  It 'tells of a host that could not be connected' {
    Connect-TestNode ka 'a' | Out-Null
    Add-KumoiFault gone Connect | Out-Null
    Connect-KumoiHost 'sim://gone?hosts=1' -Name gone -RetryCount 0 -ErrorAction SilentlyContinue
    $found = Find-KumoiConflict
    $found.Kind | Should -Be NotRead
    $found.VMHosts | Should -Be gone
    Find-KumoiConflict ka | Should -BeNullOrEmpty
    Disconnect-KumoiHost gone
    Find-KumoiConflict | Should -BeNullOrEmpty
  }

  It 'finds the mark of an operation that the journal does not know' {
    $mark = '<metadata><kumoi:operation xmlns:kumoi="https://kumoi.dev/xmlns/1/speculation" operation="11111111-2222-4333-8444-555555555555" kind="migrate" home="ka"/></metadata>'
    Connect-TestNode ka @{ Name = 'a'; Xml = $mark } | Out-Null
    $found = Find-KumoiConflict
    $found.Kind | Should -Be LeftMark
    $found.OperationId | Should -Be 11111111-2222-4333-8444-555555555555
    $found.RecommendedAction | Should -BeLike '*Repair-KumoiOperation 11111111-2222-4333-8444-555555555555'
  }

  It 'looks only where it is told' {
    Connect-TestNode ka @{ Name = 'web'; Id = $script:id } | Out-Null
    Connect-TestNode kb @{ Name = 'web'; Id = $script:id } | Out-Null
    Find-KumoiConflict ka | Should -BeNullOrEmpty
    (Get-KumoiHost | Find-KumoiConflict).Kind | Should -Be RunsTwice
    Get-KumoiHost | Where-Object Name -EQ nobody | Find-KumoiConflict | Should -BeNullOrEmpty
  }

  It 'has a view and completion' {
    Connect-TestNode ka @{ Name = 'web'; Id = $script:id } | Out-Null
    Connect-TestNode kb @{ Name = 'web'; Id = $script:id } | Out-Null
    Find-KumoiConflict | Out-String | Should -Match 'RunsTwice\s+web\s+ka, kb'
    ([System.Management.Automation.CommandCompletion]::CompleteInput('Find-KumoiConflict k', 20, $null)).CompletionMatches.CompletionText | Should -Be ka, kb
  }
}
