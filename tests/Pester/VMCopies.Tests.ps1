# Copy-KumoiVM: full copies, on the same host.
BeforeAll { . $PSScriptRoot/Fleet.ps1 }

Describe 'Copy-KumoiVM' {
  BeforeEach {
    Reset-Fleet 'sim://lab?hosts=2&vms=0&seed=7'
    $script:master = New-KumoiVM master -VMHost kvm01 -NewDiskBytes 1GB -UserName ops
  }

  It 'makes a VM of its own, with disks, address and id of its own' {
    $copy = Copy-KumoiVM master web1
    $copy.VMHost | Should -Be kvm01
    $copy.Id | Should -Not -Be $script:master.Id
    (Get-KumoiDisk web1 | Where-Object Device -eq Disk).Path | Should -Be /var/lib/libvirt/images/web1-1
    (Get-KumoiNetworkAdapter web1).MacAddress | Should -Not -Be (Get-KumoiNetworkAdapter master).MacAddress
    # Its drive is empty: the disc was the master's.
    (Get-KumoiDisk web1 | Where-Object Device -eq CdDrive).Path | Should -BeNullOrEmpty
    Remove-KumoiVM web1 -Force
    Get-KumoiVolume -VMHost kvm01 | Should -HaveCount 1
  }

  It 'makes many, with numbers where they are wanted' {
    (Copy-KumoiVM master web -Count 2).Name | Should -Be web-1, web-2
    (Copy-KumoiVM master 'db{0:d2}x' -Count 2).Name | Should -Be db01x, db02x
    (Get-KumoiVM master | Copy-KumoiVM -NewName { "$($_.Name)-copy" } -Start).State | Should -Be Running
    (Get-KumoiVM).Name | Should -HaveCount 6
  }

  It 'refuses a VM that runs, a name that is taken and a pattern that is none' {
    Copy-KumoiVM master master -ErrorVariable problem -ErrorAction SilentlyContinue
    $problem[0].FullyQualifiedErrorId | Should -BeLike 'VMExists*'
    Copy-KumoiVM master 'web{' -ErrorVariable problem -ErrorAction SilentlyContinue
    $problem[0].FullyQualifiedErrorId | Should -BeLike 'InvalidPattern*'
    $problem[0].ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
    Start-KumoiVM master
    Copy-KumoiVM master web1 -ErrorVariable problem -ErrorAction SilentlyContinue
    $problem[0].FullyQualifiedErrorId | Should -BeLike 'InvalidState*'
    (Get-KumoiVM).Name | Should -Be master
  }

  It 'takes copies back that do not start, or whose pipeline fails later' {
    Add-KumoiFault kvm01 Start
    Copy-KumoiVM master web1 -Start -ErrorAction SilentlyContinue
    (Get-KumoiVM).Name | Should -Be master
    Clear-KumoiFault
    Copy-KumoiVM master web1 -WhatIf
    (Get-KumoiVM).Name | Should -Be master
  }
}
