BeforeAll { . "$PSScriptRoot/Fleet.ps1" }

Describe 'Storage pools and volumes' {
  BeforeEach { Reset-Fleet 'sim://lab?hosts=3&vms=2&seed=7' }

  It 'are read of all hosts, of some, and by name' {
    (Get-KumoiPool).VMHost | Should -Be kvm01, kvm02, kvm03
    $pool = Get-KumoiPool default -VMHost kvm02
    $pool.Name, $pool.Type, $pool.IsActive, $pool.CapacityBytes | Should -Be default, dir, $true, 1TB
    (Get-KumoiHost kvm03 | Get-KumoiPool d*).VMHost | Should -Be kvm03
    { Get-KumoiPool fast -VMHost kvm01 -ErrorAction Stop } | Should -Throw "*no storage pool 'fast'*"
    $pool | Out-String -Width 200 | Should -Match '(?m)^default +kvm02 +yes +dir +1024\.0 +1024\.0 +/var/lib/libvirt/images'
  }

  It 'volumes are made, grow, and are deleted' {
    $made = New-KumoiVolume data -VMHost kvm01, kvm02 -SizeBytes 10GB
    $made.VMHost | Should -Be kvm01, kvm02
    $made[0].Path, $made[0].Format, $made[0].StoragePool | Should -Be /var/lib/libvirt/images/data, qcow2, default
    (Get-KumoiPool -VMHost kvm01).FreeBytes | Should -Be (1TB - 10GB)
    (Resize-KumoiVolume data -VMHost kvm01 -SizeBytes 20GB -PassThru).CapacityBytes | Should -Be 20GB
    { Resize-KumoiVolume data -VMHost kvm01 -SizeBytes 5GB -ErrorAction Stop } | Should -Throw '*would be lost*'
    (Get-KumoiVolume data).CapacityBytes | Should -Be 20GB, 10GB
    (Get-KumoiHost | Get-KumoiVolume -Name data -ErrorAction Stop).VMHost | Should -Be kvm01, kvm02
    Get-KumoiVolume nope -ErrorVariable failed -ErrorAction SilentlyContinue
    $failed | Should -HaveCount 1
    $failed[0].FullyQualifiedErrorId | Should -BeLike 'NotFound,*'
    (Get-KumoiPool -VMHost kvm02 | Get-KumoiVolume).VMHost | Should -Be kvm02
    Get-KumoiVolume data | Remove-KumoiVolume -Confirm:$false
    $made | Remove-KumoiVolume -Confirm:$false # they are gone, as was wanted
    Get-KumoiVolume | Should -BeNullOrEmpty
  }

  It 'a volume becomes a VM''s disk, and stays as long as it is one' {
    $volume = New-KumoiVolume data -VMHost kvm01 -SizeBytes 1GB
    Add-KumoiDisk kvm01-1 -Path $volume.Path
    foreach ($call in { $volume | Remove-KumoiVolume -Confirm:$false -ErrorAction Stop }, { $volume | Resize-KumoiVolume -SizeBytes 2GB -ErrorAction Stop }) {
      $failed = $call | Should -Throw "*'kvm01-1' uses it*" -PassThru
      $failed.FullyQualifiedErrorId | Should -BeLike 'InvalidState,*'
    }
    Remove-KumoiDisk kvm01-1 vda -Confirm:$false
    $volume | Remove-KumoiVolume -Confirm:$false
    Get-KumoiVolume | Should -BeNullOrEmpty
  }

  It 'a new disk is a volume, which goes with it if that is said' {
    Add-KumoiDisk kvm01-1 -SizeBytes 1GB
    (Get-KumoiVolume).Name | Should -Be kvm01-1-1
    Remove-KumoiDisk kvm01-1 vda -DeleteVolume -Confirm:$false
    Get-KumoiVolume | Should -BeNullOrEmpty
  }

  It 'refuse <why>, with an id and advice, and nothing is made' -ForEach @(
    @{ why = 'a volume that is there'; call = { New-KumoiVolume data -VMHost kvm01 -SizeBytes 1GB }; id = 'StorageFailed' }
    @{ why = 'a pool that is not there'; call = { New-KumoiVolume x -VMHost kvm01 -SizeBytes 1GB -StoragePool none }; id = 'StorageFailed' }
    @{ why = 'more than there is'; call = { New-KumoiVolume x -VMHost kvm01 -SizeBytes 2TB }; id = 'StorageFailed' }
    @{ why = 'a name that leads elsewhere'; call = { New-KumoiVolume '../x' -VMHost kvm01 -SizeBytes 1GB }; id = 'InvalidSpecification' }
    @{ why = 'a control character'; call = { New-KumoiVolume "a`e[2J" -VMHost kvm01 -SizeBytes 1GB }; id = 'InvalidSpecification' }
    @{ why = 'a size of nothing'; call = { New-KumoiVolume x -VMHost kvm01 -SizeBytes 0 }; id = 'ParameterArgumentValidationError' }
    @{ why = 'a volume that is not there'; call = { Remove-KumoiVolume x -VMHost kvm01 -Confirm:$false }; id = 'NotFound' }
    @{ why = 'a volume of another host'; call = { Resize-KumoiVolume data -VMHost kvm02 -SizeBytes 2GB }; id = 'NotFound' }
  ) {
    New-KumoiVolume data -VMHost kvm01 -SizeBytes 1GB | Out-Null
    $ErrorActionPreference = 'Stop'
    $failed = { & $call } | Should -Throw -PassThru
    $failed.FullyQualifiedErrorId | Should -BeLike "$id,*"
    if ($id -notlike 'Parameter*') { $failed.ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty }
    (Get-KumoiVolume).Name | Should -Be data
  }

  It 'a volume goes again if a later cmdlet fails on its host' {
    Get-KumoiHost | Select-Object -First 1 | Invoke-KumoiAction { New-KumoiVolume data -VMHost $_ -SizeBytes 1GB; throw 'no' } -Undo { Get-KumoiVolume data -VMHost $_ | Remove-KumoiVolume -Confirm:$false } -NoSubstitution -ErrorAction SilentlyContinue
    Get-KumoiVolume | Should -BeNullOrEmpty
  }

  It 'are completed' { (TabExpansion2 'Get-KumoiPool d').CompletionMatches.CompletionText | Should -Be default }
}
