# The module as a whole, each time in a fresh pwsh.
BeforeAll {
  $script:pwsh = $env:KUMOI_PWSH
  function Invoke-Pwsh { param([string] $Command) & $script:pwsh -NoProfile -NonInteractive -Command $Command }
}

Describe 'Importing' {
  It 'loads no third-party assembly and opens nothing' {
    $loaded = Invoke-Pwsh "
      `$before = [AppDomain]::CurrentDomain.GetAssemblies().FullName
      Import-Module '$env:KUMOI_MODULE'
      [AppDomain]::CurrentDomain.GetAssemblies() | Where-Object { `$_.FullName -notin `$before -and -not `$_.IsDynamic } | ForEach-Object { `$_.GetName().Name }"
    $loaded | Where-Object { $_ -notlike 'System.*' -and $_ -notlike 'Microsoft.*' } | Sort-Object | Should -Be Kumoi.Core, Kumoi.PowerShell
  }

  It 'has machine code in its assemblies, or the first commands would wait for the compiler' {
    if (-not (Test-Path "$PSScriptRoot/../../artifacts/precompiled")) { Set-ItResult -Skipped -Because 'NuGet did not have .NET''s ahead-of-time compiler (Microsoft.NETCore.App.Crossgen2), as the build has said'; return }
    foreach ($assembly in Get-ChildItem "$env:KUMOI_MODULE/bin", "$env:KUMOI_MODULE/deps" -Filter *.dll) {
      $reader = [System.Reflection.PortableExecutable.PEReader]::new([System.IO.File]::OpenRead($assembly))
      try { $reader.PEHeaders.CorHeader.ManagedNativeHeaderDirectory.Size | Should -BeGreaterThan 0 -Because "$($assembly.Name) is compiled ahead" }
      finally { $reader.Dispose() }
    }
  }

  It 'runs none of PowerShell''s cmdlets, which every start would wait for' {
    Invoke-Pwsh "Import-Module '$env:KUMOI_MODULE'; (Get-Module).Name" | Should -Be Kumoi
  }

  It 'leaves $KumoiPreference in each runspace, for strict mode too, and does not touch one that is set' {
    Invoke-Pwsh "
      Set-StrictMode -Version Latest
      function Import-Inside { Import-Module '$env:KUMOI_MODULE' -Force }
      Import-Inside
      `$KumoiPreference.Substitution
      `$first = [initialsessionstate]::CreateDefault2()
      `$first.ImportPSModule('$env:KUMOI_MODULE')
      `$shell = [powershell]::Create(`$first)
      `$shell.AddScript('[object]::ReferenceEquals(`$KumoiPreference, [Kumoi.PowerShell.Session.KumoiPreference]::Session)').Invoke()
      1 | ForEach-Object -Parallel { Import-Module '$env:KUMOI_MODULE'; `$KumoiPreference.Substitution }
      `$global:KumoiPreference = @{ Substitution = 'None' }
      Import-Module '$env:KUMOI_MODULE' -Force
      `$KumoiPreference.Substitution" | Should -Be Auto, True, Auto, None
  }

  It 'works in strict mode, where errors stop the script' {
    Invoke-Pwsh "
      Set-StrictMode -Version Latest
      `$ErrorActionPreference = 'Stop'
      Import-Module '$env:KUMOI_MODULE'
      `$null = Connect-KumoiHost 'sim://lab?hosts=3'
      `$null = Add-KumoiFault kvm01 Define
      (Get-KumoiHost | Where-Object CpuRatio -lt 2 | Select-Object -First 1 | New-KumoiVM -Name { `"a-`$(`$_.Name)`" } -WarningAction SilentlyContinue).VMHost" | Should -Be kvm02
  }

  It 'exports what the manifest lists, and nothing else' {
    $manifest = Import-PowerShellDataFile (Join-Path $env:KUMOI_MODULE Kumoi.psd1)
    (Invoke-Pwsh "Import-Module '$env:KUMOI_MODULE'; (Get-Command -Module Kumoi).Name") | Should -Be $manifest.CmdletsToExport
    $types = [Kumoi.KumoiHost].Assembly, (Get-Command Get-KumoiHost).ImplementingType.Assembly | ForEach-Object GetExportedTypes
    # Every cmdlet of the assembly is exported.
    $types | Where-Object { -not $_.IsAbstract -and [System.Management.Automation.Cmdlet].IsAssignableFrom($_) } | Should -HaveCount $manifest.CmdletsToExport.Count
  }

  It 'works beside a module that has loaded another Polly first' {
    $other = Join-Path $TestDrive other
    New-Item -ItemType Directory $other | Out-Null
    $output = Invoke-Pwsh "
      # Add-Type gives its assemblies names of its own.
      `$builder = [System.Reflection.Emit.PersistedAssemblyBuilder]::new([System.Reflection.AssemblyName]'Polly.Core, Version=7.0.0.0', [object].Assembly)
      [void]`$builder.DefineDynamicModule('Polly.Core').DefineType('Polly.ResiliencePipelineBuilder', 'Public').CreateType()
      `$builder.Save('$other/Polly.Core.dll')
      [void][System.Reflection.Assembly]::LoadFrom('$other/Polly.Core.dll')
      Import-Module '$env:KUMOI_MODULE'
      (Connect-KumoiHost 'sim://lab?hosts=2').Name | Sort-Object # in the order in which they answer
      (Get-KumoiHost).Name
      `$polly = { [AppDomain]::CurrentDomain.GetAssemblies() | Where-Object { `$_.GetName().Name -eq 'Polly.Core' } | ForEach-Object { [System.Runtime.Loader.AssemblyLoadContext]::GetLoadContext(`$_).Name } }
      & `$polly
      # Ours is loaded when there is something to try again.
      `$null = Add-KumoiFault kvm01 Read -Transient -Count 1
      (Get-KumoiHost).Name
      & `$polly"
    $output | Should -Be kvm01, kvm02, kvm01, kvm02, Default, kvm01, kvm02, Default, Kumoi
  }

  It 'its types are the same in every runspace' {
    Invoke-Pwsh "
      Import-Module '$env:KUMOI_MODULE'
      `$null = Connect-KumoiHost 'sim://lab?hosts=2'
      `$seen = 1 | ForEach-Object -Parallel { Import-Module '$env:KUMOI_MODULE'; Get-KumoiHost }
      `$seen.Name
      `$seen[0] -is [Kumoi.KumoiHost]" | Should -Be kvm01, kvm02, True
  }

  It 'closes its connections when it is removed' {
    Invoke-Pwsh "
      Import-Module '$env:KUMOI_MODULE'
      `$null = Connect-KumoiHost 'sim://lab?hosts=2'
      Remove-Module Kumoi
      Import-Module '$env:KUMOI_MODULE'
      @(Get-KumoiConnection).Count" | Should -Be 0
  }

  It 'a runspace that ends does not close the others'' connections' {
    Invoke-Pwsh "
      Import-Module '$env:KUMOI_MODULE'
      `$null = Connect-KumoiHost 'sim://lab?hosts=2'
      Start-ThreadJob { Import-Module '$env:KUMOI_MODULE'; Get-KumoiHost } | Receive-Job -Wait -AutoRemoveJob | Out-Null
      1..2 | ForEach-Object -Parallel { Import-Module '$env:KUMOI_MODULE'; Get-KumoiHost } | Out-Null
      @(Get-KumoiHost).Count" | Should -Be 2
  }
}
