# The agent as a process: what it survives, and what it says. What it does inside is tested in C#.
BeforeDiscovery {
  $canRun = ($IsLinux -or $IsMacOS) -and (dotnet --list-runtimes | Select-String 'Microsoft\.AspNetCore\.App 10\.')
  $hasLibvirt = $canRun -and $env:KUMOI_HAS_LIBVIRT
}

BeforeAll {
  . $PSScriptRoot/Fleet.ps1
  $before = $env:KUMOI_STATE
  $path = $env:PATH

  function Wait-End {
    # Until the process has ended: no agent takes longer.
    param([int] $Id)
    try { $process = Get-Process -Id $Id -ErrorAction Stop } catch { return }
    $process.WaitForExit($givenUpAfter) | Should -BeTrue
  }

  function Wait-For {
    # What the block gives, when it gives something.
    param([scriptblock] $Block)
    $given = [System.Diagnostics.Stopwatch]::StartNew()
    while (-not ($seen = & $Block)) {
      if ($given.Elapsed -gt $givenUpAfter) { throw "It did not come to: $Block" }
      [System.Threading.Thread]::Sleep(10)
    }
    $seen
  }

  function Start-Pwsh {
    # A session of its own.
    param([string] $Script)
    $start = [System.Diagnostics.ProcessStartInfo]::new($env:KUMOI_PWSH)
    foreach ($argument in '-NoProfile', '-NonInteractive', '-Command', "`$ProgressPreference = 'SilentlyContinue'; Import-Module '$env:KUMOI_MODULE'; $Script") { $start.ArgumentList.Add($argument) }
    $start.RedirectStandardOutput = $start.RedirectStandardInput = $true
    [System.Diagnostics.Process]::Start($start)
  }

  function Get-Agents {
    # The processes of agents of this journal.
    if ($IsLinux) {
      Get-ChildItem /proc -Directory | Where-Object Name -match '^\d+$' | Where-Object {
        try { ([System.IO.File]::ReadAllText("$_/cmdline") -split "`0") -ccontains $env:KUMOI_STATE } catch { $false }
      }
    }
  }
}

AfterAll {
  $env:KUMOI_STATE = $before
  $env:PATH = $path
}

