# One VM on two hosts: a leftover of a move, or a copy that somebody restored.
BeforeAll {
  . $PSScriptRoot/Fleet.ps1
  $script:id = '00000000-0000-4000-8000-000000000001'
  function Connect-Two {
    param([int] $On = 1, [int] $Off = 5)
    Clear-KumoiFault
    if (Get-KumoiConnection) { Disconnect-KumoiHost * -Confirm:$false }
    Connect-TestNode ka @{ Name = 'web'; Id = $script:id; State = $On }, 'other' | Out-Null
    Connect-TestNode kb @{ Name = 'web'; Id = $script:id; State = $Off }, 'more' | Out-Null
    $Error.Clear()
  }
}

AfterAll { if (Get-KumoiConnection) { Disconnect-KumoiHost * -Confirm:$false } }

Describe 'Two copies of a VM' -Skip:(-not $env:KUMOI_HAS_LIBVIRT) {
  It 'are both shown' {
    Connect-Two
    Get-KumoiVM web | ForEach-Object { "$($_.VMHost) $($_.State)" } | Should -Be 'ka Running', 'kb Shutoff'
    (Get-KumoiVM | Where-Object Id -EQ $script:id).VMHost | Should -Be ka, kb
  }

  It 'do not run at the same time: the one that is off is not started while the other is <state>' -TestCases @(
    @{ state = 'Running'; on = 1 }, @{ state = 'Paused'; on = 3 }, @{ state = 'Crashed'; on = 6 }
  ) {
    Connect-Two -On $on
    foreach ($start in { Start-KumoiVM web -VMHost kb @with }, { Get-KumoiVM web -VMHost kb | Start-KumoiVM @with }, { [pscustomobject]@{ Name = 'web'; VMHost = 'kb' } | Start-KumoiVM @with }) {
      $with = @{ ErrorAction = 'SilentlyContinue'; ErrorVariable = 'problems' }
      . $start
      $problems.FullyQualifiedErrorId | Should -Be 'RunsElsewhere,Kumoi.PowerShell.Cmdlets.StartKumoiVMCommand'
      $problems[0].Exception.Message | Should -BeLike "*is $state on ka*"
      $problems[0].ErrorDetails.RecommendedAction | Should -BeLike '*-Force*'
      (Get-KumoiVM web -VMHost kb).State | Should -Be Shutoff
    }

    Start-KumoiVM web -VMHost kb -Force
    (Get-KumoiVM web -VMHost kb).State | Should -Be Running
  }

  It 'do not keep one of them from being started when neither runs' {
    Connect-Two -On 5
    Start-KumoiVM web -VMHost kb
    (Get-KumoiVM web).State | Should -Be Shutoff, Running
    Start-KumoiVM web -VMHost ka -ErrorAction SilentlyContinue -ErrorVariable problems
    $problems[0].Exception.Message | Should -BeLike '*on kb*'
  }

  It 'do not both start when both are asked for by one name' {
    Connect-Two -On 5
    Start-KumoiVM web -ThrottleLimit 1 -ErrorAction SilentlyContinue -ErrorVariable problems
    (Get-KumoiVM web | Where-Object State -EQ Running) | Should -HaveCount 1
    $problems | Should -HaveCount 1
  }

  It 'are not resumed one beside the other' {
    Connect-Two -On 1 -Off 3
    Resume-KumoiVM web -VMHost kb -ErrorAction SilentlyContinue -ErrorVariable problems
    $problems.FullyQualifiedErrorId | Should -Be 'RunsElsewhere,Kumoi.PowerShell.Cmdlets.ResumeKumoiVMCommand'
    (Get-KumoiVM web -VMHost kb).State | Should -Be Paused
    Resume-KumoiVM web -VMHost kb -Force
    (Get-KumoiVM web -VMHost kb).State | Should -Be Running
  }

  It 'are not started on several hosts at once either' {
    Connect-Two
    Connect-TestNode kc 'none' | Out-Null
    Get-KumoiVM web -VMHost kb | Start-KumoiVM -Speculative -Destination kb, kc -ErrorAction SilentlyContinue -ErrorVariable problems
    $problems.FullyQualifiedErrorId | Should -Be 'RunsElsewhere,Kumoi.PowerShell.Cmdlets.StartKumoiVMCommand'
  }

  It 'are not made and started by an XML that brings the id' {
    Connect-Two
    Connect-TestNode kc 'none' | Out-Null
    New-KumoiVM -VMHost kc -Start -Xml "<domain type='test'><name>copy</name><uuid>$script:id</uuid><memory>65536</memory><os><type>hvm</type></os></domain>" -ErrorAction SilentlyContinue -ErrorVariable problems
    $problems.FullyQualifiedErrorId | Should -Be 'RunsElsewhere,Kumoi.PowerShell.Cmdlets.NewKumoiVMCommand'
    (Get-KumoiVM -VMHost kc).Name | Should -Be none
  }

  It 'may run on a host that cannot be read now, if one was there when it was read last' {
    Connect-Two
    Get-KumoiHost | Out-Null
    Add-KumoiFault ka Read -Force | Out-Null
    Start-KumoiVM web -VMHost kb -ErrorAction SilentlyContinue -ErrorVariable problems
    $problems.FullyQualifiedErrorId | Should -Be 'RunsElsewhere,Kumoi.PowerShell.Cmdlets.StartKumoiVMCommand'
    $problems[0].Exception.Message | Should -BeLike '*ka*cannot be read*'
  }

  It 'are not known of on a host that cannot be read, which is told once' {
    Connect-Two
    Stop-KumoiVM more -TurnOff
    Add-KumoiFault ka Read -Force | Out-Null
    Get-KumoiVM -VMHost kb | Start-KumoiVM -WarningVariable told -WarningAction SilentlyContinue
    $told | Should -HaveCount 1
    $told[0].Message | Should -BeLike 'ka cannot be read*'
    (Get-KumoiVM -VMHost kb).State | Should -Be Running, Running
  }

  It 'are two VMs to move and to check' {
    Connect-Two
    Connect-TestNode kc 'none' | Out-Null
    (Get-KumoiVM web | Test-KumoiMigration -Destination kc).VMHost | Should -Be ka, kb
    Get-KumoiVM web | Move-KumoiVM -Destination kc -ErrorAction SilentlyContinue -ErrorVariable problems
    $problems.FullyQualifiedErrorId | Should -Not -Contain 'TooManyDestinations,Kumoi.PowerShell.Cmdlets.MoveKumoiVMCommand'
  }

  It 'are shut down both' {
    Connect-Two -On 1 -Off 1
    (Stop-KumoiFleet -WhatIf | Where-Object Name -EQ web).VMHost | Should -Be ka, kb
  }
}

