BeforeAll { . "$PSScriptRoot/Fleet.ps1" }

Describe 'Snapshots' {
  BeforeEach { Reset-Fleet 'sim://lab?hosts=3&vms=2&seed=7' }

  It 'are made, gone back to, and removed, and the VM is what it was' {
    Checkpoint-KumoiVM kvm01-2 one -Description "first`nof all" | Should -BeNullOrEmpty
    Set-KumoiVM kvm01-2 -CpuCount 7
    (Restore-KumoiSnapshot kvm01-2 one -Confirm:$false -PassThru).CpuCount | Should -Not -Be 7
    $one = Get-KumoiSnapshot kvm01-2
    $one.Name, $one.VM, $one.VMHost, $one.Description | Should -Be one, kvm01-2, kvm01, "first`nof all"
    $one.State, $one.HasMemory, $one.Kind, $one.IsCurrent | Should -Be Shutoff, $false, Internal, $true
    Remove-KumoiSnapshot kvm01-2 one -Confirm:$false | Should -BeNullOrEmpty
    Get-KumoiSnapshot kvm01-2 | Should -BeNullOrEmpty
  }

  It 'with memory let the guest go on; without it the VM is off' {
    Checkpoint-KumoiVM kvm01-1 on -WithMemory
    Checkpoint-KumoiVM kvm01-1 disks
    (Restore-KumoiSnapshot kvm01-1 disks -Confirm:$false -PassThru).State | Should -Be Shutoff
    (Restore-KumoiSnapshot kvm01-1 on -Confirm:$false -PassThru).State | Should -Be Running
    Suspend-KumoiVM kvm01-1
    Checkpoint-KumoiVM kvm01-1 paused -WithMemory
    Resume-KumoiVM kvm01-1
    (Restore-KumoiSnapshot kvm01-1 paused -Confirm:$false -PassThru).State | Should -Be Paused
  }

  It 'are a tree, which the view shows' {
    Checkpoint-KumoiVM kvm01-1 a -WithMemory
    Checkpoint-KumoiVM kvm01-1 b -WithMemory
    Checkpoint-KumoiVM kvm01-1 c -WithMemory
    Restore-KumoiSnapshot kvm01-1 a -Confirm:$false
    Checkpoint-KumoiVM kvm01-1 d -WithMemory
    $tree = Get-KumoiSnapshot kvm01-1
    $tree.Name -join '' | Should -Be abcd
    $tree.Depth -join '' | Should -Be '0121'
    $tree[0].Children | Should -Be b, d
    $tree[1].Parent | Should -Be a
    ($tree | Where-Object IsCurrent).Name | Should -Be d
    $text = $tree | Out-String -Width 200
    $text | Should -Match '(?m)^a +2'
    $text | Should -Match '(?m)^  └ b'
    $text | Should -Match '(?m)^    └ c'
    $text | Should -Match '(?m)^  └ d +\*'

    Remove-KumoiSnapshot kvm01-1 b -Confirm:$false # c comes after a then
    (Get-KumoiSnapshot kvm01-1 c).Parent | Should -Be a
    Get-KumoiSnapshot kvm01-1 a | Remove-KumoiSnapshot -IncludeChildren -Confirm:$false
    Get-KumoiSnapshot kvm01-1 | Should -BeNullOrEmpty
  }

  It 'come by VM, by object, by name and by wildcard; a name that none has is one error' {
    Get-KumoiVM kvm0*-1 | Checkpoint-KumoiVM -SnapshotName night -WithMemory
    Checkpoint-KumoiVM kvm01-1 'we*ird'
    (Get-KumoiVM | Get-KumoiSnapshot -Name night).VM | Should -Be kvm01-1, kvm02-1, kvm03-1
    (Get-KumoiSnapshot kvm01-1 'we*ird').Name | Should -Be 'we*ird'
    (Get-KumoiSnapshot *-1 n*).Count | Should -Be 3
    Get-KumoiVM | Get-KumoiSnapshot -Name nope -ErrorVariable failed -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
    $failed | Should -HaveCount 1
    $failed[0].FullyQualifiedErrorId | Should -BeLike 'NotFound,*'
    Get-KumoiSnapshot *-1 night | Remove-KumoiSnapshot -Confirm:$false
    (Get-KumoiVM | Get-KumoiSnapshot).Name | Should -Be 'we*ird'
    Remove-KumoiSnapshot kvm02-1 night -Confirm:$false -ErrorVariable failed -ErrorAction SilentlyContinue
    $failed[0].Exception.Message | Should -BeLike "'kvm02-1' on kvm02 has no snapshot named 'night'*"
  }

  It 'are completed by the names that the VM has' {
    Checkpoint-KumoiVM kvm01-1 before
    Checkpoint-KumoiVM kvm01-1 'with space'
    (TabExpansion2 'Restore-KumoiSnapshot kvm01-1 ').CompletionMatches.CompletionText | Should -Be before, "'with space'"
    (TabExpansion2 'Get-KumoiSnapshot kvm01-1 -Name b').CompletionMatches.CompletionText | Should -Be before
  }

  It 'that are external get other names, and their children know' {
    Checkpoint-KumoiVM kvm01-1 old
    Checkpoint-KumoiVM kvm01-1 child
    (Rename-KumoiSnapshot kvm01-1 old new -PassThru).Name | Should -Be new
    (Get-KumoiSnapshot kvm01-1 child).Parent | Should -Be new
    (Get-KumoiSnapshot kvm01-1 new | Rename-KumoiSnapshot -NewName new -PassThru).Name | Should -Be new
  }

  It 'refuses <why>, with an id and advice, and nothing is made' -ForEach @(
    @{ why = 'an empty name'; call = { Checkpoint-KumoiVM kvm01-1 '' }; id = 'InvalidSpecification' }
    @{ why = 'a slash'; call = { Checkpoint-KumoiVM kvm01-1 'a/b' }; id = 'InvalidSpecification' }
    @{ why = 'a name that is the directory above'; call = { Checkpoint-KumoiVM kvm01-1 '..' }; id = 'InvalidSpecification' }
    @{ why = 'a control character'; call = { Checkpoint-KumoiVM kvm01-1 "a`e[2J" }; id = 'InvalidSpecification' }
    @{ why = 'a control character in the description'; call = { Checkpoint-KumoiVM kvm01-1 x -Description "`e[2J" }; id = 'InvalidSpecification' }
    @{ why = 'a name of 256 characters'; call = { Checkpoint-KumoiVM kvm01-1 ('x' * 256) }; id = 'InvalidSpecification' }
    @{ why = 'a space at the end'; call = { Checkpoint-KumoiVM kvm01-1 'x ' }; id = 'InvalidSpecification' }
    @{ why = 'memory of a VM that is off'; call = { Checkpoint-KumoiVM kvm01-2 x -WithMemory }; id = 'InvalidState' }
    @{ why = 'a guest without an agent'; call = { Checkpoint-KumoiVM kvm01-1 x -Quiesce }; id = 'NotSupported' }
    @{ why = 'quiescing with memory'; call = { Checkpoint-KumoiVM kvm01-1 x -Quiesce -WithMemory }; id = 'QuiesceWithMemory' }
    @{ why = 'a saved state'; call = { Save-KumoiVM kvm01-1; Checkpoint-KumoiVM kvm01-1 x }; id = 'InvalidState' }
    @{ why = 'a VM that is not there'; call = { Checkpoint-KumoiVM nobody x }; id = 'NotFound' }
  ) {
    $ErrorActionPreference = 'Stop'
    $failed = { & $call } | Should -Throw -PassThru
    $failed.FullyQualifiedErrorId | Should -BeLike "$id,*"
    $failed.ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
    Get-KumoiVM | Get-KumoiSnapshot | Should -BeNullOrEmpty
  }

  It 'refuses what is gone, is another one by now, or stands in the way' {
    $ErrorActionPreference = 'Stop'
    Checkpoint-KumoiVM kvm01-1 one -WithMemory
    { Checkpoint-KumoiVM kvm01-1 one } | Should -Throw "*already has a snapshot 'one'*"
    { Rename-KumoiSnapshot kvm01-1 one two } | Should -Throw '*cannot be renamed: it is kept within the disk images*'
    { Move-KumoiVM kvm01-1 kvm02 } | Should -Throw '*keeps 1 snapshots*'
    $one = Get-KumoiSnapshot kvm01-1 one
    $one | Remove-KumoiSnapshot -Confirm:$false
    { $one | Restore-KumoiSnapshot -Confirm:$false } | Should -Throw "*no snapshot 'one'*"
    $one | Remove-KumoiSnapshot -Confirm:$false # it is gone, as was wanted
    (Get-KumoiVM kvm01-1).VMHost | Should -Be kvm01
  }

  It 'that a host in maintenance would start by a restore are refused' {
    Checkpoint-KumoiVM kvm01-1 on -WithMemory
    Stop-KumoiVM kvm01-1 -TurnOff
    Suspend-KumoiHost kvm01
    { Restore-KumoiSnapshot kvm01-1 on -Confirm:$false -ErrorAction Stop } | Should -Throw '*maintenance*'
    (Get-KumoiVM kvm01-1).State | Should -Be Shutoff
  }

  It 'obey fault rules by call and by group, and are never silently not made' {
    Add-KumoiFault kvm01 CreateSnapshot | Out-Null
    { Checkpoint-KumoiVM kvm01-1 x -ErrorAction Stop } | Should -Throw
    Add-KumoiFault kvm02 Define | Out-Null
    { Checkpoint-KumoiVM kvm02-1 x -ErrorAction Stop } | Should -Throw
    (Checkpoint-KumoiVM kvm03-1 x -PassThru).Name | Should -Be kvm03-1
    (Get-KumoiVM | Get-KumoiSnapshot).VM | Should -Be kvm03-1
  }

  It 'go with the VM, which is told' {
    Checkpoint-KumoiVM kvm01-2 one
    Remove-KumoiVM kvm01-2 -Force -WarningVariable warned -WarningAction SilentlyContinue
    "$warned" | Should -BeLike '*1 snapshots*'
  }
}
