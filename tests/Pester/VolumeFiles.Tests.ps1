BeforeAll { . "$PSScriptRoot/Fleet.ps1" }

Describe 'Files of this computer and volumes' {
  BeforeEach {
    Reset-Fleet 'sim://lab?hosts=3&vms=2&seed=7'
    Set-Location $TestDrive
    $bytes = [byte[]]::new(3MB)
    [Random]::new(7).NextBytes($bytes)
    [System.IO.File]::WriteAllBytes("$TestDrive/noise.img", $bytes)
  }
  # Runspaces of later tests begin where this one is.
  AfterEach { Set-Location $PSScriptRoot; Get-ChildItem $TestDrive -Force | Remove-Item }

  It 'a file becomes a volume on each host, and each volume that file again' {
    $made = Get-KumoiHost kvm01, kvm02 | Import-KumoiVolume noise.img
    $made.VMHost | Should -Be kvm01, kvm02
    $made[0].Name, $made[0].CapacityBytes, $made[0].Format | Should -Be noise.img, 3MB, raw
    $made[0] | Export-KumoiVolume -LocalPath back.img | ForEach-Object FullName | Should -Be "$TestDrive/back.img"
    (Get-FileHash back.img).Hash | Should -Be (Get-FileHash noise.img).Hash
    (Get-ChildItem -Force).Name | Should -Be back.img, noise.img
  }

  It 'files come by the pipeline, with a name or with their own' {
    Copy-Item noise.img other.img
    (Get-ChildItem *.img | Import-KumoiVolume -VMHost kvm01).Name | Should -Be noise.img, other.img
    (Import-KumoiVolume noise.img base -VMHost kvm03).Name | Should -Be base
    $null = New-Item -ItemType Directory out
    (Get-KumoiVolume -VMHost kvm01 | Export-KumoiVolume -LocalPath out).Name | Should -Be noise.img, other.img
    Remove-Item out -Recurse
  }

  It 'a file that is there is replaced only if that was said' {
    $volume = Import-KumoiVolume noise.img -VMHost kvm01
    Set-Content there.img x
    $failed = { Export-KumoiVolume noise.img there.img -VMHost kvm01 -ErrorAction Stop } | Should -Throw -PassThru
    $failed.FullyQualifiedErrorId | Should -BeLike 'InvalidSpecification,*'
    Get-Content there.img | Should -Be x
    $volume | Export-KumoiVolume -LocalPath there.img -Force | Out-Null
    (Get-Item there.img).Length | Should -Be 3MB
  }

  It 'an image that is built on another is told of; one that has its data elsewhere is refused' {
    $header = [byte[]]::new(512)
    0x51, 0x46, 0x49, 0xfb, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 9, 0, 0, 0, 16, 0, 0, 0, 1 | ForEach-Object { $i = 0 } { $header[$i++] = $_ }
    [System.Text.Encoding]::ASCII.GetBytes('/base.img').CopyTo($header, 256)
    [System.IO.File]::WriteAllBytes("$TestDrive/top.qcow2", $header)
    $top = Import-KumoiVolume top.qcow2 -VMHost kvm01 -WarningVariable told 3>$null
    $top.Format, $top.CapacityBytes | Should -Be qcow2, 4GB
    $told | Should -BeLike "*is built on '/base.img'*"
    $header[79] = 4
    [System.IO.File]::WriteAllBytes("$TestDrive/elsewhere.qcow2", $header)
    { Import-KumoiVolume elsewhere.qcow2 -VMHost kvm01 -ErrorAction Stop } | Should -Throw '*keeps its data in another file*'
  }

  It 'a disk of a VM that runs is not copied' {
    Import-KumoiVolume noise.img -VMHost kvm01 | ForEach-Object { Add-KumoiDisk kvm01-1 -Path $_.Path }
    $failed = { Export-KumoiVolume noise.img back.img -VMHost kvm01 -ErrorAction Stop } | Should -Throw "*'kvm01-1'*torn*" -PassThru
    $failed.FullyQualifiedErrorId | Should -BeLike 'InvalidState,*'
    Stop-KumoiVM kvm01-1 -TurnOff
    (Export-KumoiVolume noise.img back.img -VMHost kvm01).Length | Should -Be 3MB
  }

  It 'refuse <why>, with an id and advice, and nothing is made' -ForEach @(
    @{ why = 'a file that is not there'; call = { Import-KumoiVolume none.img -VMHost kvm01 }; id = 'InvalidSpecification' }
    @{ why = 'a directory'; call = { Import-KumoiVolume . x -VMHost kvm01 }; id = 'InvalidSpecification' }
    @{ why = 'an empty file'; call = { $null = New-Item empty.img; Import-KumoiVolume empty.img -VMHost kvm01 }; id = 'InvalidSpecification' }
    @{ why = 'a volume that is there'; call = { Import-KumoiVolume noise.img data -VMHost kvm01 }; id = 'StorageFailed' }
    @{ why = 'a pool that is not there'; call = { Import-KumoiVolume noise.img -VMHost kvm01 -StoragePool none }; id = 'StorageFailed' }
    @{ why = 'a name that leads elsewhere'; call = { Import-KumoiVolume noise.img ../x -VMHost kvm01 }; id = 'InvalidSpecification' }
    @{ why = 'a host that is not there'; call = { Import-KumoiVolume noise.img -VMHost kvm09 }; id = 'NotFound' }
    @{ why = 'a volume that is not there'; call = { Export-KumoiVolume none x -VMHost kvm01 }; id = 'NotFound' }
    @{ why = 'a directory that is not there'; call = { Export-KumoiVolume data none/x -VMHost kvm01 }; id = 'InvalidSpecification' }
  ) {
    New-KumoiVolume data -VMHost kvm01 -SizeBytes 1MB | Out-Null
    $ErrorActionPreference = 'Stop'
    $failed = { & $call } | Should -Throw -PassThru
    $failed.FullyQualifiedErrorId | Should -BeLike "$id,*"
    $failed.ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
    (Get-KumoiVolume).Name | Should -Be data
    (Get-ChildItem -Force).Name | Where-Object { $_ -notlike 'empty*' } | Should -Be noise.img
  }

  It 'a fault of the host is an error, masked where that is wanted, and leaves nothing' {
    Add-KumoiFault kvm01 UploadVolume | Out-Null
    $failed = { Import-KumoiVolume noise.img -VMHost kvm01 -ErrorAction Stop } | Should -Throw -PassThru
    $failed.FullyQualifiedErrorId | Should -BeLike '*ImportKumoiVolumeCommand'
    (Import-KumoiVolume noise.img -VMHost kvm01, kvm02 -FailureOblivious 3>$null).VMHost | Should -Be kvm02
    (Get-KumoiOperation | Where-Object Kind -EQ UploadVolume).State | Should -Contain Failed
  }

  It 'the journal has what was made' {
    Import-KumoiVolume noise.img -VMHost kvm01 | Out-Null
    $operation = Get-KumoiOperation -VMHost kvm01 | Sort-Object StartedAt | Select-Object -Last 1
    $operation.Kind, $operation.State | Should -Be UploadVolume, Succeeded
    $operation.Details | Should -BeLike '*noise.img*'
  }
}
