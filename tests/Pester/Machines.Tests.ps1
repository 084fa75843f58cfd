# What New-KumoiVM makes: a whole machine by what the host offers, a bare one with -Minimal, and the disc that its guest reads first.
BeforeAll {
  . $PSScriptRoot/Fleet.ps1
  function Get-Definition { param([string] $Name) [xml] (Get-KumoiVM $Name -Raw).Xml }
  function Get-Error { param([scriptblock] $Script) try { & $Script; $null } catch { $_ } }
  $script:key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBk2 admin@desk'
}

Describe 'New-KumoiVM' {
  BeforeEach { Reset-Fleet 'sim://lab?hosts=4&vms=0&seed=7' }

  It 'makes a machine as people expect one, with a card in the default network' {
    New-KumoiVM web1 -VMHost kvm01 -NewDiskBytes 1GB | Out-Null
    $domain = (Get-Definition web1).domain
    $domain.os.firmware[0] | Should -Be efi
    $domain.cpu.mode | Should -Be host-model
    $domain.devices.channel.target.name | Should -Be org.qemu.guest_agent.0
    $domain.devices.graphics.listen.address | Should -Be 127.0.0.1
    (Get-KumoiNetworkAdapter web1).Source | Should -Be default
    (Get-KumoiDisk web1).Target | Should -Be vda
  }

  It 'makes a bare machine with -Minimal, and says what does not belong to one' {
    New-KumoiVM bare -VMHost kvm01 -Minimal | Out-Null
    Get-KumoiNetworkAdapter bare | Should -BeNullOrEmpty
    (Get-Definition bare).domain.devices | Should -BeNullOrEmpty
    $problem = Get-Error { New-KumoiVM bare2 -VMHost kvm01 -Minimal -Tpm -ErrorAction Stop }
    $problem.FullyQualifiedErrorId | Should -BeLike 'MinimalAlone*'
    $problem.Exception.Message | Should -BeLike '*-Tpm*'
    $problem.ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
  }

  It 'makes a card in no network where none is wanted, and in those that are named' {
    New-KumoiVM none -VMHost kvm01 -NetworkName @() | Out-Null
    Get-KumoiNetworkAdapter none | Should -BeNullOrEmpty
    New-KumoiVM two -VMHost kvm01 -NetworkName lan, dmz | Out-Null
    (Get-KumoiNetworkAdapter two).Source | Should -Be lan, dmz
  }

  It 'fails on a host that has not what was asked for, and Auto takes what there is' {
    # kvm04 is in rack4, whose hosts are older.
    foreach ($asked in @{ Tpm = $true }, @{ Firmware = 'Uefi' }, @{ Firmware = 'SecureBoot' }, @{ CpuModel = 'POWER9' }, @{ MachineType = 'virt' }) {
      $vm = New-KumoiVM asked -VMHost kvm04 @asked -ErrorVariable problem -ErrorAction SilentlyContinue
      $vm | Should -BeNullOrEmpty
      $problem[0].FullyQualifiedErrorId | Should -BeLike 'NotSupported*' -Because ($asked | Out-String)
      $problem[0].ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
    }
    Get-KumoiVM | Should -BeNullOrEmpty
    New-KumoiVM auto -VMHost kvm04 | Out-Null
    (Get-Definition auto).domain.os.GetAttribute('firmware') | Should -BeNullOrEmpty
  }

  It 'replaces such a host in a pipeline' {
    $vm = Get-KumoiHost | Sort-Object Name -Descending | Select-Object -First 1 | New-KumoiVM -Name { "t-$($_.Name)" } -Tpm -WarningAction SilentlyContinue
    $vm.VMHost | Should -Be kvm03
    (Get-KumoiVM).Name | Should -Be t-kvm03
    (Get-KumoiLineage).Substitutions | Should -Not -BeNullOrEmpty
  }

  It 'has the topology that was asked for, and the CPUs that it is of' {
    (New-KumoiVM a -VMHost kvm01 -Topology 2x2x2).CpuCount | Should -Be 8
    (Get-Definition a).domain.cpu.topology.cores | Should -Be 2
    (Get-Error { New-KumoiVM b -VMHost kvm01 -Topology 2x2 -ErrorAction Stop }).FullyQualifiedErrorId | Should -BeLike 'InvalidSpecification*'
    New-KumoiVM b -VMHost kvm01 -Topology 2x2x1 -CpuCount 3 -ErrorVariable problem -ErrorAction SilentlyContinue
    $problem[0].FullyQualifiedErrorId | Should -BeLike 'InvalidSpecification*'
  }

  It 'starts with its host, and carries its description and tags' {
    $vm = New-KumoiVM web1 -VMHost kvm01 -AutoStart -Description "one`ntwo" -Tag web, 'tier 1', web
    $vm.IsAutostart | Should -BeTrue
    $domain = (Get-Definition web1).domain
    $domain.description | Should -Be "one`ntwo"
    $domain.metadata.tags.tag | Should -Be web, 'tier 1'
    New-KumoiVM bad -VMHost kvm01 -Tag "a`tb" -ErrorVariable problem -ErrorAction SilentlyContinue
    $problem[0].FullyQualifiedErrorId | Should -BeLike 'InvalidSpecification*'
  }

  It 'makes a speculative VM start with its host where it has won, and only there' {
    $vm = New-KumoiVM one -VMHost kvm01, kvm02 -Speculative -AutoStart -UserName ops
    (Get-KumoiVM one).IsAutostart | Should -BeTrue
    (Get-KumoiVolume -VMHost kvm0*).VMHost | Should -Be $vm.VMHost
  }
}

