# A session that moves a VM's disks, or imports a VM, is killed in the middle; another one repairs. Run by './build.sh lab test'.
BeforeAll {
  . $PSScriptRoot/Lab.ps1
  $script:info = & $labScript info --json | ConvertFrom-Json
  $script:one, $script:two = $info.hosts[0], $info.hosts[1]
  $script:state = (New-Item -ItemType Directory "/var/tmp/kumoi-moves-$([guid]::NewGuid().ToString('N').Substring(0, 8))").FullName
  function Get-Image { param($Machine) (Get-ChildItem (Join-Path $info.directory $Machine.name var/lib/libvirt/images)).Name | Sort-Object }
  function New-Noise {
    param($Path, $Bytes)
    $noise = [byte[]]::new($Bytes)
    [System.Random]::new(7).NextBytes($noise)
    [System.IO.File]::WriteAllBytes($Path, $noise)
  }
  # A session of its own, with that host, and its end.
  function Start-Child {
    param($Machine, $Command)
    $line = "Import-Module '$env:KUMOI_MODULE'; Connect-KumoiHost '$($Machine.uri)' -Name $($Machine.name); $Command"
    Start-Process $env:KUMOI_PWSH -ArgumentList '-NoProfile', '-Command', "`"$line`"" -PassThru -RedirectStandardOutput "$state/out" -RedirectStandardError "$state/err"
  }
  # As fast as can be: what is waited for passes by.
  function Wait-ForChild {
    param($Child, [scriptblock] $Condition)
    while (-not (& $Condition)) { if ($Child.HasExited) { throw "It ended before: $(Get-Content "$state/out", "$state/err" -Raw)" } }
  }
  function Reset-Hosts {
    if (Get-KumoiConnection) { Disconnect-KumoiHost * }
    foreach ($machine in $one, $two) { Connect-KumoiHost $machine.uri -Name $machine.name | Out-Null }
    Get-KumoiVM | Where-Object State -ne Shutoff | Stop-KumoiVM -TurnOff | Out-Null
    Get-KumoiVM | Remove-KumoiVM -Confirm:$false
    Get-KumoiVolume move.img -VMHost $one.name, $two.name -ErrorAction Ignore | Remove-KumoiVolume -Confirm:$false
  }
}

AfterAll {
  Reset-Hosts
  Disconnect-KumoiHost *
  Remove-Item $state -Recurse -Force
}

Describe 'Move-KumoiVM -WithStorage whose session is killed' {
  BeforeEach { Reset-Hosts }

  It 'at <_> % leaves the VM at its source, and after the repair nothing at the target' -ForEach 10, 50, 90 {
    $there = Get-Image $two
    $file = "$state/noise"
    $noise = [byte[]]::new(40MB)
    [System.Random]::new(7).NextBytes($noise)
    [System.IO.File]::WriteAllBytes($file, $noise)
    Import-KumoiVolume $file move.img -VMHost $one.name -WarningAction SilentlyContinue | Out-Null
    $disk = "<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='/var/lib/libvirt/images/move.img'/><target dev='vda' bus='virtio'/></disk>"
    $xml = (Invoke-Lab domain-xml tick idle) -join "`n" -replace '<devices>', "<devices>$disk" -replace 'hvm</type>', "hvm</type><boot dev='fd'/>"
    New-KumoiVM -VMHost $one.name -Xml $xml -Start | Out-Null

    $line = "Import-Module '$env:KUMOI_MODULE'; Connect-KumoiHost '$($one.uri)' -Name $($one.name); Connect-KumoiHost '$($two.uri)' -Name $($two.name); " +
    "Move-KumoiVM tick $($two.name) -WithStorage -AllowUnencrypted -BandwidthBytesPerSecond 8MB"
    $child = Start-Process $env:KUMOI_PWSH -ArgumentList '-NoProfile', '-Command', "`"$line`"" -PassThru -RedirectStandardOutput "$state/out" -RedirectStandardError "$state/err"
    $percent = $_
    Wait-For {
      if ($child.HasExited) { throw "It ended before: $(Get-Content "$state/out", "$state/err" -Raw)" }
      $job = & virsh -q -c $one.uri domjobinfo tick --rawstats 2>$null | Out-String
      $total = if ($job -match 'data_total: (\d+)') { [long]$Matches[1] }
      $left = if ($job -match 'data_remaining: (\d+)') { [long]$Matches[1] }
      $total -gt 0 -and ($total - $left) / $total -ge $percent / 100
    }
    $child.Kill()
    $child.WaitForExit()

    (Get-KumoiOperation -Unfinished | Where-Object Kind -eq MigrateWithStorage).VM | Should -Be tick
    Wait-For { (Get-KumoiOperation -Unfinished | Where-Object Kind -eq MigrateWithStorage | Repair-KumoiOperation -WarningAction SilentlyContinue).IsRepaired }
    $vm = Get-KumoiVM tick
    $vm.VMHost, $vm.State | Should -Be $one.name, Running
    Get-Image $two | Should -Be $there
    Get-KumoiVolume -VMHost $one.name -Name move.img | Should -Not -BeNullOrEmpty
    # Nor is any of its calls.
    Get-KumoiOperation -Unfinished | Where-Object VM -eq tick | Should -BeNullOrEmpty
  }
}

Describe 'Move-KumoiVMStorage whose session is killed' {
  BeforeEach { Reset-Hosts }
  AfterEach {
    Reset-Hosts
    Get-KumoiPool fast -ErrorAction Ignore | Remove-KumoiPool -Confirm:$false
    foreach ($machine in $one, $two) { Remove-Item (Join-Path $info.directory $machine.name var/lib/libvirt/images-fast) -Recurse -Force -ErrorAction Ignore }
  }

  # libvirt goes on copying when nobody waits for it any more.
  It 'on host <number> at <percent> % leaves the VM with its disk, and after the repair nothing at the new place' -ForEach @(
    # Both generations; each of them at each moment would take a minute more.
    @{ number = 0; percent = 10 }, @{ number = 1; percent = 50 }, @{ number = 0; percent = 90 }
  ) {
    $machine = $info.hosts[$number]
    $there = Get-Image $machine
    New-KumoiPool fast -VMHost $machine.name -Path /var/lib/libvirt/images-fast | Out-Null
    New-Noise "$state/noise" 192MB
    Import-KumoiVolume "$state/noise" move.img -VMHost $machine.name -WarningAction SilentlyContinue | Out-Null
    $disk = "<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='/var/lib/libvirt/images/move.img'/><target dev='vda' bus='virtio'/></disk>"
    $xml = (Invoke-Lab domain-xml tick idle) -join "`n" -replace '<devices>', "<devices>$disk" -replace 'hvm</type>', "hvm</type><boot dev='fd'/>"
    New-KumoiVM -VMHost $machine.name -Xml $xml -Start | Out-Null

    # One virsh that is there already slows the copying down as soon as there is one.
    $slow = Start-Process bash -ArgumentList '-c', "`"while sleep 0.01; do echo 'blockjob tick vda --bandwidth 48'; done | virsh -q -c '$($machine.uri)'`"" -PassThru -RedirectStandardOutput /dev/null -RedirectStandardError "$state/slow"
    try {
      $child = Start-Child $machine "Move-KumoiVMStorage tick fast"
      Wait-ForChild $child {
        $job = & virsh -q -c $machine.uri blockjob tick vda --raw 2>$null | Out-String
        $job -match 'cur=(\d+)' -and ($at = [long]$Matches[1]) -and $job -match 'end=(\d+)' -and $at / [long]$Matches[1] -ge $percent / 100
      }
      $child.Kill()
      $child.WaitForExit()
    }
    finally { $slow.Kill($true) }

    $left = Get-KumoiOperation -Unfinished | Where-Object Kind -EQ MoveStorage
    $left.VM | Should -Be tick
    $result = $left | Repair-KumoiOperation -WarningAction SilentlyContinue
    $result.IsRepaired | Should -BeTrue -Because $result.Message
    (Get-KumoiVM tick).State | Should -Be Running
    (Get-KumoiDisk tick vda).Path | Should -Be /var/lib/libvirt/images/move.img
    & virsh -q -c $machine.uri blockjob tick vda --raw 2>$null | Should -BeNullOrEmpty
    Get-KumoiVolume -VMHost $machine.name -StoragePool fast | Should -BeNullOrEmpty
    Get-ChildItem (Join-Path $info.directory $machine.name var/lib/libvirt/images-fast) | Should -BeNullOrEmpty
    Get-Image $machine | Should -Be ($there + 'move.img' | Sort-Object)
    Get-KumoiOperation -Unfinished | Where-Object VM -EQ tick | Should -BeNullOrEmpty
  }
}

Describe 'Import-KumoiVM whose session is killed' {
  BeforeEach { Reset-Hosts }
  AfterEach { Reset-Hosts }

  It 'while a disk is uploaded leaves nothing after the repair, on host <_>' -ForEach 0, 1 {
    $machine = $info.hosts[$_]
    $there = Get-Image $machine
    $null = New-Item -ItemType Directory "$state/package" -Force
    New-Noise "$state/package/disk.img" 256MB
    @'
<Envelope xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1" xmlns="http://schemas.dmtf.org/ovf/envelope/1">
  <References><File ovf:id="f" ovf:href="disk.img"/></References>
  <DiskSection><Disk ovf:diskId="d" ovf:fileRef="f" ovf:capacity="256" ovf:capacityAllocationUnits="byte * 2^20" ovf:format="urn:raw"/></DiskSection>
  <VirtualSystem ovf:id="halfway"><VirtualHardwareSection>
    <Item><ResourceType>3</ResourceType><VirtualQuantity>1</VirtualQuantity></Item>
    <Item><ResourceType>4</ResourceType><VirtualQuantity>64</VirtualQuantity></Item>
    <Item><ResourceType>17</ResourceType><HostResource>ovf:/disk/d</HostResource></Item>
  </VirtualHardwareSection></VirtualSystem>
</Envelope>
'@ | Set-Content "$state/package/halfway.ovf"
    $made = Join-Path $info.directory $machine.name var/lib/libvirt/images/halfway-1
    $child = Start-Child $machine "Import-KumoiVM '$state/package/halfway.ovf' $($machine.name)"
    # Not the first thing that is there: the volume's making has ended, and is in the journal, when something is written to it.
    Wait-ForChild $child { [long](& stat -c %b $made 2>$null) -gt 0 }
    $child.Kill()
    $child.WaitForExit()

    $left = Get-KumoiOperation -Unfinished | Where-Object Kind -EQ Import
    $left.VM | Should -Be halfway
    Get-Image $machine | Should -Contain halfway-1
    $result = $left | Repair-KumoiOperation -WarningAction SilentlyContinue
    $result.IsRepaired | Should -BeTrue -Because $result.Message
    Get-Image $machine | Should -Be $there
    Get-KumoiVM halfway | Should -BeNullOrEmpty
    Get-KumoiOperation -Unfinished | Where-Object VM -EQ halfway | Should -BeNullOrEmpty
  }
}
