BeforeAll { . "$PSScriptRoot/Fleet.ps1" }

Describe 'Move-KumoiVM -WithStorage' {
  BeforeEach {
    Reset-Fleet 'sim://lab?hosts=4&vms=1&running=1&seed=7'
    Add-KumoiDisk kvm01-1 -SizeBytes 2GB -VolumeName web.qcow2
    Add-KumoiDisk kvm01-1 -SizeBytes 1GB -VolumeName data.img -Format raw
    Add-KumoiDisk kvm01-1 -Path /isos/tools.img -ReadOnly
    function Get-VolumeName { param($VMHost) @((Get-KumoiVolume -VMHost $VMHost).Name) }
  }

  It 'takes the disks that the VM writes to with it, and nothing of them is left' {
    $moved = Move-KumoiVM kvm01-1 kvm02 -WithStorage -PassThru -WarningVariable warned
    $moved.VMHost | Should -Be kvm02
    $warned | Should -BeNullOrEmpty
    $disks = Get-KumoiDisk kvm01-1
    $disks.Path | Should -Be /var/lib/libvirt/images/web.qcow2, /var/lib/libvirt/images/data.img, /isos/tools.img
    $disks.CapacityBytes | Select-Object -First 2 | Should -Be 2GB, 1GB
    $volumes = Get-KumoiVolume -VMHost kvm02
    $volumes.Name | Should -Be data.img, web.qcow2
    $volumes.Format | Should -Be raw, qcow2
    Get-KumoiVolume -VMHost kvm01 | Should -BeNullOrEmpty
    (Get-KumoiOperation | Where-Object Kind -eq MigrateWithStorage | Select-Object -Last 1).State | Should -Be Succeeded
    Get-KumoiOperation -Unfinished | Should -BeNullOrEmpty
    Move-KumoiVM kvm01-1 kvm01 -WithStorage
    Get-VolumeName kvm01 | Should -Be data.img, web.qcow2
    Get-KumoiVolume -VMHost kvm02 | Should -BeNullOrEmpty
  }

  It 'keeps them where they were if that is said, and takes them to another pool' {
    New-KumoiPool -VMHost kvm02 -Name fast -Path /srv/fast
    Move-KumoiVM kvm01-1 kvm02 -WithStorage -TargetPool fast -KeepSource
    (Get-KumoiDisk kvm01-1).Path | Should -Be /srv/fast/web.qcow2, /srv/fast/data.img, /isos/tools.img
    (Get-KumoiVolume -VMHost kvm02 -StoragePool fast).Name | Should -Be data.img, web.qcow2
    Get-VolumeName kvm01 | Should -Be data.img, web.qcow2
  }

  It 'leaves an image that is in no pool of its host, and says so' {
    Add-KumoiDisk kvm01-1 -Path /elsewhere/x.img -Format raw
    New-KumoiPool -VMHost kvm02 -Name elsewhere -Path /elsewhere
    Move-KumoiVM kvm01-1 kvm02 -WithStorage -WarningVariable warned -WarningAction SilentlyContinue
    "$warned" | Should -BeLike "*'/elsewhere/x.img' on kvm01 stays*no active storage pool*"
    Get-KumoiVolume -VMHost kvm01 | Should -BeNullOrEmpty
  }

  It 'refuses <why>, before anything is begun' -ForEach @(
    @{ why = 'what is there already'; with = @{}; like = "*'/var/lib/libvirt/images/web.qcow2' is on kvm02 already*"; id = 'StorageFailed'
      before = { New-KumoiVolume -VMHost kvm02 -Name web.qcow2 -SizeBytes 1GB } }
    @{ why = 'a pool that the destination does not have'; with = @{ TargetPool = 'none' }; like = "*kvm02 has no storage pool 'none'*"; id = 'StorageFailed'; before = {} }
    @{ why = 'a directory that no pool of it is at'; with = @{}; like = "*no storage pool at '/elsewhere'*"; id = 'StorageFailed'
      before = { Add-KumoiDisk kvm01-1 -Path /elsewhere/x.img -Format raw } }
    @{ why = 'a pool that is not active'; with = @{}; like = "*'default' of kvm02 is not active*"; id = 'StorageFailed'
      before = { Stop-KumoiPool default -VMHost kvm02 -Confirm:$false } }
    @{ why = 'a VM that is off'; with = @{}; like = '*only a VM that runs*'; id = 'InvalidState'; before = { Stop-KumoiVM kvm01-1 -TurnOff } }
    @{ why = 'its own host'; with = @{ Destination = 'kvm01' }; like = '*already on kvm01*'; id = 'InvalidState'; before = {} }
  ) {
    & $before
    $volumes = Get-KumoiVolume | ForEach-Object { "$($_.VMHost) $($_.Name)" }
    $to = @{ Destination = 'kvm02'; WithStorage = $true }
    foreach ($key in $with.Keys) { $to[$key] = $with[$key] }
    $failed = { Move-KumoiVM kvm01-1 @to -ErrorAction Stop } | Should -Throw $like -PassThru
    $failed.FullyQualifiedErrorId | Should -BeLike "$id,*"
    $failed.ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
    (Get-KumoiVM kvm01-1).VMHost | Should -Be kvm01
    Get-KumoiVolume | ForEach-Object { "$($_.VMHost) $($_.Name)" } | Should -Be $volumes
    Get-KumoiOperation -Unfinished | Should -BeNullOrEmpty
  }

  It 'refuses <line>' -ForEach @(
    @{ line = 'Move-KumoiVM kvm01-1 kvm02 -WithStorage -Speculative'; id = 'WithStorageIsNotSpeculative' }
    @{ line = 'Move-KumoiVM kvm01-1 kvm02 -TargetPool default'; id = 'NothingIsCopied' }
    @{ line = 'Move-KumoiVM kvm01-1 kvm02 -KeepSource'; id = 'NothingIsCopied' }
  ) {
    $failed = { Invoke-Expression $line } | Should -Throw -PassThru
    $failed.FullyQualifiedErrorId | Should -BeLike "$id,*"
    $failed.ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
  }

  It 'leaves nothing on a host where <call> fails, and the next of the pipeline gets the VM with its disks' -ForEach @(
    @{ call = 'the making of the second volume'; fault = { Add-KumoiFault kvm02 CreateVolume -After 1 -FaultDomain Host } }
    @{ call = 'the migration'; fault = { Add-KumoiFault kvm01 Migrate -Count 1 -FaultDomain Host } }
  ) {
    & $fault
    $moved = Get-KumoiHost kvm02, kvm03 | Select-Object -First 1 | Move-KumoiVM -VM kvm01-1 -WithStorage -PassThru -WarningAction SilentlyContinue
    $moved.VMHost | Should -Be kvm03
    Get-KumoiVolume -VMHost kvm01, kvm02 | Should -BeNullOrEmpty
    Get-VolumeName kvm03 | Should -Be data.img, web.qcow2
  }

  It 'shows with -WhatIf that the disks go, and completes the pools' {
    Move-KumoiVM kvm01-1 kvm02 -WithStorage -WhatIf
    Get-VolumeName kvm01 | Should -Be data.img, web.qcow2
    (TabExpansion2 'Move-KumoiVM kvm01-1 kvm02 -WithStorage -TargetPool ').CompletionMatches.CompletionText | Should -Be default
  }

  It 'is checked before by Test-KumoiMigration' {
    (Test-KumoiMigration kvm01-1 kvm02 -WithStorage).CanMigrate | Should -BeTrue
    New-KumoiVolume -VMHost kvm02 -Name data.img -SizeBytes 1GB
    $check = Test-KumoiMigration kvm01-1 kvm02, kvm03 -WithStorage
    $check.CanMigrate | Should -Be $false, $true
    $check[0].Obstacles.Kind | Should -Be Storage
    Test-KumoiMigration kvm01-1 kvm02 -WithStorage -TargetPool none -Quiet | Should -BeFalse
  }
}
