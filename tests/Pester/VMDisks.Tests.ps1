BeforeAll { . "$PSScriptRoot/Fleet.ps1" }

Describe 'Disks of VMs' {
  BeforeEach { Reset-Fleet 'sim://lab?hosts=3&vms=2&seed=7' }

  It 'are added while the VM runs and while it is off, and show in the view' {
    Add-KumoiDisk kvm01-1 -SizeBytes 20GB | Should -BeNullOrEmpty
    (Add-KumoiDisk kvm01-1 -Path /isos/tools.img -ReadOnly -Bus Scsi -PassThru).Name | Should -Be kvm01-1
    Get-KumoiVM kvm0*-2 | Add-KumoiDisk -SizeBytes 1GB -StoragePool fast -Format raw
    $disks = Get-KumoiDisk kvm01-1
    $disks.Target | Should -Be vda, sda
    $disks[0].CapacityBytes | Should -Be 20GB
    $disks[0].Path | Should -Be /var/lib/libvirt/images/kvm01-1-1
    $disks[0].Format, $disks[0].Bus, $disks[0].Device, $disks[0].IsReadOnly | Should -Be qcow2, virtio, Disk, $false
    $disks[1].IsReadOnly, $disks[1].Bus | Should -Be $true, scsi
    (Get-KumoiVM | Get-KumoiDisk -Target vd*).VM | Should -Be kvm01-1, kvm01-2, kvm02-2, kvm03-2
    (Get-KumoiDisk kvm02-2).Path | Should -Be /var/lib/libvirt/fast/kvm02-2-1
    $disks | Out-String -Width 200 | Should -Match '(?m)^kvm01-1 +vda +Disk +virtio +20\.0 +20\.0 +qcow2 +/var/lib'
  }

  It 'grow and never shrink' {
    Add-KumoiDisk kvm01-1 -SizeBytes 20GB
    (Resize-KumoiDisk kvm01-1 vda -SizeBytes 30GB -PassThru).CapacityBytes | Should -Be 30GB
    (Get-KumoiDisk kvm01-1 | Resize-KumoiDisk -SizeBytes 30GB -PassThru).CapacityBytes | Should -Be 30GB
    $failed = { Resize-KumoiDisk kvm01-1 vda -SizeBytes 10GB -ErrorAction Stop } | Should -Throw '*what is at its end would be lost*' -PassThru
    $failed.FullyQualifiedErrorId | Should -BeLike 'InvalidSpecification,*'
    (Get-KumoiDisk kvm01-1).CapacityBytes | Should -Be 30GB
  }

  It 'are removed, with their images only if that is said, and not those of others' {
    Add-KumoiDisk kvm01-1 -SizeBytes 1GB
    Add-KumoiDisk kvm01-1 -SizeBytes 2GB
    Remove-KumoiDisk kvm01-1 vda -Confirm:$false | Should -BeNullOrEmpty
    $left = Get-KumoiDisk kvm01-1
    $left.Target | Should -Be vdb
    Add-KumoiDisk kvm01-2 -Path $left.Path -ReadOnly
    $left | Remove-KumoiDisk -DeleteVolume -Confirm:$false -WarningVariable warned -WarningAction SilentlyContinue
    "$warned" | Should -BeLike "*stays*kvm01-2*"
    $left | Remove-KumoiDisk -Confirm:$false # it is gone, as was wanted
    Get-KumoiDisk kvm01-1 | Should -BeNullOrEmpty
  }

  It 'that are others by now are not removed' {
    Add-KumoiDisk kvm01-1 -SizeBytes 1GB
    $old = Get-KumoiDisk kvm01-1
    $old | Remove-KumoiDisk -Confirm:$false
    Add-KumoiDisk kvm01-1 -SizeBytes 1GB -VolumeName precious
    $failed = { $old | Remove-KumoiDisk -DeleteVolume -Confirm:$false -ErrorAction Stop } | Should -Throw '*is another one by now*' -PassThru
    $failed.FullyQualifiedErrorId | Should -BeLike 'InvalidState,*'
    (Get-KumoiDisk kvm01-1).Path | Should -Be /var/lib/libvirt/images/precious
  }

  It 'are completed by the names that the VM has' {
    Add-KumoiDisk kvm01-1 -SizeBytes 1GB
    Add-KumoiDisk kvm01-1 -SizeBytes 1GB -Bus Sata
    (TabExpansion2 'Remove-KumoiDisk kvm01-1 ').CompletionMatches.CompletionText | Should -Be vda, sda
  }

  It 'refuse <why>, with an id and advice, and nothing is added' -ForEach @(
    @{ why = 'an image that another VM uses'; call = { Add-KumoiDisk kvm01-2 -Path /var/lib/libvirt/images/kvm01-1-1 }; id = 'InvalidState' }
    @{ why = 'a path that is none'; call = { Add-KumoiDisk kvm01-2 -Path 'images/a' }; id = 'InvalidSpecification' }
    @{ why = 'a path with a control character'; call = { Add-KumoiDisk kvm01-2 -Path "/a`e[2J" }; id = 'InvalidSpecification' }
    @{ why = 'a volume that leads elsewhere'; call = { Add-KumoiDisk kvm01-2 -SizeBytes 1GB -VolumeName '../x' }; id = 'InvalidSpecification' }
    @{ why = 'a volume that is there'; call = { Add-KumoiDisk kvm01-2 -SizeBytes 1GB -VolumeName kvm01-1-1 }; id = 'StorageFailed' }
    @{ why = 'a size of nothing'; call = { Add-KumoiDisk kvm01-2 -SizeBytes 0 }; id = 'ParameterArgumentValidationError' }
    @{ why = 'a VM that is not there'; call = { Add-KumoiDisk nobody -SizeBytes 1GB }; id = 'NotFound' }
    @{ why = 'a disk that is not there'; call = { Remove-KumoiDisk kvm01-2 vdz -Confirm:$false }; id = 'NotFound' }
    @{ why = 'a VM without a CD drive'; call = { Set-KumoiCdDrive kvm01-2 /isos/a.iso }; id = 'DiskNotFound' }
  ) {
    Add-KumoiDisk kvm01-1 -SizeBytes 1GB
    $ErrorActionPreference = 'Stop'
    $failed = { & $call } | Should -Throw -PassThru
    $failed.FullyQualifiedErrorId | Should -BeLike "$id,*"
    if ($id -notlike 'Parameter*') { $failed.ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty }
    Get-KumoiDisk kvm01-2 | Should -BeNullOrEmpty
  }

  It 'go back with a snapshot' {
    Add-KumoiDisk kvm01-2 -SizeBytes 1GB
    Checkpoint-KumoiVM kvm01-2 one
    Add-KumoiDisk kvm01-2 -SizeBytes 1GB
    Restore-KumoiSnapshot kvm01-2 one -Confirm:$false
    (Get-KumoiDisk kvm01-2).Target | Should -Be vda
  }
}

