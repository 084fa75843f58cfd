# What is said when VMs are removed: of their disks, and of what was saved of them. What stays and what goes is tested in C#.
BeforeAll { . $PSScriptRoot/Fleet.ps1 }

Describe 'Remove-KumoiVM and what others use' {
  BeforeEach { Reset-Fleet 'sim://lab?hosts=2&vms=0&seed=7' }

  It 'warns of a disk that another VM is built on, and names that VM' {
    New-KumoiVM base -VMHost kvm01 -NewDiskBytes 1MB -DiskFormat qcow2 | Out-Null
    New-KumoiVM clone -VMHost kvm01 -DiskTemplatePath /var/lib/libvirt/images/base-1 -DiskFormat qcow2 -Start | Out-Null
    Remove-KumoiVM base -RemoveDisk -Force -WarningVariable warnings 3>$null
    $warnings | Should -HaveCount 1
    $warnings[0].Message | Should -BeLike "*'/var/lib/libvirt/images/base-1'*'clone'*"
    Get-KumoiVM base -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
  }

  It 'says nothing of disks that nobody else uses' {
    New-KumoiVM base -VMHost kvm01 -NewDiskBytes 1MB -DiskFormat qcow2 | Out-Null
    Remove-KumoiVM base -RemoveDisk -Confirm:$false -WarningVariable warnings 3>$null
    $warnings | Should -BeNullOrEmpty
  }
}

Describe 'A saved state' {
  BeforeEach {
    Reset-Fleet 'sim://lab?hosts=2&vms=0&seed=7'
    $xml = "<domain><name>s2</name><memory unit='gib'>1</memory><vcpu>1</vcpu><metadata><k:simulated xmlns:k='https://kumoi.dev/xmlns/1' savedState='yes'/></metadata></domain>"
    New-KumoiVM -VMHost kvm01 -Xml $xml | Out-Null
  }

  It 'shows' {
    (Get-KumoiVM s2).HasSavedState | Should -BeTrue
    Get-KumoiVM s2 | Out-String | Should -Match 'Shutoff \(saved\)'
  }

  It 'asks for -Force, which says what is lost' {
    Remove-KumoiVM s2 -Confirm:$false -ErrorVariable problem -ErrorAction SilentlyContinue
    $problem[0].FullyQualifiedErrorId | Should -BeLike 'InvalidState*'
    $problem[0].Exception.Message | Should -BeLike '*saved state*would be lost*'
    (Get-KumoiVM s2).HasSavedState | Should -BeTrue
    Remove-KumoiVM s2 -Force -WarningVariable warnings 3>$null
    $warnings[0].Message | Should -BeLike "The saved state of 's2' was thrown away*"
  }

  It 'is gone on from by a start' {
    (Start-KumoiVM s2 -PassThru).HasSavedState | Should -BeFalse
  }
}
