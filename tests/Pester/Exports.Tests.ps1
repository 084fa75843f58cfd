# Export-KumoiVM and Import-KumoiVM on simulated hosts: folders, OVAs and OVFs, which the tests write themselves.
BeforeAll {
  . $PSScriptRoot/Fleet.ps1

  function New-Noise {
    param([string] $Path, [int] $Bytes = 1MB)
    $noise = [byte[]]::new($Bytes)
    [Random]::new(7).NextBytes($noise)
    [System.IO.File]::WriteAllBytes($Path, $noise)
  }

  # A VM that is off, on kvm01, with two disks: one of noise, one of zeros.
  function New-Exported {
    New-Noise "$TestDrive/noise.img"
    $volume = Import-KumoiVolume "$TestDrive/noise.img" web-1 -VMHost kvm01
    New-KumoiVM web -VMHost kvm01 -Firmware Bios -DiskPath $volume.Path -DiskFormat raw -NetworkName default -MemoryBytes 512MB | Out-Null
    Add-KumoiDisk web -SizeBytes 1MB
  }

  # An OVF with one disk, beside which there is its file. $Change makes other text of it.
  function Write-Ovf {
    param([string] $Folder, [string] $Href = 'disk.img', [string] $Format = 'urn:raw', [scriptblock] $Change = { $_ }, [switch] $NoSums)
    $Folder = "$TestDrive/$Folder"
    $null = New-Item -ItemType Directory $Folder -Force
    if (-not (Test-Path "$Folder/disk.img")) { New-Noise "$Folder/disk.img" }
    @"
<?xml version="1.0"?>
<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1"
  xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData" xmlns:vmw="http://www.vmware.com/schema/ovf">
  <References><File ovf:id="f1" ovf:href="$Href"/></References>
  <DiskSection><Disk ovf:diskId="d1" ovf:fileRef="f1" ovf:capacity="1" ovf:capacityAllocationUnits="byte * 2^20" ovf:format="$Format"/></DiskSection>
  <VirtualSystem ovf:id="appliance">
    <OperatingSystemSection ovf:id="96"><Description>Debian</Description></OperatingSystemSection>
    <VirtualHardwareSection>
      <Item><rasd:ResourceType>3</rasd:ResourceType><rasd:VirtualQuantity>2</rasd:VirtualQuantity></Item>
      <Item><rasd:ResourceType>4</rasd:ResourceType><rasd:AllocationUnits>byte * 2^20</rasd:AllocationUnits><rasd:VirtualQuantity>256</rasd:VirtualQuantity></Item>
      <Item><rasd:ResourceType>17</rasd:ResourceType><rasd:HostResource>ovf:/disk/d1</rasd:HostResource></Item>
      <Item><rasd:ResourceType>10</rasd:ResourceType><rasd:Connection>VM Network</rasd:Connection></Item>
      <Item><rasd:ResourceType>35</rasd:ResourceType><rasd:ElementName>Sound</rasd:ElementName></Item>
    </VirtualHardwareSection>
  </VirtualSystem>
</Envelope>
"@ | ForEach-Object $Change | Set-Content "$Folder/appliance.ovf"
    if ($NoSums) { return }
    Get-ChildItem $Folder -File | Where-Object Extension -NE .mf | ForEach-Object {
      "SHA256($($_.Name))= $((Get-FileHash $_).Hash.ToLowerInvariant())"
    } | Set-Content "$Folder/appliance.mf"
  }

  # A TAR of a folder's files, the OVF first; or with other names in it.
  function Write-Ova {
    param([string] $Folder, [string] $Path, [scriptblock] $NameOf = { $_.Name })
    $file = [System.IO.File]::Create($Path)
    $tar = [System.Formats.Tar.TarWriter]::new($file)
    foreach ($one in Get-ChildItem $Folder -File | Sort-Object { $_.Extension -ne '.ovf' }) {
      $tar.WriteEntry($one.FullName, ($one | ForEach-Object $NameOf))
    }
    $tar.Dispose()
    $file.Dispose()
  }

  function Get-Trace { @(Get-KumoiVM | ForEach-Object Name), @(Get-KumoiVolume | ForEach-Object Name) }
}

