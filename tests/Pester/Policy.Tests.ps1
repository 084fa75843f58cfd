# Measure-KumoiPolicy: what replicated operations would bring. How the simulator itself behaves is tested in C#.
BeforeAll {
  . $PSScriptRoot/Fleet.ps1
  Import-Module $env:KUMOI_MODULE
  $small = @{ HostCount = 64; Duration = [timespan]::FromHours(6); Runs = 3; Seed = 7 }
}

Describe 'Measure-KumoiPolicy' {
  It 'writes one object for each combination, in the order in which they were asked for' {
    $results = Measure-KumoiPolicy RollingUpgrade -FailureRate 0.2, 0.1 -Replicas 1, 2, Auto -HedgeDelay 0, 95 @small
    $results | ForEach-Object { "$($_.FailureRate) $($_.Policy)" } | Should -Be @(
      foreach ($rate in 0.2, 0.1) { foreach ($policy in 'retry', '2 at once', '2 hedged at p95', 'Auto at once', 'Auto hedged at p95') { "$rate $policy" } }
    )
    $results[1] | Should -BeOfType Kumoi.KumoiPolicyResult
    $results[1].Replicas | Should -Be 2
    $results[2].HedgeDelay | Should -Be 95
    $results[3].Replicas | Should -Be Auto
    $results[3].HostCount | Should -Be 64
  }

  It 'runs <workload>, where replicas bring more successes and less time than retry' -ForEach @(
    @{ workload = 'CapacityMultiplexing' }
    @{ workload = 'ContinuousIntegration' }
    @{ workload = 'RollingUpgrade' }
  ) {
    $retry, $replicas = Measure-KumoiPolicy $workload -FailureRate 0.3 -Replicas 1, 3 @small
    $retry.TimeImprovement.Mean | Should -Be 0
    $retry.AttemptRatio.Mean | Should -Be 1
    $replicas.SuccessRatio.Low | Should -BeGreaterThan $retry.SuccessRatio.High
    $replicas.TimeImprovement.Low | Should -BeGreaterThan 0
    $replicas.TimeSec.Mean | Should -BeLessThan $retry.TimeSec.Mean
  }

  It 'gives intervals that hold the mean, and none for a single run' {
    $figure = (Measure-KumoiPolicy ContinuousIntegration 0.2 2 @small).SuccessRatio
    $figure.Low | Should -BeLessThan $figure.Mean
    $figure.High | Should -BeGreaterThan $figure.Mean
    $single = (Measure-KumoiPolicy ContinuousIntegration 0.2 2 -HostCount 64 -Duration 06:00 -Runs 1).SuccessRatio
    $single.HalfWidth | Should -Be NaN
    "$single" | Should -Not -Match '±'
  }

  It 'gives the same for the same seed, and something else for another' {
    $again = @{ HostCount = 64; Duration = '06:00'; Runs = 2 }
    $first, $second, $third = 1, 1, 2 | ForEach-Object { Measure-KumoiPolicy CapacityMultiplexing 0.2 2 @again -Seed $_ }
    $second | Should -Be $first
    $third.SuccessRatio | Should -Not -Be $first.SuccessRatio
  }

  It 'knows other failures than those of hosts' {
    $worst = Measure-KumoiPolicy ContinuousIntegration 0.1 1, 2 -OperationFailureRate 0.2 -SlowHostRatio 0.2 -LostLinkRatio 0.1 -UnknownOutcomeRate 0.3 -RackFailureRatio 0.5 -HostsPerRack 8 @small
    $hostsAlone = Measure-KumoiPolicy ContinuousIntegration 0.1 1, 2 @small
    $worst[0].SuccessRatio.High | Should -BeLessThan $hostsAlone[0].SuccessRatio.Low
    $worst[0].TimeSec.Low | Should -BeGreaterThan $hostsAlone[0].TimeSec.High
    $worst.DoubledVMCount | Should -Be 0, 0
  }

  It 'needs no connection, and changes nothing' {
    if (Get-KumoiConnection) { Disconnect-KumoiHost * -Confirm:$false }
    Measure-KumoiPolicy RollingUpgrade 0 1 @small | Should -HaveCount 1
    Get-KumoiConnection | Should -BeNullOrEmpty
  }

  It 'refuses <because>' -ForEach @(
    @{ because = 'a rate of failures at which nothing is left'; script = { Measure-KumoiPolicy RollingUpgrade -FailureRate 1 }; id = 'ParameterArgumentValidationError*' }
    @{ because = 'a number of replicas that is none'; script = { Measure-KumoiPolicy RollingUpgrade -Replicas 0 }; id = 'ParameterArgumentValidationError*' }
    @{ because = 'failures whose longest is shorter than the shortest'; script = { Measure-KumoiPolicy RollingUpgrade -MinFailureDuration 02:00 -MaxFailureDuration 01:00 }; id = 'InvalidDuration,*' }
    @{ because = 'no time'; script = { Measure-KumoiPolicy RollingUpgrade -Duration 0 }; id = 'InvalidDuration,*' }
  ) {
    $problem = { & $script } | Should -Throw -PassThru
    $problem.FullyQualifiedErrorId | Should -BeLike $id
  }

  It 'shows its figures with their intervals' {
    $text = Measure-KumoiPolicy CapacityMultiplexing 0.2 2 @small | Format-Table | Out-String -Width 200
    $text | Should -Match '(?m)^Workload\s+Failed\s+Policy\s+Success\s+Attempts\s+PerRetry\s+Time\(s\)\s+Shorter\s+Excess\s*$'
    $text | Should -Match '20\s?%\s+2 at once\s+\d+[.,]\d\s?% ± \d+[.,]\d\s?%'
  }

  It 'stops at Ctrl+C in the midst of a simulation' {
    # It would simulate for hours. Its first progress record says that it has begun.
    $null = Stop-When 'Measure-KumoiPolicy CapacityMultiplexing -HostCount 1024 -Duration 100000.00:00 -Runs 2' { param($shell) $shell.Streams.Progress.Count -gt 0 }
  }
}