Describe 'New-KumoiVM -Image and -Iso' {
  BeforeEach {
    Reset-Fleet 'sim://lab?hosts=2&vms=0&seed=7'
    $script:base = New-KumoiVolume base.qcow2 -VMHost kvm01 -SizeBytes 2GB
  }

  It 'copies an image in full, by name, by path and as an object' {
    New-KumoiVM a -VMHost kvm01 -Image base.qcow2 | Out-Null
    New-KumoiVM b -VMHost kvm01 -Image $script:base.Path -DiskSizeBytes 10GB | Out-Null
    New-KumoiVM c -VMHost kvm01 -Image $script:base | Out-Null
    (Get-KumoiDisk a, b, c).Path | Should -Be '/var/lib/libvirt/images/a-1', '/var/lib/libvirt/images/b-1', '/var/lib/libvirt/images/c-1'
    Remove-KumoiVM a, b, c -RemoveDisk -Force -WarningVariable warnings 3>$null
    $warnings | Should -BeNullOrEmpty
    $script:base | Remove-KumoiVolume -Confirm:$false
    Get-KumoiVolume -VMHost kvm01 | Should -BeNullOrEmpty
  }

  It 'with -Linked builds on it: it cannot be removed then' {
    New-KumoiVM a -VMHost kvm01 -Image base.qcow2 -Linked | Out-Null
    (Get-Definition a).domain.devices.disk.backingStore.source.file | Should -Be $script:base.Path
  }

  It 'refuses an image that is not there, or would be cut' {
    New-KumoiVM a -VMHost kvm01 -Image other -ErrorVariable problem -ErrorAction SilentlyContinue
    $problem[0].FullyQualifiedErrorId | Should -BeLike 'StorageFailed*'
    New-KumoiVM a -VMHost kvm01 -Image base.qcow2 -DiskSizeBytes 1GB -ErrorVariable problem -ErrorAction SilentlyContinue
    $problem[0].FullyQualifiedErrorId | Should -BeLike 'InvalidSpecification*'
    (Get-Error { New-KumoiVM a -VMHost kvm01 -Linked -ErrorAction Stop }).FullyQualifiedErrorId | Should -BeLike 'ImageMissing*'
    Get-KumoiVM | Should -BeNullOrEmpty
  }

  It 'puts an install disc into a drive that Set-KumoiCdDrive knows' {
    New-KumoiVM a -VMHost kvm01 -Iso /isos/debian.iso -NewDiskBytes 8GB | Out-Null
    (Get-KumoiDisk a | Where-Object Device -eq CdDrive).Path | Should -Be /isos/debian.iso
    Set-KumoiCdDrive a -Eject
    (Get-KumoiDisk a | Where-Object Device -eq CdDrive).Path | Should -BeNullOrEmpty
  }
}