Describe 'Export-KumoiVM' {
  BeforeEach {
    Reset-Fleet 'sim://lab?hosts=2&vms=1&seed=7'
    Set-Location $TestDrive
    New-Exported
    $null = New-Item -ItemType Directory out
  }
  # Runspaces of later tests begin where this one is.
  AfterEach { Set-Location $PSScriptRoot; Get-ChildItem $TestDrive -Force | Remove-Item -Recurse }

  It 'writes the definition, each disk, and a list with checksums' {
    $folder = Export-KumoiVM web out
    $folder.FullName | Should -Be "$TestDrive/out/web"
    (Get-ChildItem out/web -Force).Name | Should -Be disk-1.raw, disk-2.qcow2, kumoi-export.json, web.xml
    (Get-ChildItem out -Force).Name | Should -Be web
    $list = Get-Content out/web/kumoi-export.json -Raw | ConvertFrom-Json
    $list.version, $list.name, $list.id | Should -Be 1, web, (Get-KumoiVM web).Id
    $list.disks.file | Should -Be disk-1.raw, disk-2.qcow2
    $list.disks[0].sha256 | Should -Be (Get-FileHash noise.img).Hash
    $list.disks.virtualBytes | Should -Be 1MB, 1MB
    ([xml](Get-Content out/web/web.xml -Raw)).domain.name | Should -Be web
    if (-not $IsWindows) { (Get-Item out/web).UnixFileMode | Should -Be 'UserExecute, UserWrite, UserRead' }
  }

  It 'refuses <why>, with an id and advice, and writes nothing' -ForEach @(
    @{ why = 'a VM that runs'; vm = 'kvm01-1'; path = 'out'; id = 'InvalidState' }
    @{ why = 'a folder that is there'; vm = 'web'; path = 'there'; id = 'InvalidSpecification' }
    @{ why = 'a parent that is not there'; vm = 'web'; path = 'none'; id = 'InvalidSpecification' }
    @{ why = 'a disk that is no volume'; vm = 'odd'; path = 'out'; id = 'InvalidSpecification' }
  ) {
    New-KumoiVM odd -VMHost kvm01 -DiskPath /elsewhere/odd.img | Out-Null
    $null = New-Item -ItemType Directory there/web
    $failed = { Export-KumoiVM $vm $path -ErrorAction Stop } | Should -Throw -PassThru
    $failed.FullyQualifiedErrorId | Should -Be "$id,Kumoi.PowerShell.Cmdlets.ExportKumoiVMCommand"
    $failed.ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
    Get-ChildItem out, there/web -Force | Should -BeNullOrEmpty
  }

  It 'leaves nothing when a disk cannot be read' {
    Add-KumoiFault kvm01 DownloadVolume -Count 1
    Export-KumoiVM web out -ErrorVariable problem -ErrorAction SilentlyContinue
    $problem | Should -HaveCount 1
    Get-ChildItem out -Force | Should -BeNullOrEmpty
    (Export-KumoiVM web out).Name | Should -Be web
  }
}

