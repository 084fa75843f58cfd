# Templates, and what is made of them.
BeforeAll { . $PSScriptRoot/Fleet.ps1 }

Describe 'Templates' {
  BeforeEach {
    Reset-Fleet 'sim://lab?hosts=2&vms=0&seed=7'
    New-KumoiVM master -VMHost kvm01 -NewDiskBytes 1GB -UserName ops -CpuCount 2 -Tag web | Out-Null
    $script:golden = New-KumoiTemplate master golden
  }

  It 'are copies of VMs, and no VMs' {
    $script:golden.Name | Should -Be golden
    $script:golden.VMHost | Should -Be kvm01
    $script:golden.CpuCount | Should -Be 2
    (Get-KumoiTemplate).Id | Should -Be $script:golden.Id
    (Get-KumoiVM).Name | Should -Be master
    # The VM goes its own way.
    Start-KumoiVM master
    Get-KumoiVM golden -ErrorVariable problem -ErrorAction SilentlyContinue
    $problem[0].FullyQualifiedErrorId | Should -BeLike 'NotFound*'
    Start-KumoiVM golden -ErrorVariable problem -ErrorAction SilentlyContinue
    $problem[0].FullyQualifiedErrorId | Should -BeLike 'NotFound*'
  }

  It 'neither start nor change: <_>' -ForEach 'Start-KumoiVM', 'Remove-KumoiVM -Force', 'Set-KumoiVM -AutoStart', 'Save-KumoiVM', 'Add-KumoiDisk -SizeBytes 1GB' {
    $template = $script:golden
    Invoke-Expression "`$template | $_ -ErrorVariable problem -ErrorAction SilentlyContinue"
    $problem[0].FullyQualifiedErrorId | Should -BeLike 'InvalidState*'
    (Get-KumoiTemplate).Name | Should -Be golden
  }

  It 'give full copies, which have all their own' {
    $copy = New-KumoiVM web -VMHost kvm01 -Template golden -MemoryBytes 3GB -CpuCount 4 -Start
    $copy.State | Should -Be Running
    $copy.MemoryBytes | Should -Be 3GB
    $copy.CpuCount | Should -Be 4
    $disk = Get-KumoiDisk web | Where-Object Device -eq Disk
    $disk.Path | Should -Be /var/lib/libvirt/images/web-1
    $disk.IsReadOnly | Should -BeFalse
    Remove-KumoiTemplate golden -Force
    Get-KumoiTemplate | Should -BeNullOrEmpty
  }

  It 'give linked copies, and stay as long as those do' {
    (Copy-KumoiVM golden web -Linked -Count 3).Name | Should -Be web-1, web-2, web-3
    $disk = Get-KumoiDisk web-1 | Where-Object Device -eq Disk
    $disk.Format | Should -Be qcow2
    $disk.IsReadOnly | Should -BeFalse
    Start-KumoiVM web-1
    foreach ($options in @{}, @{ RemoveDisk = $true }) {
      Remove-KumoiTemplate golden -Force @options -ErrorVariable problem -ErrorAction SilentlyContinue
      $problem[0].FullyQualifiedErrorId | Should -BeLike 'InvalidState*'
      $problem[0] | Should -BeLike '*web-*'
      $problem[0].ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
    }
    # It is as it was.
    Get-KumoiTemplate golden | Copy-KumoiVM -Linked -NewName web-4 | Should -Not -BeNullOrEmpty
    Get-KumoiVM web-* | Remove-KumoiVM -Force -RemoveDisk
    Get-KumoiTemplate | Remove-KumoiTemplate -RemoveDisk -Force -WarningVariable warned
    $warned | Should -BeNullOrEmpty
    Get-KumoiTemplate | Should -BeNullOrEmpty
  }

  It 'have nothing to do with linked copies of VMs, which are refused' {
    Copy-KumoiVM master web -Linked -ErrorVariable problem -ErrorAction SilentlyContinue
    $problem[0].FullyQualifiedErrorId | Should -BeLike 'InvalidState*'
    $problem[0].ErrorDetails.RecommendedAction | Should -BeLike '*New-KumoiTemplate*'
    (Get-KumoiVM).Name | Should -Be master
  }

  It 'are made of VMs that are off, under names that nothing has' {
    New-KumoiTemplate master golden -ErrorVariable problem -ErrorAction SilentlyContinue
    $problem[0].FullyQualifiedErrorId | Should -BeLike 'VMExists*'
    Start-KumoiVM master
    New-KumoiTemplate master other -ErrorVariable problem -ErrorAction SilentlyContinue
    $problem[0].FullyQualifiedErrorId | Should -BeLike 'InvalidState*'
    (Get-KumoiTemplate).Name | Should -Be golden
  }

  It 'take what cloud-init is to do with the copy' {
    New-KumoiVM web -VMHost kvm01 -Template golden -Linked -UserName web -IPAddress 10.0.0.5/24 | Out-Null
    (Get-KumoiDisk web | Where-Object Device -eq CdDrive).Path | Should -BeLike '*/web-seed-*.iso'
    Get-KumoiVolume web-seed-* -VMHost kvm01 | Should -HaveCount 1
    (Get-KumoiNetworkAdapter web).MacAddress | Should -Not -Be (Get-KumoiNetworkAdapter master).MacAddress
    Remove-KumoiVM web -Force
    Get-KumoiVolume web-seed-* -VMHost kvm01 -ErrorAction Ignore | Should -BeNullOrEmpty
  }

  It 'are looked for on each host, and on several hosts at once nothing is made of them' {
    New-KumoiVM web -VMHost kvm02 -Template golden -ErrorVariable problem -ErrorAction SilentlyContinue
    $problem[0].FullyQualifiedErrorId | Should -BeLike 'VMNotFound*'
    { New-KumoiVM web -VMHost kvm01 -Template golden -Speculative } | Should -Throw -ErrorId TemplateAlone*
    New-KumoiVM web -VMHost kvm01 -Template master -ErrorVariable problem -ErrorAction SilentlyContinue
    $problem[0].FullyQualifiedErrorId | Should -BeLike 'VMNotFound*'
    Get-KumoiTemplate other -ErrorVariable problem -ErrorAction SilentlyContinue
    $problem[0].FullyQualifiedErrorId | Should -BeLike 'NotFound*'
    (TabExpansion2 'Remove-KumoiTemplate go').CompletionMatches.CompletionText | Should -Be golden
  }
}

