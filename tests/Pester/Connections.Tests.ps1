BeforeAll {
  . $PSScriptRoot/Fleet.ps1
  function Disconnect-All { Clear-KumoiFault; if (Get-KumoiConnection) { Disconnect-KumoiHost * } }
}

Describe 'Connecting' {
  BeforeEach { Disconnect-All }

  It 'gives hosts in natural order' {
    (Connect-KumoiHost 'sim://lab?hosts=12').Name[8..11] | Should -Be kvm09, kvm10, kvm11, kvm12
  }

  It 'one unreachable host among twenty: nineteen and one error' {
    Add-KumoiFault kvm07 Connect -Message 'no route to host' | Out-Null
    Connect-KumoiHost 'sim://lab?hosts=20' -ErrorVariable errors -ErrorAction SilentlyContinue | Should -HaveCount 19
    $errors | Should -HaveCount 1
    $errors[0].FullyQualifiedErrorId | Should -BeLike 'ConnectionFailed*'
    $errors[0].TargetObject | Should -Be kvm07
    $errors[0].CategoryInfo.Category | Should -Be ConnectionError
    Get-KumoiHost | Should -HaveCount 19
  }

  It 'one host that does not answer is one error, and holds up no other' {
    Connect-KumoiHost 'sim://lab?hosts=5' -TimeoutSec 1 -RetryCount 0 | Out-Null
    Add-KumoiFault kvm02 Read -Delay ([timespan]::FromMinutes(1)) | Out-Null
    (Get-KumoiHost -ErrorVariable errors -ErrorAction SilentlyContinue).Name | Should -Be kvm01, kvm03, kvm04, kvm05
    $errors[0].FullyQualifiedErrorId | Should -BeLike 'TimedOut*'
    $errors[0].ErrorDetails.RecommendedAction | Should -Match 'TimeoutSec'
  }

  It 'twice to the same host gives the same connection' {
    $first = Connect-KumoiHost 'sim://lab?hosts=2'
    $second = Connect-KumoiHost 'sim://lab?hosts=2'
    $second[0] | Should -Be $first[0]
    Get-KumoiConnection | Should -HaveCount 2
  }

  It 'refuses a second host of the same name, and says how to name it' {
    Connect-KumoiHost 'sim://lab?hosts=1' | Out-Null
    Connect-KumoiHost 'sim://other?hosts=1' -ErrorVariable errors -ErrorAction SilentlyContinue
    $errors[0].ErrorDetails.RecommendedAction | Should -Match '-Name'
    (Connect-KumoiHost 'sim://other/kvm01?hosts=1' -Name second).Name | Should -Be second
  }

  It 'takes all limits' {
    Connect-KumoiHost 'sim://lab?hosts=1' -Limit @{ Retries = 0; ReadTimeout = '00:00:00.050'; BreakerMinimumCalls = 2; BreakerWindow = '00:01:00' } | Out-Null
    Add-KumoiFault kvm01 Read -Delay ([timespan]::FromMinutes(1)) | Out-Null
    $ids = 1..4 | ForEach-Object { Get-KumoiHost -ErrorVariable errors -ErrorAction SilentlyContinue; $errors[0].FullyQualifiedErrorId.Split(',')[0] }
    $ids[0, -1] | Should -Be TimedOut, CircuitOpen
  }

  It 'names of hosts ignore case' {
    Connect-KumoiHost 'sim://lab?hosts=2' | Out-Null
    (Get-KumoiHost KVM01).Name | Should -Be kvm01
    (Get-KumoiVM -VMHost Kvm02).VMHost | Select-Object -Unique | Should -Be kvm02
  }

  It 'labels hosts' {
    Connect-KumoiHost 'sim://lab?hosts=2' -Tag edge | Out-Null
    Get-KumoiHost -Tag edge | Should -HaveCount 2
    Get-KumoiHost -Tag nowhere | Should -BeNullOrEmpty
  }

  It 'a fleet is fresh after all of it was disconnected' {
    Connect-KumoiHost 'sim://lab?hosts=2' | Out-Null
    New-KumoiVM -Name web1 -VMHost kvm01 | Out-Null
    Disconnect-KumoiHost *
    Connect-KumoiHost 'sim://lab?hosts=2' | Out-Null
    Get-KumoiVM web* | Should -BeNullOrEmpty
  }

  It 'bad input is one clear error each, and the rest goes on: <uri>' -ForEach @(
    @{ uri = 'nonsense'; id = 'InvalidUri' }
    @{ uri = 'sim://'; id = 'InvalidUri' }
    @{ uri = 'sim://lab?hosts=many'; id = 'InvalidUri' }
    @{ uri = 'sim://lab?hosts=0'; id = 'InvalidUri' }
    @{ uri = 'sim://lab/kvm99?hosts=2'; id = 'InvalidUri' }
    @{ uri = 'qemu+tcp://[bad/system'; id = 'InvalidUri' }
  ) {
    $good = Connect-KumoiHost $uri, 'sim://lab?hosts=1' -ErrorVariable errors -ErrorAction SilentlyContinue
    $good.Name | Should -Be kvm01
    $errors | Should -HaveCount 1
    $errors[0].FullyQualifiedErrorId | Should -BeLike "$id*"
    $errors[0].ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
  }

  It 'names that are unknown are one error each: <name>' -ForEach @(
    @{ name = 'host'; run = { Get-KumoiHost kvm01, nowhere, kvm02 }; count = 2 }
    @{ name = 'VM'; run = { Get-KumoiVM kvm01-1, nothing, kvm02-1 }; count = 2 }
    @{ name = 'VM to start'; run = { Start-KumoiVM kvm01-2, nothing, kvm02-2 -PassThru }; count = 2 }
    @{ name = 'host to make a VM on'; run = { New-KumoiVM -Name x -VMHost kvm01, nowhere }; count = 1 }
    @{ name = 'destination'; run = { Move-KumoiVM kvm01-1 nowhere -PassThru }; count = 0 }
  ) {
    Connect-KumoiHost 'sim://lab?hosts=2' | Out-Null
    $errors = @()
    $found = & $run -ErrorAction SilentlyContinue 2>&1
    @($found | Where-Object { $_ -isnot [System.Management.Automation.ErrorRecord] }) | Should -HaveCount $count
    $errors = @($found | Where-Object { $_ -is [System.Management.Automation.ErrorRecord] })
    $errors | Should -HaveCount 1
    $errors[0].FullyQualifiedErrorId | Should -BeLike 'NotFound*'
    $errors[0].ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
  }

  It 'a VM name that exists, and XML that is refused, are one error each; the rest goes on' {
    Connect-KumoiHost 'sim://lab?hosts=3' | Out-Null
    New-KumoiVM -Name web1 -VMHost kvm02 | Out-Null
    (New-KumoiVM -Name web1 -VMHost kvm0* -ErrorVariable errors -ErrorAction SilentlyContinue).VMHost | Should -Be kvm01, kvm03
    $errors[0].FullyQualifiedErrorId | Should -BeLike 'VMExists*'
    New-KumoiVM -VMHost kvm01 -Xml '<!DOCTYPE d [<!ENTITY e SYSTEM "file:///etc/passwd">]><domain>&e;</domain>' -Name x -ErrorVariable errors -ErrorAction SilentlyContinue
    $errors[0].FullyQualifiedErrorId | Should -BeLike 'InvalidSpecification*'
  }

  It 'without a connection says so' {
    Get-KumoiHost | Should -BeNullOrEmpty
    Get-KumoiHost kvm01 -ErrorVariable errors -ErrorAction SilentlyContinue
    $errors[0].ErrorDetails.RecommendedAction | Should -Match 'Connect-KumoiHost'
  }
}