Describe 'A VM that has crashed and is kept' -Skip:(-not $env:KUMOI_HAS_LIBVIRT) {
  BeforeEach {
    Clear-KumoiFault
    if (Get-KumoiConnection) { Disconnect-KumoiHost * -Confirm:$false }
    Connect-TestNode ka @{ Name = 'dead'; State = 6 }, 'alive' | Out-Null
    Connect-TestNode kb 'more' | Out-Null
  }

  It 'is turned off with its fleet' {
    $steps = Stop-KumoiFleet -TurnOff -Confirm:$false -TimeoutSec 5
    $steps | ForEach-Object { "$($_.Name) $($_.State)" } | Should -Be 'alive Done', 'dead Done', 'more Done'
    (Get-KumoiVM dead).State | Should -Be Shutoff
  }

  It 'is a step of a shutdown that turns nothing off too' {
    (Stop-KumoiFleet -WhatIf).Name | Should -Be alive, dead, more
  }

  It 'stays on a host that is emptied, and is listed' {
    $plan = Suspend-KumoiHost ka -WhatIf -ErrorAction SilentlyContinue -ErrorVariable problems
    ($plan | Where-Object Name -EQ dead).State | Should -Be Failed
    ($problems | Where-Object { $_.CategoryInfo.TargetName -eq 'dead' }).Exception.Message | Should -BeLike "*'dead' is Crashed and cannot be moved live*"
  }
}
