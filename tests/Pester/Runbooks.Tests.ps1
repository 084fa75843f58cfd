# The scripts of docs/runbooks that make and start VMs, on simulated fleets with faults.
BeforeAll {
  . $PSScriptRoot/Runbooks.ps1
}

Describe 'deploy-ten-vms' {
  BeforeEach {
    Reset-Fleet
    $WarningPreference = 'SilentlyContinue'
  }

  It 'runs ten VMs on the least loaded hosts' {
    $byLoad = Get-ByLoad | Select-Object -First 10
    $vms = & $runbooks/deploy-ten-vms.ps1 -Prefix web -MemoryBytes 512MB
    $vms.VMHost | Should -Be $byLoad
    (Get-KumoiVM web-* -State Running).Count | Should -Be 10
  }

  It 'runs ten although two hosts fail, and leaves nothing on those' {
    Add-KumoiFault kvm20 Start | Out-Null
    Add-KumoiFault kvm07 Define | Out-Null
    & $runbooks/deploy-ten-vms.ps1 -Prefix web -MemoryBytes 512MB | Out-Null
    $vms = Get-KumoiVM web-*
    $vms | Should -HaveCount 10
    $vms.VMHost | Should -Not -Contain kvm20
    $vms.VMHost | Should -Not -Contain kvm07
    $vms.VMHost | Should -Contain kvm08
    $vms.VMHost | Should -Contain kvm17
  }

  It 'makes only what is missing when it is run again' {
    & $runbooks/deploy-ten-vms.ps1 -Prefix web -Count 4 | Out-Null
    $more = & $runbooks/deploy-ten-vms.ps1 -Prefix web -Count 6
    $more | Should -HaveCount 2
    & $runbooks/deploy-ten-vms.ps1 -Prefix web -Count 6 | Should -BeNullOrEmpty
    (Get-KumoiVM web-*).VMHost | Sort-Object -Unique | Should -HaveCount 6
  }

  It 'does nothing with -WhatIf' {
    & $runbooks/deploy-ten-vms.ps1 -Prefix web -Count 2 -WhatIf
    Get-KumoiVM web-* | Should -BeNullOrEmpty
  }
}

Describe 'start-web-vms' {
  BeforeEach {
    Reset-Fleet 'sim://lab?hosts=20&vms=3&running=1&seed=7'
    $WarningPreference = 'SilentlyContinue'
    $web = (Get-KumoiHost -Tag web | Sort-Object CpuRatio).Name
  }

  It 'starts one VM on each of ten hosts' {
    $vms = & $runbooks/start-web-vms.ps1
    $vms.VMHost | Should -Be ($web | Select-Object -First 10)
    $vms.State | Should -Be (@('Running') * 10)
  }

  It 'starts another VM of the same host where one does not start' {
    Add-KumoiFault * Start -VM "$($web[2])-2" -FaultDomain VM | Out-Null
    $vms = & $runbooks/start-web-vms.ps1
    $vms.VMHost | Should -Be ($web | Select-Object -First 10)
    $vms[2].Name | Should -Be "$($web[2])-3"
  }

  It 'takes the next host where no VM starts' {
    Add-KumoiFault $web[4] Start | Out-Null
    $vms = & $runbooks/start-web-vms.ps1
    $vms.VMHost | Should -Be ($web | Select-Object -First 11 | Where-Object { $_ -ne $web[4] })
  }

  It 'tries no other VM of a host that has failed itself' {
    Add-KumoiFault $web[0] Start -FaultDomain Host | Out-Null
    $vms = & $runbooks/start-web-vms.ps1 -Count 1
    $vms.VMHost | Should -Be $web[1]
    (Get-KumoiFault).Hits | Should -Be 1
  }

  It 'starts nothing with -WhatIf' {
    & $runbooks/start-web-vms.ps1 -WhatIf
    Get-KumoiVM -State Running | Should -HaveCount 20
  }
}