Describe 'libvirt in this process' -Skip:(-not $env:KUMOI_HAS_LIBVIRT) {
  BeforeEach { Disconnect-All }
  AfterAll { Disconnect-All }

  It 'reads and changes VMs of test:///default' {
    $connection = Connect-KumoiHost test:///default -Name one
    $connection.Driver | Should -Be libvirt
    (Get-KumoiHost one).MemoryBytes | Should -BeGreaterThan 0
    (Get-KumoiVM test).State | Should -Be Running
    (Suspend-KumoiVM test -PassThru).State | Should -Be Paused
    (Resume-KumoiVM test -PassThru).State | Should -Be Running
    $vm = New-KumoiVM -Name 'a<b>&"c' -VMHost one -MemoryBytes 64MB -Start
    $vm.State | Should -Be Running
    Stop-KumoiVM $vm -TurnOff
    Remove-KumoiVM $vm -Confirm:$false
    Get-KumoiVM 'a<*' | Should -BeNullOrEmpty
  }

  It 'an unreachable host is one error' {
    Connect-KumoiHost 'qemu+unix:///system?socket=/nowhere/libvirt-sock' -RetryCount 0 -ErrorVariable errors -ErrorAction SilentlyContinue
    $errors | Should -HaveCount 1
    $errors[0].FullyQualifiedErrorId | Should -BeLike 'ConnectionFailed*'
  }

  It 'a missing libvirt library is one clear error with the way to get it' {
    $env:KUMOI_LIBVIRT = '/nowhere/libvirt.so'
    try {
      $text = & $env:KUMOI_PWSH -NoProfile -NonInteractive -Command "Import-Module '$env:KUMOI_MODULE'; Connect-KumoiHost test:///default, 'sim://lab?hosts=1' -ErrorVariable e -ErrorAction SilentlyContinue | ForEach-Object Name; `$e[0].FullyQualifiedErrorId; `$e[0].ErrorDetails.RecommendedAction"
    }
    finally {
      $env:KUMOI_LIBVIRT = $null
    }
    $text[0] | Should -Be kvm01
    $text[1] | Should -BeLike 'LibraryMissing*'
    $text[2] | Should -Match 'libvirt0'
  }
}
