# Real libvirt hosts, real QEMU guests. Run by './build.sh lab test', which makes the lab and takes it down again.
BeforeAll {
  . $PSScriptRoot/Lab.ps1
  $script:info = & $labScript info --json | ConvertFrom-Json

  function Reset-Lab {
    Clear-KumoiFault
    if (Get-KumoiConnection) { Disconnect-KumoiHost * }
    foreach ($machine in $script:info.hosts.name) { Invoke-Lab mend $machine; Invoke-Lab power-on $machine; Invoke-Lab start-daemon $machine; Invoke-Lab heal $machine }
    Connect-KumoiHost $script:info.hosts.uri | Out-Null
    Get-KumoiVM | Where-Object State -ne Shutoff | Stop-KumoiVM -TurnOff -ErrorAction SilentlyContinue -ErrorVariable stuck
    # What a test has left in a state that libvirt cannot end must not fail the next one.
    foreach ($machine in $stuck.TargetObject.VMHost | Sort-Object -Unique) {
      Write-Host "$machine cannot turn off a VM, so it loses its power: $(Get-Diagnosis $machine)"
      Invoke-Lab power-off $machine
      Invoke-Lab power-on $machine
    }
    Get-KumoiVM | Remove-KumoiVM -Force
  }

  # The last value that the guest has printed.
  function Get-Counter { param($VM, $Machine = $VM.VMHost) [long](Invoke-Lab counter $Machine $VM.Name) }

  # It lives: its counter grows.
  function Wait-Alive { param($VM) $before = 0; try { $before = Get-Counter $VM } catch { } ; Wait-For { try { (Get-Counter $VM) -gt $before } catch { $false } } }

  $script:local = (Invoke-Lab domain-xml template qcow2) -join "`n"
  $script:shared = (Invoke-Lab domain-xml template idle) -join "`n"
  $script:hot = (Invoke-Lab domain-xml template vhot) -join "`n"
  # Each guest writes its own serial log, which the XML names.
  function Get-Xml { param($Name, $Template = $script:shared) $Template.Replace('template', $Name) }
}

Describe 'The experiments of the paper on real hosts' {
  BeforeEach { Reset-Lab }

  It '1: four VMs run on four of six hosts although a disk image is damaged' {
    Invoke-Lab damage k3
    # All hosts share this machine's CPU, so their load says nothing: the order is by name.
    $vms = Get-KumoiHost | Where-Object CpuRatio -le 1 | Sort-Object Name | Select-Object -First 4 |
      New-KumoiVM -Name { "web-$($_.Name)" } -Xml $script:local -Start -WarningVariable warnings -WarningAction SilentlyContinue -ErrorVariable errors
    $vms.Name | Should -Be web-k1, web-k2, web-k4, web-k5
    $vms.State | Should -Be Running, Running, Running, Running
    $errors | Should -BeNullOrEmpty
    $warnings.Message | Should -BeLike 'k3 failed: *; k5 took its place'
    Get-KumoiVM -VMHost k3 | Should -BeNullOrEmpty
    (Get-KumoiLineage).ToString() | Should -Match '(?s)Where-Object CpuRatio -le 1  6 → 6.*First 4  6 → 4.*✗ k3: .*\(alt\) k5.*\(alt\) ✓ k5: for k3'
  }

  It '1: the same with VMs made from settings, each on a disk image of its host' {
    Invoke-Lab damage k2
    $vms = Get-KumoiHost | Sort-Object Name | Select-Object -First 4 |
      New-KumoiVM -Name { "web-$($_.Name)" } -Minimal -MemoryBytes 64MB -DiskPath "$($script:info.hostImages)/web.qcow2" -DiskFormat qcow2 -Start -WarningAction SilentlyContinue
    $vms.VMHost | Should -Be k1, k3, k4, k5
    $vms.State | Should -Be Running, Running, Running, Running
    Get-KumoiVM -VMHost k2 | Should -BeNullOrEmpty
  }

  It '2: a live migration whose first target fails lands on the next, and the guest goes on' {
    $vm = New-KumoiVM -Name mover -VMHost k1 -Xml (Get-Xml mover $script:local) -Start
    Wait-Alive $vm
    Invoke-Lab damage k2
    $before = Get-Counter $vm
    $moved = Get-KumoiHost | Where-Object Name -ne k1 | Sort-Object Name | Select-Object -First 1 |
      Move-KumoiVM -VM mover -PassThru -WarningVariable warnings -WarningAction SilentlyContinue
    $moved.VMHost | Should -Be k3
    $warnings.Message | Should -BeLike 'k2 failed: *; k3 took its place'
    (Get-KumoiVM mover).VMHost | Should -Be k3
    Wait-For { try { (Get-Counter $moved) -gt $before } catch { $false } }
    Get-Content (Invoke-Lab serial k3 mover) -Raw | Should -Not -Match BOOT
  }

  It '3: all VMs of one host fail to start, the next host''s VM starts' {
    foreach ($machine in 'k1', 'k2', 'k3', 'k4') {
      1..2 | ForEach-Object { New-KumoiVM -Name "$machine-$_" -VMHost $machine -Xml (Get-Xml "$machine-$_" $script:local) } | Out-Null
    }
    Invoke-Lab damage k2
    $started = Get-KumoiHost | Sort-Object Name | Select-Object -First 3 |
      Invoke-KumoiAction { Get-KumoiVM -VMHost $_ -State Shutoff | Select-Object -First 1 | Start-KumoiVM -PassThru } -WarningVariable warnings -WarningAction SilentlyContinue
    $started.Name | Should -Be k1-1, k3-1, k4-1
    $warnings.Message | Should -BeLike 'k2 failed: *; k4 took its place'
    (Get-KumoiVM -State Running).VMHost | Should -Be k1, k3, k4
  }
}