Describe 'Set-KumoiCdDrive' {
  BeforeEach {
    Reset-Fleet 'sim://lab?hosts=2&vms=1&seed=7'
    $drives = '<domain type="simulated"><name>{0}</name><memory unit="MiB">64</memory><vcpu>1</vcpu><devices>{1}</devices></domain>'
    $drive = '<disk type="file" device="cdrom"><target dev="{0}" bus="sata"/></disk>'
    New-KumoiVM -VMHost kvm01 -Xml ($drives -f 'one', ($drive -f 'sda')) | Out-Null
    New-KumoiVM -VMHost kvm01 -Xml ($drives -f 'two', (($drive -f 'sda') + ($drive -f 'sdb'))) | Out-Null
  }

  It 'puts a disc in and takes it out' {
    Set-KumoiCdDrive one /isos/debian.iso | Should -BeNullOrEmpty
    (Get-KumoiDisk one).Path | Should -Be /isos/debian.iso
    (Set-KumoiCdDrive one -Eject -PassThru).Name | Should -Be one
    (Get-KumoiDisk one).Source | Should -BeNullOrEmpty
    (Get-KumoiDisk one).Device | Should -Be CdDrive
  }

  It 'asks which, where there are several' {
    { Set-KumoiCdDrive two /isos/debian.iso -ErrorAction Stop } | Should -Throw '*several CD drives: sda, sdb*'
    Set-KumoiCdDrive two /isos/debian.iso -Target sdb
    (Get-KumoiDisk two).Path | Should -Be $null, /isos/debian.iso
  }
}

