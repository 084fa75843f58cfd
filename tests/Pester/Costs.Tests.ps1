# What commands ask of hosts and write into the journal: docs/architecture.md says the same, and why.
BeforeAll {
  . $PSScriptRoot/Fleet.ps1
  $script:stateOfAll = $env:KUMOI_STATE
  $script:number = 0

  # The calls of each kind, and the operations and events that a command wrote.
  function Measure-Cost {
    param([scriptblock] $Command)
    # A rule counts the calls that it delays, by next to nothing.
    foreach ($kind in 'Read', 'Define', 'Start', 'Stop', 'Migrate') { $null = Add-KumoiFault * $kind -Delay ([timespan]::FromTicks(1)) }
    & $Command | Out-Null
    $calls = Get-KumoiFault | Where-Object Hits | ForEach-Object { "$($_.Operation) $($_.Hits)" }
    Clear-KumoiFault
    (@($calls) + "Operations $(@(Get-KumoiOperation).Count)" + "Events $(@(Get-KumoiEvent).Count)") -join ', '
  }
}

AfterAll {
  Clear-KumoiFault
  if (Get-KumoiConnection) { Disconnect-KumoiHost * }
  $env:KUMOI_STATE = $script:stateOfAll
}

Describe 'The cost of <_.What>' -ForEach @(
  @{ What = 'a list of all VMs of four hosts'; Cost = 'Read 4, Operations 0, Events 0'; Command = { Get-KumoiVM } }
  @{ What = 'a list of four hosts'; Cost = 'Read 4, Operations 0, Events 0'; Command = { Get-KumoiHost } }
  @{ What = 'a start'; Cost = 'Read 5, Start 1, Operations 1, Events 0'; Command = { $vms[0] | Start-KumoiVM } }
  @{ What = 'a pause'; Cost = 'Read 1, Stop 1, Operations 1, Events 0'; Running = 1; Command = { $vms[0] | Suspend-KumoiVM } }
  @{ What = 'the turning off of eight'; Cost = 'Read 8, Stop 8, Operations 8, Events 0'; Running = 8; Command = { $vms | Stop-KumoiVM -TurnOff } }
  @{ What = 'two migrations'; Cost = 'Migrate 2, Operations 2, Events 0'; Running = 8; Command = { $vms[0, 1] | Move-KumoiVM -Destination kvm04 } }
  @{ What = 'a new VM that is started'; Cost = 'Read 1, Define 1, Start 1, Operations 2, Events 0'
    Command = { New-KumoiVM web -VMHost kvm01 -Minimal -MemoryBytes 64MB -Start }
  }
) {
  It 'is <Cost>' {
    $env:KUMOI_STATE = Join-Path $TestDrive "state$(($script:number++))"
    Disconnect-KumoiHost *
    Connect-KumoiHost "sim://costs?hosts=4&vms=2&running=$($_['Running'] ? 2 : 0)&seed=7" | Out-Null
    $vms = Get-KumoiVM
    Measure-Cost $_.Command | Should -Be $_.Cost
  }
}
