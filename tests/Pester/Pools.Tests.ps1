BeforeAll { . "$PSScriptRoot/Fleet.ps1" }

Describe 'Storage pools' {
  BeforeEach { Reset-Fleet 'sim://lab?hosts=3&vms=2&seed=7' }

  It 'are made, stopped, started and removed' {
    $made = Get-KumoiHost kvm01, kvm02 | New-KumoiPool fast /srv/fast
    $made.VMHost | Should -Be kvm01, kvm02
    $made[0].Type, $made[0].Path, $made[0].IsActive, $made[0].IsAutostart | Should -Be dir, /srv/fast, $true, $true
    (New-KumoiVolume data -VMHost kvm01 -StoragePool fast -SizeBytes 1GB).Path | Should -Be /srv/fast/data
    Get-KumoiVolume -VMHost kvm01 -StoragePool default | Should -BeNullOrEmpty
    Stop-KumoiPool fast -VMHost kvm01 | Should -BeNullOrEmpty
    (Get-KumoiPool fast -VMHost kvm01).IsActive | Should -BeFalse
    { New-KumoiVolume x -VMHost kvm01 -StoragePool fast -SizeBytes 1GB -ErrorAction Stop } | Should -Throw '*is not active*'
    { Update-KumoiPool fast -VMHost kvm01 -ErrorAction Stop } | Should -Throw '*is not active*'
    (Get-KumoiPool fast | Start-KumoiPool -PassThru).IsActive | Should -Be $true, $true
    (Update-KumoiPool f* -VMHost kvm01).AllocatedBytes | Should -Be 1GB
    (Set-KumoiPool fast -VMHost kvm01 -AutoStart:$false -PassThru).IsAutostart | Should -BeFalse
    $made | Remove-KumoiPool -Confirm:$false
    $made | Remove-KumoiPool -Confirm:$false # they are gone, as was wanted
    (Get-KumoiPool).Name | Should -Be default, default, default
  }

  It 'may be of a server, or of a volume group, and only defined' {
    $nfs = New-KumoiPool shared /srv/shared -VMHost kvm01 -SourceHost nas -SourcePath /export -NoStart -NoAutoStart
    $nfs.Type, $nfs.IsActive, $nfs.IsAutostart | Should -Be netfs, $false, $false
    (New-KumoiPool lvm -VMHost kvm01 -VolumeGroup vg0).Path | Should -Be /dev/vg0
  }

  It 'stay while VMs have images in them' {
    $pool = New-KumoiPool fast /srv/fast -VMHost kvm01
    Add-KumoiDisk kvm01-1 -SizeBytes 1GB -StoragePool fast
    $failed = { $pool | Stop-KumoiPool -ErrorAction Stop } | Should -Throw "*'kvm01-1' uses what is in it*" -PassThru
    $failed.FullyQualifiedErrorId | Should -BeLike 'InvalidState,*'
    Stop-KumoiVM kvm01-1 -TurnOff
    $pool | Stop-KumoiPool
    { $pool | Remove-KumoiPool -Confirm:$false -ErrorAction Stop } | Should -Throw "*'kvm01-1' uses what is in it*"
    $pool | Start-KumoiPool
    Remove-KumoiDisk kvm01-1 vda -DeleteVolume -Confirm:$false
    $pool | Remove-KumoiPool -Confirm:$false
    Get-KumoiPool fast* | Should -BeNullOrEmpty
  }

  It 'refuse <why>, with an id and advice, and nothing is made' -ForEach @(
    @{ why = 'a name that is taken'; call = { New-KumoiPool default /srv/x -VMHost kvm01 }; id = 'StorageFailed' }
    @{ why = 'a place that is taken'; call = { New-KumoiPool x /var/lib/libvirt/./images/ -VMHost kvm01 }; id = 'StorageFailed' }
    @{ why = 'a path that is not whole'; call = { New-KumoiPool x images -VMHost kvm01 }; id = 'InvalidSpecification' }
    @{ why = 'all of the host'; call = { New-KumoiPool x / -VMHost kvm01 }; id = 'InvalidSpecification' }
    @{ why = 'a name that leads elsewhere'; call = { New-KumoiPool ../x /srv/x -VMHost kvm01 }; id = 'InvalidSpecification' }
    @{ why = 'a control character'; call = { New-KumoiPool "a`e[2J" /srv/x -VMHost kvm01 }; id = 'InvalidSpecification' }
    @{ why = 'an option in place of a server'; call = { New-KumoiPool x /srv/x -VMHost kvm01 -SourceHost '-o x' -SourcePath /e }; id = 'InvalidSpecification' }
    @{ why = 'a volume group that leads elsewhere'; call = { New-KumoiPool x -VMHost kvm01 -VolumeGroup ../sda }; id = 'InvalidSpecification' }
    @{ why = 'a pool that is not there'; call = { Start-KumoiPool none -VMHost kvm01 }; id = 'NotFound' }
  ) {
    $ErrorActionPreference = 'Stop'
    $failed = { & $call } | Should -Throw -PassThru
    $failed.FullyQualifiedErrorId | Should -BeLike "$id,*"
    $failed.ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
    (Get-KumoiPool).Name | Should -Be default, default, default
  }

  It 'a host whose pool cannot be made is an error, and the others have theirs' {
    Add-KumoiFault kvm02 CreatePool | Out-Null
    $made = New-KumoiPool fast /srv/fast -VMHost kvm0* -ErrorVariable failed -ErrorAction SilentlyContinue
    $made.VMHost | Should -Be kvm01, kvm03
    $failed | Should -HaveCount 1
  }

  It 'are completed where they are stopped' { (TabExpansion2 'Stop-KumoiPool d').CompletionMatches.CompletionText | Should -Be default }
}
