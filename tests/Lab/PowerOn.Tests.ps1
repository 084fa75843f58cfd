# Power-on placement on real hosts: one VM, paused copies on several hosts, one of which is let run.
BeforeAll {
  . $PSScriptRoot/Lab.ps1
  $script:info = & $labScript info --json | ConvertFrom-Json
  function Wait-Alive { param($VM) Wait-For { try { [long](Invoke-Lab counter $VM.VMHost $VM.Name) -gt 0 } catch { $false } } }
  function Get-Images { param($Machine) @(Invoke-Lab exec $Machine ls /var/lib/libvirt/images) }
  # A serial log outlives its guest: each test has names of its own.
  $script:template = (Invoke-Lab domain-xml template qcow2) -join "`n"
  function Get-Xml { param($Name) $script:template.Replace('template', $Name) }
}

Describe 'Power-on placement on real hosts' {
  BeforeEach {
    $env:KUMOI_STATE = Join-Path $TestDrive ([guid]::NewGuid())
    Clear-KumoiFault
    if (Get-KumoiConnection) { Disconnect-KumoiHost * }
    foreach ($machine in $script:info.hosts.name) { Invoke-Lab mend $machine; Invoke-Lab power-on $machine; Invoke-Lab start-daemon $machine; Invoke-Lab heal $machine }
    Connect-KumoiHost $script:info.hosts.uri | Out-Null
    Get-KumoiVM | Where-Object State -ne Shutoff | Stop-KumoiVM -TurnOff
    Get-KumoiVM | Remove-KumoiVM -Force
  }

  It 'lets one of <Count> copies run, and leaves nothing of the others' -ForEach @{ Count = 2 }, @{ Count = 3 } {
    $machines = $script:info.hosts.name | Select-Object -First $Count
    $vm = New-KumoiVM "placed-$Count" -VMHost $machines -Xml (Get-Xml "placed-$Count") -Speculative -Replicas $Count
    $vm.State | Should -Be Running
    Wait-Alive $vm
    (Get-KumoiVM).VMHost | Should -Be $vm.VMHost
    Get-KumoiOperation -Orphaned | Should -BeNullOrEmpty
    Get-KumoiOperation -Unfinished | Should -BeNullOrEmpty
    Invoke-Lab exec $vm.VMHost virsh dumpxml $vm.Name | Should -Not -Match speculation
  }

  It 'makes new disks and overlays for each copy, and keeps those of the one that runs' {
    $before = @{}
    foreach ($machine in 'k1', 'k2') { $before[$machine] = Get-Images $machine }
    $vm = New-KumoiVM disky -VMHost k1, k2 -Minimal -MemoryBytes 64MB -DiskTemplatePath "$($script:info.hostImages)/web.qcow2" -NewDiskBytes 8MB -Speculative
    $loser = @('k1', 'k2') -ne $vm.VMHost
    Get-Images $loser[0] | Should -Be $before[$loser[0]]
    @(Get-Images $vm.VMHost | Where-Object { $_ -notin $before[$vm.VMHost] }) | Should -BeLike 'disky-r?-?'
    Get-Images $vm.VMHost | Where-Object { $_ -notin $before[$vm.VMHost] } | Should -HaveCount 2
    $vm | Remove-KumoiVM -Force -RemoveDisk
    Get-Images $vm.VMHost | Should -Be $before[$vm.VMHost]
  }

  It 'starts a VM that is off on another host, to which its definition goes' {
    $defined = New-KumoiVM goer -VMHost k1 -Xml (Get-Xml goer)
    $vm = Start-KumoiVM goer -Speculative -Destination k2, k3 -PassThru
    $vm.Id | Should -Be $defined.Id
    Wait-Alive $vm
    (Get-KumoiVM goer).VMHost | Should -Be $vm.VMHost
    (Get-KumoiVM goer).IsPersistent | Should -BeTrue
  }

  It 'does not start a VM elsewhere whose saved state would be lost' {
    $name = "saved-$PID" # its serial log is looked at as a whole
    $vm = New-KumoiVM $name -VMHost k1 -Xml (Get-Xml $name) -Start
    Wait-Alive $vm
    Invoke-Lab exec k1 virsh managedsave $name | Out-Null
    { Start-KumoiVM $name -Speculative -Destination k2, k3 -ErrorAction Stop } | Should -Throw '*saved state*'
    Start-KumoiVM $name -Speculative -Destination k1 -PassThru | ForEach-Object VMHost | Should -Be k1
    Get-Content (Invoke-Lab serial k1 $name) -Raw | Should -Not -Match '(?s)BOOT.*BOOT' -Because 'it goes on where it was saved'
  }

  It 'takes the next host for one whose images do not open, and for one that has lost its power' {
    Invoke-Lab damage k1
    Invoke-Lab power-off k2 --silent
    $vm = New-KumoiVM third -VMHost k1, k2, k3 -Xml (Get-Xml third) -Speculative -Replicas 1 -TimeLimitSec 10 -WarningAction SilentlyContinue
    $vm.VMHost | Should -Be k3
    Wait-Alive $vm
  }

  It 'takes the next hosts of the pipeline for those of which none can run it' {
    Invoke-Lab damage k1
    Invoke-Lab damage k2
    $vm = Get-KumoiHost | Sort-Object Name | Select-Object -First 2 |
      New-KumoiVM "next-$PID" -Xml (Get-Xml "next-$PID") -Speculative -ErrorVariable errors -WarningVariable warnings -WarningAction SilentlyContinue
    $errors | Should -BeNullOrEmpty
    $vm.VMHost | Should -BeIn k3, k4
    Wait-Alive $vm
    $warnings.Message | Should -BeLike 'k1, k2 failed: *; k3, k4 took their place'
    Get-KumoiVM | Should -HaveCount 1
    Get-KumoiOperation -Orphaned | Should -BeNullOrEmpty
  }

  It 'makes copies that would write to one image one at a time: the image''s lock would stop the second' {
    $image = Join-Path $script:info.sharedImages writer.qcow2
    & qemu-img create -q -f qcow2 $image 1M
    $LASTEXITCODE | Should -Be 0
    $xml = (Get-Xml writer).Replace("$($script:info.hostImages)/web.qcow2", $image).Replace('<readonly/>', '')
    Invoke-Lab damage k1 # of no matter to an image that is not the host's own
    $vm = New-KumoiVM writer -VMHost k1, k2, k3 -Xml $xml -Speculative -Replicas 3
    $vm.VMHost | Should -Be k1
    @(Get-KumoiOperation -VM writer | Where-Object Kind -eq Define).VMHost | Should -Be k1
    Remove-KumoiVM writer -Force
    Remove-Item $image
  }

  It 'offers the repair of what is unfinished when a host of it is connected' {
    # k2 takes a copy, and then does not let go of it.
    Add-KumoiFault k2 Start -Force | Out-Null
    Add-KumoiFault k2 Stop -Force | Out-Null
    (New-KumoiVM offered -VMHost k2, k3 -Xml (Get-Xml offered) -Speculative -WarningAction SilentlyContinue).VMHost | Should -Be k3
    Clear-KumoiFault
    Disconnect-KumoiHost k2
    Connect-KumoiHost $script:info.hosts[1].uri -WarningVariable warnings -WarningAction SilentlyContinue | Out-Null
    $warnings.Message | Should -BeLike '1 operation on several hosts ended before its end*Get-KumoiOperation -Unfinished | Repair-KumoiOperation'
    (Get-KumoiOperation -Unfinished | Repair-KumoiOperation).IsRepaired | Should -BeTrue
    (Get-KumoiVM offered).VMHost | Should -Be k3
    Disconnect-KumoiHost k2
    Connect-KumoiHost $script:info.hosts[1].uri -WarningVariable warnings | Out-Null
    $warnings | Should -BeNullOrEmpty
  }

  It 'survives the death of its controller, with the journal and without it' {
    $root = Resolve-Path (Join-Path $PSScriptRoot '../..')
    $pwsh = $env:KUMOI_PWSH
    $seed = Get-Random -Maximum 1000000
    $printed = & $pwsh -NoProfile -NonInteractive -File (Join-Path $root 'experiments/PowerOnLab.ps1') -Module $env:KUMOI_MODULE -Count 5 -Seed $seed 2>&1
    $LASTEXITCODE | Should -Be 0 -Because "seed $seed`: $($printed -join "`n")"
  }
}