Describe 'place-a-vm' {
  BeforeEach {
    Reset-Fleet
    $WarningPreference = 'SilentlyContinue'
    $byLoad = Get-ByLoad
  }

  It 'makes the VM on the least loaded host' {
    $vm = & $runbooks/place-a-vm.ps1 db1 -MemoryBytes 4GB -CpuCount 2
    $vm.VMHost | Should -Be $byLoad[0]
    $vm.State | Should -Be Running
    $vm.MemoryBytes | Should -Be 4GB
  }

  It 'makes it once' {
    & $runbooks/place-a-vm.ps1 db1 | Out-Null
    (& $runbooks/place-a-vm.ps1 db1 -Score { $_.CpuRatio }).VMHost | Should -Be $byLoad[0]
    Get-KumoiVM db1 | Should -HaveCount 1
  }

  It 'ranks by the score that it is given, with the variables of the caller' {
    $wanted = $byLoad[6]
    (& $runbooks/place-a-vm.ps1 db1 -Score { $_.Name -eq $wanted }).VMHost | Should -Be $wanted
  }

  It 'makes nothing with -WhatIf' {
    & $runbooks/place-a-vm.ps1 db1 -WhatIf -ErrorVariable errors | Should -BeNullOrEmpty
    $errors | Should -BeNullOrEmpty
    Get-KumoiVM db1 -ErrorAction Ignore | Should -BeNullOrEmpty
  }

  It 'takes the next best host for one that fails' {
    Add-KumoiFault $byLoad[0] Start -Message 'no image' | Out-Null
    (& $runbooks/place-a-vm.ps1 db1 -WarningVariable warnings).VMHost | Should -Be $byLoad[1]
    $warnings.Message | Should -Be "$($byLoad[0]) failed: no image; $($byLoad[1]) took its place"
    Get-KumoiVM db1 | Should -HaveCount 1
  }

  It 'says so where there is no room' {
    & $runbooks/place-a-vm.ps1 db1 -MemoryBytes 65GB -ErrorVariable errors -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
    $errors.FullyQualifiedErrorId | Should -Be 'NotPlaced,place-a-vm.ps1'
  }

  It 'places where nothing can be scored only with -FailureOblivious' {
    $all = & $runbooks/place-a-vm.ps1 db1 -Score { throw 'no metric' } 2>&1
    $all | Select-Result | Should -BeNullOrEmpty
    $all[0].Exception.Message | Should -Be 'no metric'
    $all[-1].FullyQualifiedErrorId | Should -Be 'NotPlaced,place-a-vm.ps1'
    $all = & $runbooks/place-a-vm.ps1 db1 -Score { throw 'no metric' } -FailureOblivious 2>&1
    $all | Select-Error | Should -BeNullOrEmpty
    $all.VMHost | Should -Be kvm01
  }

  It 'makes nothing while a host cannot be read, or leaves it out' {
    Add-KumoiFault $byLoad[0] Read -Message 'no route to host' | Out-Null
    { & $runbooks/place-a-vm.ps1 db1 } | Should -Throw 'no route to host'
    $all = & $runbooks/place-a-vm.ps1 db1 -FailureOblivious 2>&1
    $all | Select-Error | Should -BeNullOrEmpty
    $all.VMHost | Should -Be $byLoad[1]
  }

  It 'needs a host, and one name' {
    { & $runbooks/place-a-vm.ps1 db1 -Tag none } | Should -Throw -ErrorId 'NoHost,place-a-vm.ps1'
    { & $runbooks/place-a-vm.ps1 db* } | Should -Throw -ErrorId 'ParameterArgumentValidationError*'
  }
}