Describe 'the agent' -Skip:(-not $canRun) {
  BeforeEach {
    $env:KUMOI_STATE = Join-Path $TestDrive ([guid]::NewGuid())
  }

  AfterEach {
    $env:PATH = $path
    Stop-KumoiAgent -Force -ErrorAction SilentlyContinue
    if ($env:KUMOI_STATE) { @(Get-Agents).ForEach{ Stop-Process -Id $_.Name -Force -ErrorAction Ignore } }
    if (Get-KumoiConnection) { Disconnect-KumoiHost * -Confirm:$false }
  }

  It 'is not started by being looked at' {
    $agent = Get-KumoiAgent
    $agent.State | Should -Be NotRunning
    $agent.ProcessId | Should -BeNullOrEmpty
    $agent.Log | Should -BeLike "$env:KUMOI_STATE*"
    $env:KUMOI_STATE | Should -Not -Exist
    "$agent" | Should -Be NotRunning
  }

  It 'is started once, and then it is the same' {
    Start-KumoiAgent | Should -BeNullOrEmpty
    $agent = Get-KumoiAgent
    $agent.State | Should -Be Running
    $agent.IdleLimitSec | Should -Be 600
    $agent.MemoryBytes | Should -BeGreaterThan 1MB
    $again = Start-KumoiAgent -PassThru -IdleSec 30
    $again.ProcessId | Should -Be $agent.ProcessId
    $again.IdleLimitSec | Should -Be 30
    Get-Content $agent.Log | Should -BeLike "*runs (process $($agent.ProcessId))*"
  }

  It 'is not started or ended with -WhatIf' {
    Start-KumoiAgent -WhatIf
    (Get-KumoiAgent).State | Should -Be NotRunning
    Start-KumoiAgent
    Stop-KumoiAgent -WhatIf
    (Get-KumoiAgent).State | Should -Be Running
  }

  It 'has ended when Stop-KumoiAgent returns, and stopping it again is no error' {
    $agent = Start-KumoiAgent -PassThru
    Stop-KumoiAgent -ErrorVariable errors
    (Get-KumoiAgent).State | Should -Be NotRunning
    Wait-End $agent.ProcessId
    Join-Path $env:KUMOI_STATE agent/agent.sock | Should -Not -Exist
    Stop-KumoiAgent -ErrorVariable +errors
    $errors | Should -BeNullOrEmpty
  }

  It 'ends by itself when it has nothing to do' {
    $agent = Start-KumoiAgent -IdleSec 1 -PassThru
    Wait-End $agent.ProcessId
    (Get-KumoiAgent).State | Should -Be NotRunning
  }

  It 'survives its starter, and is in a session of its own without a terminal' {
    $starter = Start-Pwsh "(Start-KumoiAgent -PassThru).ProcessId; [Console]::ReadLine()"
    $agent = [int] $starter.StandardOutput.ReadLine()
    $starter.Kill()
    $starter.WaitForExit()
    (Get-KumoiAgent).ProcessId | Should -Be $agent
    if ($IsLinux) {
      $fields = (Get-Content "/proc/$agent/stat") -replace '^.*\) ' -split ' '
      # Group and session are its own; no terminal.
      $fields[2, 3, 4] | Should -Be $agent, $agent, 0
      @(0, 1, 2).ForEach{ (Get-Item "/proc/$agent/fd/$_").ResolvedTarget } | Should -Be /dev/null, /dev/null, /dev/null
      (Get-Item "/proc/$agent/cwd").ResolvedTarget | Should -Be /
    }
  }

  It 'keeps nothing open that the starter''s caller waits for' -Skip:(-not $IsLinux) {
    # As in: flock lock pwsh -c …; the lock is free when pwsh has ended.
    $lock = Join-Path $TestDrive lock
    bash -c "exec 9>'$lock'; flock 9; '$env:KUMOI_PWSH' -NoProfile -NonInteractive -Command 'Import-Module ""$env:KUMOI_MODULE""; Start-KumoiAgent'"
    (Get-KumoiAgent).State | Should -Be Running
    bash -c "flock -n '$lock' true"
    $LASTEXITCODE | Should -Be 0
  }

  It 'is one where many start it at once, and all get it' {
    $starters = 1..4 | ForEach-Object { Start-Pwsh '(Start-KumoiAgent -PassThru).ProcessId' }
    $seen = $starters.ForEach{ $_.StandardOutput.ReadToEnd().Trim() }
    $starters.ForEach{ $_.WaitForExit() }
    $seen | Select-Object -Unique | Should -Be "$((Get-KumoiAgent).ProcessId)"
    $seen | Should -HaveCount 4
    if ($IsLinux) { @(Get-Agents) | Should -HaveCount 1 }
  }

  It 'is replaced after kill -9' {
    $agent = Start-KumoiAgent -PassThru
    Stop-Process -Id $agent.ProcessId -Force
    Wait-End $agent.ProcessId
    Join-Path $env:KUMOI_STATE agent/agent.sock | Should -Exist
    (Get-KumoiAgent).State | Should -Be NotRunning
    $next = Start-KumoiAgent -PassThru
    $next.ProcessId | Should -Not -Be $agent.ProcessId
    $next.State | Should -Be Running
  }

  It 'ends in an orderly way on SIGTERM' -Skip:(-not $IsLinux) {
    $agent = Start-KumoiAgent -PassThru
    bash -c "kill $($agent.ProcessId)"
    Wait-End $agent.ProcessId
    Get-Content $agent.Log | Select-Object -Last 1 | Should -BeLike '*The agent ends: it got SIGTERM.'
    Join-Path $env:KUMOI_STATE agent/agent.sock | Should -Not -Exist
  }

  It 'has a journal and a work of its own for each KUMOI_STATE' {
    $one = Start-KumoiAgent -PassThru
    $first = $env:KUMOI_STATE
    $env:KUMOI_STATE = Join-Path $TestDrive ([guid]::NewGuid())
    (Get-KumoiAgent).State | Should -Be NotRunning
    $two = Start-KumoiAgent -PassThru
    $two.ProcessId | Should -Not -Be $one.ProcessId
    Stop-KumoiAgent
    $env:KUMOI_STATE = $first
    (Get-KumoiAgent).ProcessId | Should -Be $one.ProcessId
  }

  It 'says what to install where ASP.NET Core is missing' {
    $empty = New-Item -ItemType Directory (Join-Path $TestDrive ([guid]::NewGuid()))
    $dotnet = Split-Path (Get-Item (Get-Command dotnet -CommandType Application)[0].Source).ResolvedTarget
    # As on a machine that has PowerShell only. Where .NET is in a usual place this cannot be played: the C# tests have it.
    if ($dotnet -in '/usr/share/dotnet', '/usr/lib/dotnet', '/usr/lib64/dotnet', '/usr/local/share/dotnet', "$HOME/.dotnet") {
      Set-ItResult -Skipped -Because '.NET is installed in one of the places that are looked at in any case'
      return
    }
    $env:PATH = $empty
    Start-KumoiAgent -ErrorVariable errors -ErrorAction SilentlyContinue
    $errors.FullyQualifiedErrorId | Should -Be 'AgentRuntimeMissing,Kumoi.PowerShell.Cmdlets.StartKumoiAgentCommand'
  }

  It 'is missing in a module without its folder, and says so' {
    $copy = Join-Path $TestDrive 'without/Kumoi'
    Copy-Item $env:KUMOI_MODULE $copy -Recurse
    Remove-Item $copy/agent -Recurse
    $told = & $env:KUMOI_PWSH -NoProfile -NonInteractive -Command "Import-Module '$copy'; Start-KumoiAgent -ErrorAction SilentlyContinue -ErrorVariable e; `$e.FullyQualifiedErrorId; `$e[0].ErrorDetails.RecommendedAction; (Get-KumoiAgent).State"
    $told[0] | Should -Be 'AgentNotInstalled,Kumoi.PowerShell.Cmdlets.StartKumoiAgentCommand'
    $told[1] | Should -BeLike '*whole package*'
    $told[2] | Should -Be NotRunning
  }

  It 'of another version is seen and can be ended, and gets no work' {
    # A build of which only the identity differs.
    $copy = Join-Path $TestDrive 'other/Kumoi'
    Copy-Item $env:KUMOI_MODULE $copy -Recurse
    $core = "$copy/bin/Kumoi.Core.dll"
    $bytes = [System.IO.File]::ReadAllBytes($core)
    $id = [Kumoi.KumoiAgent].Assembly.ManifestModule.ModuleVersionId.ToByteArray()
    $at = [System.Text.Encoding]::Latin1.GetString($bytes).IndexOf([System.Text.Encoding]::Latin1.GetString($id), [System.StringComparison]::Ordinal)
    $at | Should -BeGreaterThan 0
    $bytes[$at] = $bytes[$at] -bxor 255
    [System.IO.File]::WriteAllBytes($core, $bytes)
    $null = & $env:KUMOI_PWSH -NoProfile -NonInteractive -Command "Import-Module '$copy'; Start-KumoiAgent"

    $agent = Get-KumoiAgent
    $agent.State | Should -Be OtherVersion
    Start-KumoiAgent -ErrorVariable errors -ErrorAction SilentlyContinue
    $errors.FullyQualifiedErrorId | Should -Be 'AgentOtherVersion,Kumoi.PowerShell.Cmdlets.StartKumoiAgentCommand'
    $errors[0].ErrorDetails.RecommendedAction | Should -BeLike '*Stop-KumoiAgent -Force*'
    Stop-KumoiAgent -Force
    (Start-KumoiAgent -PassThru).State | Should -Be Running
  }

  It 'refuses a folder that others can get into' {
    # By another session: this one has no connection yet that it would go on with.
    (Start-Pwsh 'Start-KumoiAgent').WaitForExit()
    chmod 755 (Join-Path $env:KUMOI_STATE agent)
    Get-KumoiAgent -ErrorVariable errors -ErrorAction SilentlyContinue
    $errors.FullyQualifiedErrorId | Should -Be 'AgentNotOurs,Kumoi.PowerShell.Cmdlets.GetKumoiAgentCommand'
    $errors[0].ErrorDetails.RecommendedAction | Should -BeLike "*chmod 700*"
    chmod 700 (Join-Path $env:KUMOI_STATE agent)
    (Get-KumoiAgent).State | Should -Be Running
  }

  It 'cannot have a simulated host, and is not started for that' {
    Connect-KumoiHost sim://lab?hosts=2 | Out-Null
    Start-KumoiScaling web kvm01-1 -Persistent -ErrorVariable errors -ErrorAction SilentlyContinue
    Measure-KumoiUsage -Persistent -ErrorVariable +errors -ErrorAction SilentlyContinue
    $errors.FullyQualifiedErrorId | Should -Be @(
      'AgentRefused,Kumoi.PowerShell.Cmdlets.StartKumoiScalingCommand', 'AgentRefused,Kumoi.PowerShell.Cmdlets.MeasureKumoiUsageCommand')
    $errors[0].Exception.Message | Should -BeLike '*simulated*'
    (Get-KumoiAgent).State | Should -Be NotRunning
  }

  Context 'with work' -Skip:(-not $hasLibvirt) {
    BeforeEach {
      Connect-TestNode h1 master, web-1 | Out-Null
      # It looks and has nothing to change: libvirt's test driver has no room for a clone.
      $web = @{ Group = 'web'; Master = 'master'; Minimum = 0; UpperCpuRatio = 1; IntervalSec = 0; Persistent = $true }
    }

    It 'scales a group after the end of the session that gave it, which any session sees and stops' {
      $uri = (Get-KumoiConnection).Uri
      $session = Start-Pwsh "Connect-KumoiHost '$uri' -Name h1 | Out-Null; (Start-KumoiScaling web master -Minimum 0 -UpperCpuRatio 1 -IntervalSec 0 -Persistent).IsPersistent; [Console]::ReadLine()"
      $session.StandardOutput.ReadLine() | Should -Be True
      $session.Kill()
      $session.WaitForExit()

      $seen = Wait-For { Get-KumoiScaling | Where-Object CycleCount -ge 3 }
      $seen.State | Should -Be Running
      $seen.Group | Should -Be web
      $seen.LastCycle.VMCount | Should -Be 1
      (Get-KumoiAgent).ScalingGroups | Should -Be web
      $stopped = Stop-KumoiScaling w*
      $stopped.State | Should -Be Stopped
      $stopped.CycleCount | Should -BeGreaterThan 2
      Get-KumoiScaling | Should -BeNullOrEmpty
      (Get-KumoiEvent -Kind Agent).Message | Should -Be "The agent was given the scaling of 'web'.", "The scaling of 'web' was taken from the agent."
    }

    It 'goes on after kill -9' {
      Start-KumoiScaling @web | Out-Null
      $agent = Get-KumoiAgent
      $null = Wait-For { Get-KumoiScaling | Where-Object CycleCount -ge 1 }
      Stop-Process -Id $agent.ProcessId -Force
      Wait-End $agent.ProcessId
      $waiting = Get-KumoiScaling
      $waiting.State | Should -Be Waiting
      $waiting.Error | Should -BeLike '*Start-KumoiAgent*'
      (Get-KumoiAgent).ScalingGroups | Should -Be web
      Start-KumoiAgent
      (Wait-For { Get-KumoiScaling | Where-Object CycleCount -ge 1 }).State | Should -Be Running
    }

    It 'is not ended while it has work, and with -Force the work stays' {
      Start-KumoiScaling @web | Out-Null
      Stop-KumoiAgent -ErrorVariable errors -ErrorAction SilentlyContinue
      $errors.FullyQualifiedErrorId | Should -Be 'AgentHasWork,Kumoi.PowerShell.Cmdlets.StopKumoiAgentCommand'
      (Get-KumoiAgent).State | Should -Be Running
      Stop-KumoiAgent -Force
      (Get-KumoiScaling).State | Should -Be Waiting
      # Taken away without an agent, and without starting one.
      (Stop-KumoiScaling web).State | Should -Be Stopped
      (Get-KumoiAgent).State | Should -Be NotRunning
      Get-KumoiScaling | Should -BeNullOrEmpty
    }

    It 'has a group once, whoever asks' {
      Start-KumoiScaling @web | Out-Null
      Start-KumoiScaling @web -ErrorVariable errors -ErrorAction SilentlyContinue
      $web.Remove('Persistent')
      Start-KumoiScaling @web -ErrorVariable +errors -ErrorAction SilentlyContinue
      $errors.FullyQualifiedErrorId | Select-Object -Unique | Should -Be 'ScalingRunning,Kumoi.PowerShell.Cmdlets.StartKumoiScalingCommand'
      $errors | Should -HaveCount 2
      Stop-KumoiScaling web | Out-Null
      Start-KumoiScaling @web | Out-Null
      Start-KumoiScaling @web -Persistent -ErrorVariable errors -ErrorAction SilentlyContinue
      $errors[0].Exception.Message | Should -Be "'web' is being scaled by this session already."
      Stop-KumoiScaling web | Out-Null
    }

    It 'refuses a URI with a secret in it: the journal has none' {
      # libvirt's test driver does not mind what it does not know.
      Connect-KumoiHost 'test:///default?password=hunter2' -Name secret | Out-Null
      Start-KumoiScaling web test -VMHost secret -Persistent -ErrorVariable errors -ErrorAction SilentlyContinue
      $errors.FullyQualifiedErrorId | Should -Be 'AgentRefused,Kumoi.PowerShell.Cmdlets.StartKumoiScalingCommand'
      "$errors" | Should -Not -BeLike '*hunter2*'
    }

    It 'completes the names of its groups' {
      Start-KumoiScaling @web | Out-Null
      (TabExpansion2 'Stop-KumoiScaling ' 18).CompletionMatches.CompletionText | Should -Be web
    }

    It 'accounts what VMs use, until it is told to end' {
      $file = Join-Path $TestDrive 'usage.csv'
      Measure-KumoiUsage -Persistent -IntervalSec 1 -Path $file | Should -BeNullOrEmpty
      (Get-KumoiAgent).IsAccounting | Should -BeTrue
      $null = Wait-For { (Test-Path $file) -and (Import-Csv $file | Where-Object VM -eq web-1) }
      Stop-KumoiAgent -ErrorVariable errors -ErrorAction SilentlyContinue
      $errors[0].Exception.Message | Should -Be 'The agent has work: it accounts what VMs use.'
      Stop-KumoiUsage
      (Get-KumoiAgent).IsAccounting | Should -BeFalse
      Stop-KumoiUsage -ErrorVariable errors -ErrorAction SilentlyContinue
      $errors.FullyQualifiedErrorId | Should -Be 'NotFound,Kumoi.PowerShell.Cmdlets.StopKumoiUsageCommand'
      Measure-KumoiUsage web-1 -Persistent -ErrorVariable errors -ErrorAction SilentlyContinue
      $errors.FullyQualifiedErrorId | Should -Be 'PersistentForAll,Kumoi.PowerShell.Cmdlets.MeasureKumoiUsageCommand'
    }
  }
}