Describe 'Import-KumoiVM of an export' {
  BeforeEach {
    Reset-Fleet 'sim://lab?hosts=2&vms=0&seed=7'
    Set-Location $TestDrive
    New-Exported
    Export-KumoiVM web . | Out-Null
    $script:id = (Get-KumoiVM web).Id
  }
  # Runspaces of later tests begin where this one is.
  AfterEach { Set-Location $PSScriptRoot; Get-ChildItem $TestDrive -Force | Remove-Item -Recurse }

  It 'makes another VM of it, with its own disks and addresses' {
    $made = Import-KumoiVM web kvm02
    $made.Name, $made.VMHost, $made.MemoryBytes, $made.State | Should -Be web, kvm02, 512MB, Shutoff
    $made.Id | Should -Not -Be $script:id
    $disks = Get-KumoiDisk web -VMHost kvm02
    $disks.Path | Should -Be /var/lib/libvirt/images/web-1, /var/lib/libvirt/images/web-2
    $disks.Format | Should -Be raw, qcow2
    Export-KumoiVolume web-1 back.img -VMHost kvm02 | Out-Null
    (Get-FileHash back.img).Hash | Should -Be (Get-FileHash noise.img).Hash
    (Get-KumoiNetworkAdapter web -VMHost kvm02).MacAddress | Should -Not -Be (Get-KumoiNetworkAdapter web -VMHost kvm01).MacAddress
  }

  It 'warns of what its XML would have opened or run on the host, which may come from anybody' {
    $xml = (Get-Content web/web.xml -Raw).Replace('</domain>', '<commandline xmlns="http://libvirt.org/schemas/domain/qemu/1.0"/></domain>').
      Replace('</devices>', '<interface type="ethernet"><script path="/tmp/x"/></interface><serial type="file"><source path="/etc/cron.d/x"/></serial></devices>').
      Replace('<os>', '<os><kernel>/tmp/k</kernel>')
    Set-Content web/web.xml $xml -NoNewline
    $list = Get-Content web/kumoi-export.json -Raw | ConvertFrom-Json
    $list.definitionSha256 = (Get-FileHash web/web.xml).Hash
    ConvertTo-Json $list -Depth 5 | Set-Content web/kumoi-export.json
    $null = Import-KumoiVM web kvm02 -WarningVariable warning -WarningAction SilentlyContinue
    "$warning" | Should -BeLike "*'web' uses what is on its host*a script for its interface, a file for its serial, kernel, commandline.*"
  }

  It 'under another name, in another pool and network, and where there is room' {
    New-KumoiPool fast /srv/fast -VMHost kvm01, kvm02 | Out-Null
    New-KumoiNetwork lan 10.5.0.0/24 -VMHost kvm01, kvm02 | Out-Null
    $made = Import-KumoiVM web -Name copy -StoragePool fast -NetworkName lan
    $made.VMHost | Should -BeIn kvm01, kvm02
    (Get-KumoiDisk copy).Path | Should -Be /srv/fast/copy-1, /srv/fast/copy-2
    (Get-KumoiNetworkAdapter copy).Source | Should -Be lan
    (Import-KumoiVM web -Name copy -VMHost kvm01, kvm02 -ErrorAction SilentlyContinue).Count | Should -BeLessThan 2
  }

  It 'as the same VM, where that is gone' {
    Import-KumoiVM web kvm02 -KeepIdentity -ErrorVariable problem -ErrorAction SilentlyContinue
    $problem[0].FullyQualifiedErrorId | Should -BeLike 'VMExists,*'
    Remove-KumoiVM web -Confirm:$false
    $made = Import-KumoiVM web kvm02 -KeepIdentity
    $made.Id | Should -Be $script:id
  }

  It 'is undone when a later cmdlet fails on it' {
    Add-KumoiFault kvm01 Start
    Get-KumoiHost | Select-Object -First 1 | Import-KumoiVM web -Name x | Start-KumoiVM -PassThru 3>$null | ForEach-Object VMHost | Should -Be kvm02
    Get-KumoiVM x | ForEach-Object VMHost | Should -Be kvm02
    (Get-KumoiVolume -VMHost kvm01).Name | Should -Be web-1, web-2
    (Get-KumoiEvent -Kind Compensation).Message | Should -Contain 'Import-KumoiVM was undone on x.'
  }

  It 'goes to the next host of the pipeline where one fails' {
    Add-KumoiFault kvm01 UploadVolume
    $made = Get-KumoiHost | Select-Object -First 1 | Import-KumoiVM web -Name x
    $made.VMHost | Should -Be kvm02
    (Get-KumoiVolume -VMHost kvm01).Name | Should -Be web-1, web-2
  }

  It 'leaves nothing when <_> fails' -ForEach 'UploadVolume', 'Define' {
    Add-KumoiFault kvm02 $_
    Import-KumoiVM web kvm02 -ErrorVariable problem -ErrorAction SilentlyContinue
    $problem | Should -HaveCount 1
    Get-KumoiVM -VMHost kvm02 | Should -BeNullOrEmpty
    Get-KumoiVolume -VMHost kvm02 | Should -BeNullOrEmpty
  }

  It 'refuses <why>, with an id and advice, and makes nothing' -ForEach @(
    @{ why = 'what is not there'; do = { 'none' }; id = 'InvalidSpecification' }
    @{ why = 'a folder of something else'; do = { $null = New-Item -ItemType Directory other; 'other' }; id = 'InvalidSpecification' }
    @{ why = 'a disk that was changed'; do = { $b = [IO.File]::ReadAllBytes("$TestDrive/web/disk-1.raw"); $b[9] = $b[9] -bxor 1; [IO.File]::WriteAllBytes("$TestDrive/web/disk-1.raw", $b); 'web' }; id = 'InvalidSpecification' }
    @{ why = 'a disk that is cut off'; do = { [IO.File]::WriteAllBytes("$TestDrive/web/disk-1.raw", [byte[]]::new(9)); 'web' }; id = 'InvalidSpecification' }
    @{ why = 'a disk that is missing'; do = { Remove-Item web/disk-2.qcow2; 'web' }; id = 'InvalidSpecification' }
    @{ why = 'a definition that was changed'; do = { Add-Content web/web.xml ' '; 'web' }; id = 'InvalidSpecification' }
    @{ why = 'a list that leads elsewhere'; do = { (Get-Content web/kumoi-export.json -Raw).Replace('disk-1.raw', '../noise.img') | Set-Content web/kumoi-export.json; 'web' }; id = 'InvalidSpecification' }
    @{ why = 'a disk that is a link'; do = { Move-Item web/disk-1.raw elsewhere; $null = New-Item -ItemType SymbolicLink web/disk-1.raw -Target "$TestDrive/elsewhere"; 'web' }; id = 'InvalidSpecification' }
    @{ why = 'a list that is none'; do = { Set-Content web/kumoi-export.json '[]'; 'web' }; id = 'InvalidSpecification' }
    @{ why = 'a name that is taken'; do = { 'web' }; with = @{ VMHost = 'kvm01' }; id = 'VMExists' }
    @{ why = 'a pool that is not there'; do = { 'web' }; with = @{ StoragePool = 'none' }; id = 'StorageFailed' }
    @{ why = 'a volume that is there'; do = { New-KumoiVolume web-2 -VMHost kvm02 -SizeBytes 1MB | Out-Null; 'web' }; id = 'StorageFailed' }
    @{ why = 'a pool that is full'; do = { $free = (Get-KumoiPool -VMHost kvm02).FreeBytes; New-KumoiVolume big -VMHost kvm02 -SizeBytes ($free - 1MB - 1) | Out-Null; 'web' }; id = 'StorageFailed' }
    @{ why = 'a network that is not there'; do = { 'web' }; with = @{ NetworkName = 'none' }; id = 'InvalidSpecification' }
    @{ why = 'a name that is none'; do = { 'web' }; with = @{ Name = '../x' }; id = 'InvalidSpecification' }
  ) {
    $path = & $do
    $before = Get-Trace
    $all = @{ VMHost = 'kvm02' } + @{}
    foreach ($one in $with.Keys) { $all[$one] = $with[$one] }
    $failed = { Import-KumoiVM $path @all -ErrorAction Stop } | Should -Throw -PassThru
    $failed.FullyQualifiedErrorId | Should -Be "$id,Kumoi.PowerShell.Cmdlets.ImportKumoiVMCommand"
    $failed.ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
    Get-Trace | Should -Be $before
  }
}

