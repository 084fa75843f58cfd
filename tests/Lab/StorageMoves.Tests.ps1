# A session that moves a VM with its disks is killed in the middle; another one repairs. Run by './build.sh lab test'.
BeforeAll {
  . $PSScriptRoot/Lab.ps1
  $script:info = & $labScript info --json | ConvertFrom-Json
  $script:one, $script:two = $info.hosts[0], $info.hosts[1]
  $script:state = (New-Item -ItemType Directory "/var/tmp/kumoi-moves-$([guid]::NewGuid().ToString('N').Substring(0, 8))").FullName
  function Get-Image { param($Machine) (Get-ChildItem (Join-Path $info.directory $Machine.name var/lib/libvirt/images)).Name | Sort-Object }
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