Describe 'scale-a-group' {
  BeforeEach {
    Reset-Fleet 'sim://lab?hosts=4&vms=0&seed=3'
    $WarningPreference = 'SilentlyContinue'
    # Its clones are as busy as it is.
    New-KumoiVM template -VMHost kvm01 -Start -Xml @'
<domain><memory unit='GiB'>1</memory><vcpu>1</vcpu><metadata><k:simulated xmlns:k='https://kumoi.dev/xmlns/1' cpuLoad='0.9'/></metadata></domain>
'@ | Out-Null
    $byLoad = Get-ByLoad
  }

  It 'writes the looks that changed the group' {
    $cycles = & $runbooks/scale-a-group.ps1 web template -Maximum 3 -BreachCount 2 -IntervalSec 0 -Count 8
    $cycles.Step.ForEach{ "$($_.Action) $($_.Name)" } | Should -Be 'Clone web-1', 'Clone web-2', 'Clone web-3'
    (Get-KumoiVM web-* -State Running).Count | Should -Be 3
  }

  It 'goes on with the group that is there when it is run again' {
    & $runbooks/scale-a-group.ps1 web template -Minimum 2 -IntervalSec 0 -Count 2 | Out-Null
    & $runbooks/scale-a-group.ps1 web template -Minimum 2 -IntervalSec 0 -Count 2 | Should -BeNullOrEmpty
    (& $runbooks/scale-a-group.ps1 web template -Minimum 3 -IntervalSec 0 -Count 1).Step.Name | Should -Be web-3
  }

  It 'looks once with -WhatIf, and changes nothing' {
    (& $runbooks/scale-a-group.ps1 web template -Minimum 2 -WhatIf).Step.State | Should -Be Planned
    Get-KumoiVM web-* | Should -BeNullOrEmpty
  }

  It 'takes the next host where a clone fails' {
    $best = (& $runbooks/scale-a-group.ps1 web template -WhatIf).Step.VMHost
    Add-KumoiFault $best Start -FaultDomain Host -Message 'no image' | Out-Null
    $cycle = & $runbooks/scale-a-group.ps1 web template -IntervalSec 0 -Count 1
    $cycle.Step.VMHost | Should -Not -Be $best
    $cycle.Step.Substitutions | Should -Be "$best failed: no image; $($cycle.Step.VMHost) took its place"
  }

  It 'ends with the error that nothing replaced, or tries again with -FailureOblivious' {
    Add-KumoiFault * Start -FaultDomain Host -Message 'no image' | Out-Null
    { & $runbooks/scale-a-group.ps1 web template -IntervalSec 0 -Count 2 } | Should -Throw 'no image'
    Clear-KumoiFault
    $hosts = (Get-KumoiHost).Count
    Add-KumoiFault * Start -FaultDomain Host -Message 'no image' -Count $hosts | Out-Null
    $cycles = & $runbooks/scale-a-group.ps1 web template -IntervalSec 0 -Count 2 -FailureOblivious
    $cycles.Step.State | Should -Be Masked, Done
  }

  It 'ends where a host cannot be read, or goes on with -FailureOblivious' {
    Add-KumoiFault kvm02 Read -Message 'no route to host' | Out-Null
    { & $runbooks/scale-a-group.ps1 web template -IntervalSec 0 -Count 2 } | Should -Throw 'no route to host'
    (& $runbooks/scale-a-group.ps1 web template -IntervalSec 0 -Count 2 -FailureOblivious).Step.State | Should -Be Done
  }

  It 'connects by itself, and ends if it cannot' {
    Disconnect-KumoiHost *
    Add-KumoiFault kvm02 Connect -Message 'no route to host' | Out-Null
    { & $runbooks/scale-a-group.ps1 web template -Uri 'sim://lab?hosts=4&vms=1&seed=3' -Count 1 } | Should -Throw 'no route to host'
    Clear-KumoiFault
    (& $runbooks/scale-a-group.ps1 web kvm01-1 -Uri 'sim://lab?hosts=4&vms=1&seed=3' -Count 1).Step.Name | Should -Be web-1
  }
}

Describe 'protect-a-vm' {
  BeforeEach {
    if (Get-KumoiConnection) { Stop-KumoiFtPair * | Out-Null }
    Reset-Fleet
    $WarningPreference = 'SilentlyContinue'
  }

  AfterAll { Stop-KumoiFtPair * | Out-Null }

  It 'protects a VM by the least loaded hosts, and tries the takeover out' {
    $expected = Get-KumoiHost | Where-Object Name -NE kvm09 | Sort-Object CpuRatio | Select-Object -First 1
    $pair = & $runbooks/protect-a-vm.ps1 kvm09-1 -MaxOutputLatencyMs 300
    $pair.State | Should -Be Protected
    $pair.Primary, $pair.Backup | Should -Be kvm09, $expected.Name
  }

  It 'leaves a VM alone that is protected' {
    & $runbooks/protect-a-vm.ps1 kvm09-1 | Out-Null
    $id = (Get-KumoiFtPair kvm09-1).Id
    & $runbooks/protect-a-vm.ps1 kvm09-1 | Out-Null
    (Get-KumoiFtPair kvm09-1).Id | Should -Be $id
  }

  It 'says what stands in the way with -WhatIf, and does nothing' {
    & $runbooks/protect-a-vm.ps1 kvm09-1 -WhatIf | Out-Null
    Get-KumoiFtPair | Should -BeNullOrEmpty
  }

  It 'ends with an error where nothing can be the backup' {
    Get-KumoiHost | Where-Object Name -NE kvm09 | ForEach-Object { Disconnect-KumoiHost $_.Name }
    { & $runbooks/protect-a-vm.ps1 kvm09-1 } | Should -Throw
  }
}