Describe 'Import-KumoiVM of an OVF or OVA' {
  BeforeEach {
    Reset-Fleet 'sim://lab?hosts=2&vms=0&seed=7'
    Set-Location $TestDrive
  }
  # Runspaces of later tests begin where this one is.
  AfterEach { Set-Location $PSScriptRoot; Get-ChildItem $TestDrive -Force | Remove-Item -Recurse }

  It 'makes its VM: <_>' -ForEach 'appliance.ova', 'in/appliance.ovf' {
    Write-Ovf in
    Write-Ova in "$TestDrive/appliance.ova"
    # What it needs for itself goes to a place where nobody else has anything.
    $temporary = $env:TMPDIR
    $env:TMPDIR = (New-Item -ItemType Directory "$TestDrive/temporary").FullName
    try {
      $made = Import-KumoiVM $_ -WarningVariable told 3>$null
      Get-ChildItem $env:TMPDIR | Should -BeNullOrEmpty
    }
    finally { $env:TMPDIR = $temporary }
    $made.Name, $made.CpuCount, $made.MemoryBytes | Should -Be appliance, 2, 256MB
    (Get-KumoiDisk appliance).Target, (Get-KumoiDisk appliance).Format | Should -Be vda, raw
    Export-KumoiVolume appliance-1 back.img -VMHost $made.VMHost | Out-Null
    (Get-FileHash back.img).Hash | Should -Be (Get-FileHash in/disk.img).Hash
    $told | Should -HaveCount 2
    $told[0] | Should -BeLike "*'Sound'*"
    $told[1] | Should -BeLike "*no network 'VM Network'*'default'*"
  }

  It 'tells Windows from others by its number, and UEFI from BIOS' {
    Write-Ovf in -Change { $_.Replace('ovf:id="96"', 'ovf:id="105"').Replace('Debian', '').Replace('<VirtualHardwareSection>', '<VirtualHardwareSection><vmw:Config ovf:key="firmware" vmw:value="efi"/>') }
    Import-KumoiVM in/appliance.ovf -NetworkName default 3>$null | Out-Null
    (Get-KumoiDisk appliance).Bus | Should -Be sata
    ([xml](Get-KumoiVM appliance -Raw).Xml).domain.os.GetAttribute('firmware') | Should -Be efi
  }

  It 'warns where there are no checksums' {
    Write-Ovf in -NoSums
    Import-KumoiVM in/appliance.ovf -WarningVariable told 3>$null | Out-Null
    $told -like '*no checksums*' | Should -HaveCount 1
  }

  It 'unpacks a VMDK that qemu-img has made' {
    if (-not (Get-Command qemu-img -CommandType Application -ErrorAction Ignore)) { Set-ItResult -Skipped -Because 'qemu-img is not here (apt install qemu-utils, dnf install qemu-img)'; return }
    Write-Ovf in -NoSums
    & qemu-img convert -f raw -O vmdk -o subformat=streamOptimized in/disk.img in/disk.vmdk
    $LASTEXITCODE | Should -Be 0
    Write-Ovf in 'disk.vmdk' 'http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized'
    Write-Ova in "$TestDrive/appliance.ova"
    $made = Import-KumoiVM appliance.ova 3>$null
    Export-KumoiVolume appliance-1 back.img -VMHost $made.VMHost | Out-Null
    (Get-FileHash back.img).Hash | Should -Be (Get-FileHash in/disk.img).Hash
  }

  It 'refuses <why>, with an id and advice, and makes nothing' -ForEach @(
    @{ why = 'an OVA that is cut off'; do = { Write-Ovf in; Write-Ova in "$TestDrive/a.ova"; $b = [IO.File]::ReadAllBytes("$TestDrive/a.ova"); [IO.File]::WriteAllBytes("$TestDrive/a.ova", $b[0..600000]); 'a.ova' }; message = '*cut off*' }
    @{ why = 'what is no TAR'; do = { New-Noise "$TestDrive/a.ova"; 'a.ova' }; message = '*no OVA*' }
    @{ why = 'an empty file'; do = { $null = New-Item a.ova; 'a.ova' }; message = '*no OVA*' }
    @{ why = 'an OVA without an OVF'; do = { Write-Ovf in; Remove-Item in/appliance.ovf; Write-Ova in "$TestDrive/a.ova"; 'a.ova' }; message = '*no OVF*' }
    @{ why = 'a path in an OVA'; do = { Write-Ovf in; Write-Ova in "$TestDrive/a.ova" { $_.Name -eq 'disk.img' ? '../disk.img' : $_.Name }; 'a.ova' }; message = '*no name of a file*' }
    @{ why = 'a link in an OVA'; do = { Write-Ovf in; Remove-Item in/disk.img; $null = New-Item -ItemType SymbolicLink in/disk.img -Target /etc/passwd; Write-Ova in "$TestDrive/a.ova"; 'a.ova' }; message = '*is no file*' }
    @{ why = 'a path in an OVF'; do = { Write-Ovf in '../noise.img'; New-Noise "$TestDrive/noise.img"; 'in/appliance.ovf' }; message = '*no name of a file*' }
    @{ why = 'an absolute path in an OVF'; do = { Write-Ovf in '/etc/passwd'; 'in/appliance.ovf' }; message = '*no name of a file*' }
    @{ why = 'a hidden path in an OVF'; do = { Write-Ovf in '..%2fnoise.img'; 'in/appliance.ovf' }; message = '*no name of a file*' }
    @{ why = 'a wrong checksum'; do = { Write-Ovf in; New-Noise "$TestDrive/in/disk.img" 1MB; $b = [byte[]]::new(1MB); [IO.File]::WriteAllBytes("$TestDrive/in/disk.img", $b); 'in/appliance.ovf' }; message = '*checksum*' }
    @{ why = 'a disk that is missing'; do = { Write-Ovf in; Remove-Item in/disk.img; 'in/appliance.ovf' }; message = '*is not in*' }
    @{ why = 'a disk without a capacity'; do = { Write-Ovf in -Change { $_.Replace('ovf:capacity="1" ', '') }; 'in/appliance.ovf' }; message = '*how big*' }
    @{ why = 'a VM without memory'; do = { Write-Ovf in -Change { $_.Replace('>4<', '>0<') }; 'in/appliance.ovf' }; message = '*how much memory*' }
    @{ why = 'an entity'; do = { Write-Ovf in -Change { $_.Replace('<Envelope', '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><Envelope') }; 'in/appliance.ovf' }; message = '*cannot be imported*' }
    @{ why = 'two VMs'; do = { Write-Ovf in -Change { $_.Replace('</Envelope>', '<VirtualSystem/></Envelope>') }; 'in/appliance.ovf' }; message = '*2 VMs*' }
    @{ why = 'a compressed file'; do = { Write-Ovf in -Change { $_.Replace('ovf:href', 'ovf:compression="gzip" ovf:href') }; 'in/appliance.ovf' }; message = '*compressed*' }
    @{ why = 'a VMDK that names others'; do = { Write-Ovf in; Set-Content in/disk.img ("# Disk DescriptorFile`nRW 1 FLAT `"/etc/passwd`" 0`n" + ' ' * 600); Write-Ovf in; 'in/appliance.ovf' }; message = '*another kind*' }
    @{ why = 'what says to be a VMDK'; do = { Write-Ovf in -Format 'http://x/vmdk.html'; 'in/appliance.ovf' }; message = '*no VMDK*' }
    @{ why = 'a kept identity of an OVF'; do = { Write-Ovf in; 'in/appliance.ovf' }; with = @{ KeepIdentity = $true }; message = '*no identity*' }
  ) {
    $path = & $do
    $with ??= @{}
    $failed = { Import-KumoiVM $path kvm01 @with -ErrorAction Stop -WarningAction Ignore } | Should -Throw $message -PassThru
    $failed.FullyQualifiedErrorId | Should -Be 'InvalidSpecification,Kumoi.PowerShell.Cmdlets.ImportKumoiVMCommand'
    $failed.ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
    Get-KumoiVM | Should -BeNullOrEmpty
    Get-KumoiVolume | Should -BeNullOrEmpty
  }
}
