# The scripts of docs/runbooks, on simulated fleets with faults.
BeforeAll {
  . $PSScriptRoot/Fleet.ps1
  $runbooks = Resolve-Path (Join-Path $PSScriptRoot '../../docs/runbooks')
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

Describe 'evacuate-a-host' {
  BeforeEach {
    Reset-Fleet 'sim://lab?hosts=6&vms=3&running=3&seed=7'
    $WarningPreference = 'SilentlyContinue'
  }

  It 'moves every running VM to the host that is least loaded then' {
    Stop-KumoiVM kvm03-3
    $expected = (Get-KumoiHost | Where-Object Name -ne kvm03 | Sort-Object CpuRatio)[0].Name
    $moved = & $runbooks/evacuate-a-host.ps1 kvm03
    $moved.Name | Should -Be kvm03-1, kvm03-2
    $moved[0].VMHost | Should -Be $expected
    (Get-KumoiVM -VMHost kvm03).Name | Should -Be kvm03-3
  }

  It 'takes the next destination where one fails' {
    $byLoad = (Get-KumoiHost | Where-Object Name -ne kvm03 | Sort-Object CpuRatio).Name
    Add-KumoiFault $byLoad[0] Migrate | Out-Null
    $moved = & $runbooks/evacuate-a-host.ps1 kvm03
    $moved | Should -HaveCount 3
    $moved.VMHost | Should -Not -Contain $byLoad[0]
  }

  It 'says which VM stayed, and goes on with the others' {
    Add-KumoiFault * Migrate -VM kvm03-2 -FaultDomain VM -Message 'a device blocks migration' | Out-Null
    $moved = & $runbooks/evacuate-a-host.ps1 kvm03 -ErrorVariable errors -ErrorAction SilentlyContinue
    $moved.Name | Should -Be kvm03-1, kvm03-3
    $errors.FullyQualifiedErrorId | Should -Contain 'NotMoved,evacuate-a-host.ps1'
    (Get-KumoiVM -VMHost kvm03).Name | Should -Be kvm03-2
    (Get-KumoiFault).Hits | Should -Be 1
  }

  It 'moves nothing with -WhatIf' {
    & $runbooks/evacuate-a-host.ps1 kvm03 -WhatIf
    (Get-KumoiVM -VMHost kvm03).Count | Should -Be 3
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