Describe 'Set-KumoiDisk' {
  BeforeEach {
    Reset-Fleet 'sim://lab?hosts=3&vms=2&seed=7'
    Add-KumoiDisk kvm01-1 -SizeBytes 1GB
    Add-KumoiDisk kvm01-2 -SizeBytes 1GB
  }

  It 'limits a disk of a VM that runs, and takes the limits away' {
    Set-KumoiDisk kvm01-1 vda -ReadBytesPerSecond 10MB -OperationsPerSecond 500 | Should -BeNullOrEmpty
    $limits = (Get-KumoiDisk kvm01-1).Limits
    $limits.ReadBytesPerSecond, $limits.WriteBytesPerSecond, $limits.OperationsPerSecond | Should -Be 10MB, 0, 500
    $limits = (Set-KumoiDisk kvm01-1 vda -WriteBytesPerSecond 5MB -PassThru).Limits
    $limits.ReadBytesPerSecond, $limits.WriteBytesPerSecond, $limits.OperationsPerSecond | Should -Be 10MB, 5MB, 500
    $limits = (Get-KumoiDisk kvm01-1 | Set-KumoiDisk -BytesPerSecond 20MB -PassThru).Limits
    $limits.BytesPerSecond, $limits.ReadBytesPerSecond, $limits.WriteBytesPerSecond | Should -Be 20MB, 0, 0
    $limits = (Set-KumoiDisk kvm01-1 vda -BytesPerSecond 0 -OperationsPerSecond 0 -PassThru).Limits
    $limits | Should -Be ([Kumoi.Hypervisors.DiskLimits]::new(0, 0, 0, 0, 0, 0))
  }

  It 'sets the others of a VM that is off, and says so of one that runs' {
    $disk = Set-KumoiDisk kvm01-2 vda -Cache None -Io Native -Discard Unmap -ReadOnly -PassThru
    $disk.Cache, $disk.Io, $disk.Discard, $disk.IsReadOnly | Should -Be None, Native, Unmap, $true
    $disk = Set-KumoiDisk kvm01-2 vda -Cache Default -Io IoUring -ReadOnly:$false -PassThru
    $disk.Cache, $disk.Io, $disk.Discard, $disk.IsReadOnly | Should -Be Default, IoUring, Unmap, $false
    $failed = { Set-KumoiDisk kvm01-1 vda -Cache None -BytesPerSecond 1MB -ErrorAction Stop } | Should -Throw '*are changed of a VM that is off*' -PassThru
    $failed.FullyQualifiedErrorId | Should -BeLike 'InvalidState,*'
    $disk = Get-KumoiDisk kvm01-1
    $disk.Cache, $disk.Limits.BytesPerSecond | Should -Be Default, 0
  }

  It 'refuses <line>' -ForEach @(
    @{ line = 'Set-KumoiDisk kvm01-1 vda'; id = 'NothingToSet' }
    @{ line = 'Set-KumoiDisk kvm01-1 vda -BytesPerSecond 1MB -ReadBytesPerSecond 1MB'; id = 'LimitsContradict' }
  ) {
    (({ Invoke-Expression $line } | Should -Throw -PassThru).FullyQualifiedErrorId) | Should -BeLike "$id,*"
  }

  It 'takes no disk that is another one by now' {
    $old = Get-KumoiDisk kvm01-1
    $old | Remove-KumoiDisk -Confirm:$false
    Add-KumoiDisk kvm01-1 -SizeBytes 1GB -VolumeName precious
    { $old | Set-KumoiDisk -BytesPerSecond 1MB -ErrorAction Stop } | Should -Throw '*is another one by now*'
  }
}
