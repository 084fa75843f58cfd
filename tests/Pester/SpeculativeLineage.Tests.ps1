# Lineage replaces what speculation could not complete: hosts of which none has won, by as many that the pipeline would have chosen next.
BeforeAll { . $PSScriptRoot/Fleet.ps1 }

Describe 'Hosts of which none has won' {
  BeforeEach {
    $script:state, $env:KUMOI_STATE = $env:KUMOI_STATE, (Join-Path $TestDrive ([guid]::NewGuid()))
    Reset-Fleet 'sim://lab?hosts=8&vms=1&running=1&seed=7'
    $WarningPreference = 'SilentlyContinue'
    function Get-Place { (Get-KumoiVM kvm08-1).VMHost }
    function Get-Tried { Get-KumoiOperation | Where-Object Kind -like 'Speculative*' | ForEach-Object { (($_.Details | ConvertFrom-Json).candidates.name) -join ' ' } }
  }

  AfterEach { $env:KUMOI_STATE = $script:state }

  Context 'Move-KumoiVM' {
    It 'are replaced by as many others, and the VM moves to one of them' {
      Add-KumoiFault kvm0[12] Migrate -Message 'no room' -FaultDomain Host | Out-Null
      $moved = Get-KumoiHost | Sort-Object Name | Select-Object -First 2 |
        Move-KumoiVM -VM kvm08-1 -Speculative -PassThru -ErrorVariable errors -WarningVariable warnings
      $moved.VMHost | Should -Be kvm03
      $errors | Should -BeNullOrEmpty
      $warnings | Should -HaveCount 1
      $warnings[0].Message | Should -Be "kvm01, kvm02 failed: 'kvm08-1' stays on kvm08: no room; kvm03, kvm04 took their place"
      (Get-KumoiEvent -Kind Substitution).VM | Should -Be kvm08-1
      Get-Tried | Should -Be 'kvm01 kvm02', 'kvm03 kvm04'
      Get-KumoiVM kvm08-1 | Should -HaveCount 1
    }

    It 'come after those that came as the reserve' {
      Add-KumoiFault kvm0[1-3] Migrate -Message 'no room' -FaultDomain Host | Out-Null
      (Get-KumoiHost | Sort-Object Name | Select-Object -First 4 | Move-KumoiVM -VM kvm08-1 -Speculative -PassThru).VMHost | Should -Be kvm04
      Get-Tried | Should -Be 'kvm01 kvm02 kvm03 kvm04'
    }

    It 'are replaced across statements by Select-KumoiHost' {
      Add-KumoiFault kvm0[12] Migrate -Message 'no room' -FaultDomain Host | Out-Null
      $hosts = Get-KumoiHost | Sort-Object Name | Select-KumoiHost -First 2
      ($hosts | Move-KumoiVM -VM kvm08-1 -Speculative -PassThru).VMHost | Should -Be kvm03
    }

    It 'until nothing is left: then the first cause is the error, and the VM runs on where it was' {
      Add-KumoiFault * Migrate -Message 'no room' -FaultDomain Host | Out-Null
      Get-KumoiHost kvm0[1-5] | Select-Object -First 2 | Move-KumoiVM -VM kvm08-1 -Speculative -ErrorVariable errors -ErrorAction SilentlyContinue
      $errors | Should -HaveCount 1
      $errors[0].FullyQualifiedErrorId | Should -BeLike 'LineageExhausted*'
      $errors[0].ErrorDetails.Message | Should -BeLike "'kvm08-1' stays on kvm08: no room. Nothing was left to take the place of kvm01, kvm02; tried kvm03, kvm04:*; kvm05:*"
      Get-Tried | Should -Be 'kvm01 kvm02', 'kvm03 kvm04', 'kvm05'
      (Get-KumoiVM kvm08-1).State | Should -Be Running
      Get-Place | Should -Be kvm08
    }

    It 'are replaced for those VMs only that have not moved' {
      Add-KumoiFault kvm0[12] Migrate -VM kvm08-1 -FaultDomain Host | Out-Null
      $moved = Get-KumoiHost | Sort-Object Name | Select-Object -First 2 | Move-KumoiVM -VM kvm07-1, kvm08-1 -Speculative -PassThru
      "$($moved | Sort-Object Name | ForEach-Object { "$($_.Name) $($_.VMHost)" })" | Should -Be 'kvm07-1 kvm01 kvm08-1 kvm03'
    }

    It 'are replaced by hosts that can be read now: the others are passed over' {
      Add-KumoiFault kvm0[12] Migrate -FaultDomain Host | Out-Null
      $vm = Get-KumoiVM kvm08-1
      Add-KumoiFault kvm03 Read -Count 100 -After 1 | Out-Null
      (Get-KumoiHost | Sort-Object Name | Select-Object -First 2 | Move-KumoiVM -VM $vm -Speculative -PassThru).VMHost | Should -Be kvm04
      Get-Tried | Should -Be 'kvm01 kvm02', 'kvm04'
    }

    It 'are an error at once with <With>' -ForEach @{ With = '-NoSubstitution' }, @{ With = 'the preference' } {
      Add-KumoiFault kvm0[12] Migrate -FaultDomain Host | Out-Null
      $more = @{}
      if ($With -eq '-NoSubstitution') { $more.NoSubstitution = $true } else { $KumoiPreference = @{ Substitution = 'None' } }
      { Get-KumoiHost | Sort-Object Name | Select-Object -First 2 | Move-KumoiVM -VM kvm08-1 -Speculative @more -ErrorAction Stop } | Should -Throw -ErrorId 'SpeculationFailed*'
      Get-Place | Should -Be kvm08
    }

    It 'are not replaced where the VM is at fault, since others would fail alike' {
      Add-KumoiFault kvm0[12] Migrate -Message 'broken guest' -FaultDomain VM | Out-Null
      Get-KumoiHost | Sort-Object Name | Select-Object -First 2 | Move-KumoiVM -VM kvm08-1 -Speculative -ErrorVariable errors -ErrorAction SilentlyContinue
      $errors[0].FullyQualifiedErrorId | Should -BeLike 'SpeculationFailed*'
      Get-Tried | Should -HaveCount 1
    }

    It 'are masked with -FailureOblivious only when nothing is left' {
      Add-KumoiFault kvm0[12] Migrate -FaultDomain Host | Out-Null
      (Get-KumoiHost | Sort-Object Name | Select-Object -First 2 | Move-KumoiVM -VM kvm08-1 -Speculative -FailureOblivious -PassThru).VMHost | Should -Be kvm03
      Add-KumoiFault * Migrate -FaultDomain Host | Out-Null
      Get-KumoiHost kvm01, kvm02, kvm04 | Select-Object -First 2 | Move-KumoiVM -VM kvm08-1 -Speculative -FailureOblivious -ErrorVariable errors
      $errors | Should -BeNullOrEmpty
      Get-Place | Should -Be kvm03
    }

    It 'nobody is asked with -WhatIf' {
      Get-KumoiHost | Select-Object -First 2 | Move-KumoiVM -VM kvm08-1 -Speculative -WhatIf
      Get-Tried | Should -BeNullOrEmpty
      Get-Place | Should -Be kvm08
    }

    It 'prefers destinations in the order in which they are given' {
      (Move-KumoiVM kvm08-1 kvm05, kvm03 -Speculative -PassThru).VMHost | Should -Be kvm05
    }
  }

  Context 'New-KumoiVM' {
    It 'are replaced, and one VM is there' {
      Add-KumoiFault kvm0[12] Define -Message 'no space' -FaultDomain Host | Out-Null
      $vm = Get-KumoiHost | Sort-Object Name | Select-Object -First 2 | New-KumoiVM web -Speculative -ErrorVariable errors
      $vm.VMHost | Should -BeIn kvm03, kvm04
      $errors | Should -BeNullOrEmpty
      Get-KumoiVM web | Should -HaveCount 1
      Get-KumoiOperation -Orphaned | Should -BeNullOrEmpty
    }

    It 'what was done on them before is undone, where nothing was made on one' {
      Add-KumoiFault kvm0[12] Define -FaultDomain Host | Out-Null
      $script:done = [System.Collections.Generic.List[string]]::new()
      (Get-KumoiHost | Sort-Object Name | Select-Object -First 2 |
        Invoke-KumoiAction { $script:done.Add("do $_"); $_ } -Undo { $script:done.Add("undo $_") } |
        New-KumoiVM web -Speculative).VMHost | Should -BeIn kvm03, kvm04
      $script:done | Should -Be 'do kvm01', 'do kvm02', 'undo kvm01', 'undo kvm02', 'do kvm03', 'do kvm04'
    }
  }

  It 'Start-KumoiVM takes the next VM for one that starts on none of its destinations' {
    Get-KumoiVM kvm0[123]-1 | Stop-KumoiVM -TurnOff
    Add-KumoiFault kvm0[56] Define -VM kvm01-1 -FaultDomain VM | Out-Null
    $started = Get-KumoiVM kvm0[123]-1 | Sort-Object Name | Select-Object -First 1 | Start-KumoiVM -Speculative -Destination kvm06, kvm05 -Replicas 1 -PassThru
    "$($started.Name) $($started.VMHost)" | Should -Be 'kvm02-1 kvm06'
    (Get-KumoiVM kvm01-1).State | Should -Be Shutoff
  }
}