Describe 'Without faults on real hosts' {
  BeforeEach { Reset-Lab }

  It 'the same VMs in the same order as without lineage' {
    $with = Get-KumoiHost | Sort-Object Name | Select-Object -First 3 | New-KumoiVM -Name { "a-$($_.Name)" } -Xml $script:local
    $with | Remove-KumoiVM -Force
    $without = Get-KumoiHost | Sort-Object Name | Select-Object -First 3 | New-KumoiVM -Name { "a-$($_.Name)" } -Xml $script:local -NoSubstitution
    $with.Name | Should -Be $without.Name
    $with.VMHost | Should -Be $without.VMHost
  }

  It 'a VM goes through its life' {
    $vm = New-KumoiVM -Name life -VMHost k1 -Xml (Get-Xml life) -Start
    Wait-Alive $vm
    (Suspend-KumoiVM life -PassThru).State | Should -Be Paused
    (Resume-KumoiVM life -PassThru).State | Should -Be Running
    Wait-Alive $vm
    (Restart-KumoiVM life -Force -PassThru).State | Should -Be Running
    Wait-For { (Get-Content (Invoke-Lab serial k1 life) -Raw).Split('BOOT').Count -ge 3 }
    (Stop-KumoiVM life -TurnOff -PassThru).State | Should -Be Shutoff
    (Start-KumoiVM life -Paused -PassThru).State | Should -Be Paused
    Stop-KumoiVM life -TurnOff
    Remove-KumoiVM life -Confirm:$false
    Get-KumoiVM life* | Should -BeNullOrEmpty
  }

  It 'a new volume is made for a VM, and removed with it' {
    $vm = New-KumoiVM -Name disky -VMHost k1 -Minimal -MemoryBytes 64MB -NewDiskBytes 16MB
    Get-ChildItem $script:info.hosts[0].images -Filter 'disky*' | Should -HaveCount 1
    Remove-KumoiVM $vm -RemoveDisk -Confirm:$false
    Get-ChildItem $script:info.hosts[0].images -Filter 'disky*' | Should -BeNullOrEmpty
  }

  It 'a failed start leaves no volume behind' {
    New-KumoiVM -Name disky -VMHost k1 -Minimal -MemoryBytes 64MB -NewDiskBytes 16MB -DiskPath /nowhere.img -Start -ErrorVariable errors -ErrorAction SilentlyContinue
    $errors | Should -HaveCount 1
    Get-KumoiVM disky* | Should -BeNullOrEmpty
    Get-ChildItem $script:info.hosts[0].images -Filter 'disky*' | Should -BeNullOrEmpty
  }

  It 'XML that libvirt refuses is one error, the rest goes on' {
    $bad = (Get-Xml bad) -replace "machine='[^']+'", "machine='nonsense'"
    New-KumoiVM -Name bad -VMHost k1, k2 -Xml $bad -ErrorVariable errors -ErrorAction SilentlyContinue
    $errors | Should -HaveCount 2
    $errors[0].FullyQualifiedErrorId | Should -BeLike 'NotSupported*' # a machine type is something that a host lacks
    $errors[0].ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
  }

  It 'a migration is aborted by Ctrl+C, and the VM runs on where it was' {
    $vm = New-KumoiVM -Name busy -VMHost k1 -Xml (Get-Xml busy $script:hot) -Start
    Wait-Alive $vm
    $shell = [powershell]::Create()
    # At 4 MiB/s the guest dirties memory faster than it is sent: without Ctrl+C this does not end.
    $null = $shell.AddScript("Import-Module '$env:KUMOI_MODULE'; Move-KumoiVM busy k2 -BandwidthBytesPerSecond 4MB")
    $running = $shell.BeginInvoke()
    Wait-For { $shell.Streams.Progress.Count -gt 2 }
    $stopping = $shell.BeginStop($null, $null)
    Wait-For { $stopping.IsCompleted } # it would not be, ever, if the migration were waited for
    $shell.Dispose()
    Wait-For { @(Get-KumoiVM busy).VMHost -eq 'k1' -and @(Get-KumoiVM busy).State -eq 'Running' }
    Get-KumoiVM -VMHost k2 | Should -BeNullOrEmpty
    Wait-Alive $vm
    (Move-KumoiVM busy k2 -PassThru).VMHost | Should -Be k2
  }
}

