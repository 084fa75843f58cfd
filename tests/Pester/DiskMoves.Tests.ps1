# Move-KumoiVMStorage and Copy-KumoiVolume on simulated hosts.
BeforeAll { . $PSScriptRoot/Fleet.ps1 }

Describe 'Copy-KumoiVolume' {
  BeforeEach {
    Reset-Fleet 'sim://lab?hosts=2&vms=0&seed=7'
    New-KumoiPool fast /srv/fast -VMHost kvm01 | Out-Null
    New-KumoiVolume data.qcow2 -VMHost kvm01 -SizeBytes 2GB | Out-Null
  }

  It 'copies a volume in its pool and to another' {
    $copy = Copy-KumoiVolume data.qcow2 copy -VMHost kvm01
    $copy.StoragePool, $copy.CapacityBytes, $copy.Format | Should -Be default, 2GB, qcow2
    $other = Get-KumoiVolume data.qcow2 -VMHost kvm01 | Copy-KumoiVolume -NewName copy -TargetPool fast -Format raw
    $other.Path, $other.Format | Should -Be /srv/fast/copy, raw
  }

  It 'refuses a name that is taken, a pool that is not there, and a disk of a VM that runs' {
    Copy-KumoiVolume data.qcow2 data.qcow2 -VMHost kvm01 -ErrorVariable problem -ErrorAction SilentlyContinue
    $problem[0].FullyQualifiedErrorId | Should -BeLike 'StorageFailed*'
    Copy-KumoiVolume data.qcow2 x -VMHost kvm01 -TargetPool none -ErrorVariable problem -ErrorAction SilentlyContinue
    $problem[0].FullyQualifiedErrorId | Should -BeLike 'StorageFailed*'
    New-KumoiVM web -VMHost kvm01 -DiskPath /var/lib/libvirt/images/data.qcow2 -DiskFormat qcow2 -Start | Out-Null
    Copy-KumoiVolume data.qcow2 x -VMHost kvm01 -ErrorVariable problem -ErrorAction SilentlyContinue
    $problem[0].FullyQualifiedErrorId | Should -BeLike 'InvalidState*'
    $problem[0].ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
    Get-KumoiVolume -VMHost kvm01 | Should -HaveCount 1
  }
}

Describe 'Move-KumoiVMStorage' {
  BeforeEach {
    Reset-Fleet 'sim://lab?hosts=2&vms=2&seed=7'
    New-KumoiPool fast /srv/fast -VMHost kvm01 | Out-Null
    Add-KumoiDisk kvm01-1 -SizeBytes 1GB
    Add-KumoiDisk kvm01-1 -SizeBytes 1GB
    function Get-Place { Get-KumoiVolume -VMHost kvm01 | ForEach-Object Path }
  }

  It 'moves the disks of a VM that runs and of one that is off' -ForEach $true, $false {
    if (-not $_) { Stop-KumoiVM kvm01-1 -TurnOff }
    (Move-KumoiVMStorage kvm01-1 fast -PassThru).Name | Should -Be kvm01-1
    (Get-KumoiDisk kvm01-1).Path | Should -Be /srv/fast/kvm01-1-1, /srv/fast/kvm01-1-2
    Get-Place | Should -Be /srv/fast/kvm01-1-1, /srv/fast/kvm01-1-2
    # They are there already.
    Move-KumoiVMStorage kvm01-1 fast
    (Get-KumoiOperation -VMHost kvm01 | Where-Object Kind -eq MoveStorage).State | Sort-Object -Unique | Should -Be Succeeded
    Get-KumoiOperation -Unfinished | Should -BeNullOrEmpty
  }

  It 'moves those that are named, and keeps what was' {
    Move-KumoiVMStorage kvm01-1 fast -Target vdb -KeepSource
    (Get-KumoiDisk kvm01-1).Path | Should -Be /var/lib/libvirt/images/kvm01-1-1, /srv/fast/kvm01-1-2
    Get-Place | Should -HaveCount 3
  }

  It 'leaves the VM on its disk and nothing at the new place when <_> fails' -ForEach 'SwitchDisk', 'CreateVolume' {
    Add-KumoiFault kvm01 $_ -Count 1
    Move-KumoiVMStorage kvm01-1 fast -ErrorVariable problem -ErrorAction SilentlyContinue
    $problem | Should -HaveCount 1
    (Get-KumoiDisk kvm01-1).Path | Should -Be /var/lib/libvirt/images/kvm01-1-1, /var/lib/libvirt/images/kvm01-1-2
    Get-Place | Should -Be /var/lib/libvirt/images/kvm01-1-1, /var/lib/libvirt/images/kvm01-1-2
    Get-KumoiOperation -Unfinished | Should -BeNullOrEmpty
  }

  It 'refuses a pool that is not there, a volume that is in the way, and a VM with snapshots' {
    Move-KumoiVMStorage kvm01-1 none -ErrorVariable problem -ErrorAction SilentlyContinue
    $problem[0].ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
    Move-KumoiVMStorage kvm01-1 fast -Target vdx -ErrorVariable problem -ErrorAction SilentlyContinue
    $problem[0].FullyQualifiedErrorId | Should -BeLike 'DiskNotFound*'
    New-KumoiVolume kvm01-1-2 -StoragePool fast -VMHost kvm01 -SizeBytes 1GB | Out-Null
    Move-KumoiVMStorage kvm01-1 fast -ErrorVariable problem -ErrorAction SilentlyContinue
    $problem[0].FullyQualifiedErrorId | Should -BeLike 'StorageFailed*'
    Checkpoint-KumoiVM kvm01-1 before
    Move-KumoiVMStorage kvm01-1 fast -ErrorVariable problem -ErrorAction SilentlyContinue
    $problem[0].FullyQualifiedErrorId | Should -BeLike 'InvalidState*'
    (Get-KumoiDisk kvm01-1).Path | Should -Be /var/lib/libvirt/images/kvm01-1-1, /var/lib/libvirt/images/kvm01-1-2
  }
}