Describe 'New-KumoiVM -OSVariant' {
  BeforeAll {
    $script:outer = $env:OSINFO_SYSTEM_DIR
    $folder = New-Item -ItemType Directory "$TestDrive/osinfo/os/example.org" -Force
    Set-Content "$folder/old.xml" @'
<libosinfo version="0.0.1"><os id="http://example.org/old/1"><short-id>old1</short-id><name>Old 1</name><family>winnt</family>
<resources arch="all"><minimum><ram>1073741824</ram></minimum><recommended><ram>4294967296</ram></recommended></resources></os></libosinfo>
'@
  }
  BeforeEach {
    Reset-Fleet 'sim://lab?hosts=1&vms=0&seed=7'
    $env:OSINFO_SYSTEM_DIR = "$TestDrive/osinfo"
  }
  AfterAll { $env:OSINFO_SYSTEM_DIR = $script:outer }

  It 'takes memory, devices and the clock from the database' {
    (New-KumoiVM a -VMHost kvm01 -OSVariant old1 -NewDiskBytes 1GB).MemoryBytes | Should -Be 4GB
    $domain = (Get-Definition a).domain
    $domain.devices.disk.target.bus | Should -Be sata
    $domain.clock.offset | Should -Be localtime
    $domain.metadata.libosinfo.os.id | Should -Be http://example.org/old/1
    (TabExpansion2 'New-KumoiVM a -VMHost kvm01 -OSVariant o').CompletionMatches.CompletionText | Should -Contain old1
  }

  It 'warns of less memory than it needs, and takes it' {
    (New-KumoiVM a -VMHost kvm01 -OSVariant old1 -MemoryBytes 512MB -WarningVariable warnings 3>$null).MemoryBytes | Should -Be 512MB
    $warnings[0].Message | Should -BeLike 'Old 1 needs 1024 MiB*'
  }

  It 'says how to get what is not there' {
    (Get-Error { New-KumoiVM a -VMHost kvm01 -OSVariant new9 -ErrorAction Stop }).FullyQualifiedErrorId | Should -BeLike 'InvalidSpecification*'
    $env:OSINFO_SYSTEM_DIR = "$TestDrive/nothing"
    if (-not (Test-Path /etc/osinfo/os) -and -not (Test-Path ~/.config/osinfo/os)) {
      (Get-Error { New-KumoiVM a -VMHost kvm01 -OSVariant old1 -ErrorAction Stop }).ErrorDetails.RecommendedAction | Should -BeLike '*osinfo-db*'
    }
    Get-KumoiVM | Should -BeNullOrEmpty
  }
}