Describe 'Watching real hosts' {
  BeforeEach { Reset-Lab }

  It 'tells what happens to VMs, and that something may have been missed while a daemon was away' {
    $shell = [powershell]::Create()
    $null = $shell.AddScript("Import-Module '$env:KUMOI_MODULE'; Watch-KumoiEvent -VMHost k1, k2")
    $told = [System.Management.Automation.PSDataCollection[psobject]]::new()
    $null = $shell.BeginInvoke([System.Management.Automation.PSDataCollection[psobject]]::new(), $told)
    # Enumerating the collection itself would wait for its end.
    function Get-Told { param($Kind, $VM = '*', $Message = '*') for ($i = 0; $i -lt $told.Count; $i++) { $told[$i] | Where-Object { $_.Kind -eq $Kind -and "$($_.VM)" -like $VM -and $_.Message -like $Message } } }
    try {
      # Watching has begun when the first event of a VM comes; until then each start is another try.
      Wait-For {
        New-KumoiVM -Name probe -VMHost k1 -Xml (Get-Xml probe) -Start | Out-Null
        Remove-KumoiVM probe -Force
        Get-Told VMLifecycle probe
      }
      New-KumoiVM -Name seen -VMHost k1 -Xml (Get-Xml seen) -Start | Out-Null
      Wait-For { Get-Told VMLifecycle seen *start* }
      (Get-Told VMLifecycle seen).VMHost | Select-Object -Unique | Should -Be k1
      Invoke-Lab kill-daemon k1
      Wait-For { (Get-Told Gap).VMHost -contains 'k1' }
      # And it goes on.
      Wait-For { try { (Get-KumoiVM seen).State -eq 'Running' } catch { $false } }
      Stop-KumoiVM seen -TurnOff
      Wait-For { Get-Told VMLifecycle seen *stop* }
      # Other hosts were not asked for.
      (Get-Told VMLifecycle).VMHost | Where-Object { $_ -notin 'k1', 'k2' } | Should -BeNullOrEmpty
    }
    finally {
      $shell.Stop()
      $shell.Dispose()
    }
  }
}

Describe 'Hosts that fail' {
  BeforeEach { Reset-Lab }
  AfterAll { Reset-Lab; Disconnect-KumoiHost * }

  It 'one without power among six: five come, one error' {
    Invoke-Lab power-off k4
    $hosts = Get-KumoiHost -ErrorVariable errors -ErrorAction SilentlyContinue
    $hosts.Name | Should -Be k1, k2, k3, k5, k6
    $errors | Should -HaveCount 1
    $errors[0].FullyQualifiedErrorId | Should -BeLike 'ConnectionFailed*'
    $errors[0].TargetObject | Should -Be k4
  }

  It 'it comes back: the next call opens the link again' {
    Invoke-Lab power-off k4
    Get-KumoiHost k4 -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
    Invoke-Lab power-on k4
    (Get-KumoiHost k4).Name | Should -Be k4
  }

  It 'a daemon that was restarted is no error' {
    Invoke-Lab kill-daemon k4
    Wait-For { try { (Invoke-Lab exec k4 virsh -c qemu:///system hostname 2>$null) -eq 'k4' } catch { $false } }
    (Get-KumoiHost k4).Name | Should -Be k4
  }

  It 'a chosen host that loses power while its VM is made is replaced' {
    # The power goes off between the choice and the making of the VMs.
    $vms = Get-KumoiHost | Sort-Object Name | Select-Object -First 3 |
      ForEach-Object { if ($_.Name -eq 'k2') { Invoke-Lab power-off k2 }; $_ } |
      New-KumoiVM -Name { "web-$($_.Name)" } -Xml $script:local -Start -WarningAction SilentlyContinue -ErrorAction SilentlyContinue
    $vms.VMHost | Should -Be k1, k3, k4
  }

  It 'every connection is closed, and nothing holds on to one' {
    Get-KumoiHost -ErrorAction SilentlyContinue | Select-Object -First 1 | Out-Null
    Get-KumoiHost | Sort-Object Name | Select-Object -First 1 | New-KumoiVM -Name { "x-$($_.Name)" } -Xml $script:local | Select-Object -First 1 | Remove-KumoiVM -Force
    Disconnect-KumoiHost *
    $handles = [Kumoi.KumoiHost].Assembly.GetType('Kumoi.Hypervisors.Libvirt.Native.ConnectionHandle')
    $handles.GetProperty('LiveCount').GetValue($null) | Should -Be 0
    # virConnectClose gave 0, every time in all these tests.
    $handles.GetProperty('UncleanCloseCount').GetValue($null) | Should -Be 0
  }
}