Describe 'Many linked copies' {
  BeforeEach {
    Reset-Fleet 'sim://lab?hosts=12&vms=0&seed=7'
    Get-KumoiHost | New-KumoiVM -Name { "master-$($_.Name)" } -NewDiskBytes 1GB | New-KumoiTemplate -NewName golden | Out-Null
  }

  It 'a hundred on ten hosts: one whose storage pool is full, and one without the template, are replaced' {
    $full, $without = (Get-KumoiHost | Sort-Object CpuRatio | Select-Object -First 2).Name
    New-KumoiVolume ballast -VMHost $full -SizeBytes (Get-KumoiPool default -VMHost $full).FreeBytes | Out-Null
    Remove-KumoiTemplate golden -VMHost $without -Force
    $made = foreach ($number in 1..10) {
      Get-KumoiHost | Sort-Object CpuRatio | Select-Object -First 10 | New-KumoiVM -Name { "web$number-$($_.Name)" } -Template golden -Linked
    }
    $made | Should -HaveCount 100
    @($made.VMHost | Sort-Object -Unique) | Should -HaveCount 10
    $made.VMHost | Should -Not -Contain $full
    $made.VMHost | Should -Not -Contain $without
    @(Get-KumoiVM web*) | Should -HaveCount 100
    (Get-KumoiVM web* | Get-KumoiDisk).Format | Sort-Object -Unique | Should -Be qcow2
  }
}