Describe 'New-KumoiVM with cloud-init' {
  BeforeEach { Reset-Fleet 'sim://lab?hosts=4&vms=0&seed=7' }

  It 'makes a disc for the VM, and removes it with the VM' {
    New-KumoiVM web1 -VMHost kvm01 -HostName web1.example.org -UserName ops -SshKey $script:key -RunCommand 'echo hi' -IPAddress 10.0.0.5/24 -Gateway 10.0.0.1 | Out-Null
    $volume = Get-KumoiVolume -VMHost kvm01
    $volume.Name | Should -BeLike 'web1-seed-*.iso'
    $file = "$TestDrive/$([guid]::NewGuid()).iso"
    $volume | Export-KumoiVolume -LocalPath $file
    $text = [System.Text.Encoding]::ASCII.GetString([System.IO.File]::ReadAllBytes($file))
    $text | Should -Match 'cidata'
    $text | Should -Match '"local-hostname":"web1.example.org"'
    $text | Should -Match ([regex]::Escape($script:key))
    $text | Should -Match ([regex]::Escape((Get-KumoiNetworkAdapter web1).MacAddress))
    Remove-KumoiVM web1 -Force
    Get-KumoiVolume -VMHost kvm01 | Should -BeNullOrEmpty
  }

  It 'names the guest as the VM where nothing else is said, as far as a computer can be called so' {
    New-KumoiVM 'Web (1)_x' -VMHost kvm01 -UserName ops | Out-Null
    $file = "$TestDrive/$([guid]::NewGuid()).iso"
    Get-KumoiVolume -VMHost kvm01 | Export-KumoiVolume -LocalPath $file
    [System.IO.File]::ReadAllText($file) | Should -Match '"local-hostname":"Web--1--x"'
  }

  It 'keeps the password out of everything but the disc, where it is hashed' {
    $password = ConvertTo-SecureString 's3cret-hunter2' -AsPlainText -Force
    $all = New-KumoiVM web1 -VMHost kvm01 -UserName ops -Password $password -Verbose -Debug *>&1 | Out-String
    $all += Get-KumoiEvent | ConvertTo-Json -Depth 9
    $all += Get-KumoiOperation | ConvertTo-Json -Depth 9
    $all += (Get-KumoiVM web1 -Raw).Xml
    $file = "$TestDrive/$([guid]::NewGuid()).iso"
    Get-KumoiVolume -VMHost kvm01 | Export-KumoiVolume -LocalPath $file
    $disc = [System.IO.File]::ReadAllText($file)
    $all + $disc | Should -Not -Match 's3cret-hunter2'
    $disc | Should -Match '"passwd":"\$6\$rounds=100000\$[./0-9A-Za-z]{16}\$[./0-9A-Za-z]{86}"'
    $hash = [regex]::Match($disc, '"passwd":"([^"]*)"').Groups[1].Value
    $all | Should -Not -Match ([regex]::Escape($hash))
  }

  It 'takes a whole file, and keys from files of this computer' {
    Set-Content "$TestDrive/user-data" "#cloud-config`nusers: []"
    Set-Content "$TestDrive/key.pub" $script:key
    New-KumoiVM a -VMHost kvm01 -CloudInit "$TestDrive/user-data" | Out-Null
    New-KumoiVM b -VMHost kvm01 -SshKey "$TestDrive/key.pub" | Out-Null
    (Get-KumoiVolume -VMHost kvm01) | Should -HaveCount 2
  }

  It 'refuses what no guest could use, and leaves nothing' {
    Set-Content "$TestDrive/user-data" '#cloud-config'
    Set-Content "$TestDrive/id_rsa" '-----BEGIN OPENSSH PRIVATE KEY-----'
    foreach ($wrong in @{ HostName = 'a b' }, @{ UserName = 'Mr Ops' }, @{ SshKey = "$TestDrive/id_rsa" }, @{ IPAddress = '10.0.0.5' },
      @{ IPAddress = '10.0.0.5/24'; NetworkName = @() }, @{ Gateway = '10.0.0.1' }, @{ CloudInit = "$TestDrive/user-data"; UserName = 'ops' }) {
      New-KumoiVM bad -VMHost kvm01 @wrong -ErrorVariable problem -ErrorAction SilentlyContinue
      $problem[0].FullyQualifiedErrorId | Should -BeLike 'InvalidSpecification*' -Because ($wrong | Out-String)
    }
    (Get-Error { New-KumoiVM bad -VMHost kvm01 -CloudInit "$TestDrive/none" -ErrorAction Stop }).FullyQualifiedErrorId | Should -BeLike 'FileNotRead*'
    Get-KumoiVM | Should -BeNullOrEmpty
    Get-KumoiVolume -VMHost kvm01 | Should -BeNullOrEmpty
  }

  It 'leaves no disc where the VM does not start, nor where lineage takes it back' {
    Add-KumoiFault kvm01 Start
    New-KumoiVM web1 -VMHost kvm01 -UserName ops -Start -ErrorAction SilentlyContinue
    Get-KumoiVolume -VMHost kvm01 | Should -BeNullOrEmpty
    Get-KumoiHost | Sort-Object Name | Select-Object -First 1 | New-KumoiVM -Name { "w-$($_.Name)" } -UserName ops | Start-KumoiVM -WarningAction SilentlyContinue
    (Get-KumoiVM).VMHost | Should -Be kvm02
    (Get-KumoiVolume -VMHost kvm0*).VMHost | Should -Be kvm02
  }
}
