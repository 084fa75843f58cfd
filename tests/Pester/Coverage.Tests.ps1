# docs/coverage.md says what Kumoi has for each command of other tools. What it says of the module is so.
BeforeAll {
  $script:docs = Resolve-Path (Join-Path $PSScriptRoot '../../docs')

  # Makes a page from lists, and says how it ended and what it printed.
  function Invoke-Coverage {
    param([string] $Lists = (Join-Path $docs coverage))
    $page = Join-Path $TestDrive 'coverage.md'
    Remove-Item $page -ErrorAction Ignore
    $printed = & (Join-Path $docs Update-Coverage.ps1) -Module $env:KUMOI_MODULE -Lists $Lists -Page $page 6>&1
    [pscustomobject]@{ Status = $LASTEXITCODE; Printed = @($printed | ForEach-Object ToString); Page = $page }
  }
}

Describe 'docs/coverage.md' {
  It 'is what the lists and the module make of it: after a change of either run ./build.sh docs' {
    $made = Invoke-Coverage
    $made.Printed | Select-Object -SkipLast 1 | Should -BeNullOrEmpty
    $made.Status | Should -Be 0
    Get-Content $made.Page -Raw | Should -BeExactly ((Get-Content (Join-Path $docs coverage.md) -Raw) -replace '\r')
  }

  It 'leaves out no command of virsh that is on this machine' {
    if (-not (Get-Command virsh -ErrorAction Ignore)) {
      Set-ItResult -Skipped -Because 'virsh is not installed (apt-get install libvirt-clients)'
      return
    }
    $listed = (Import-Csv (Join-Path $docs coverage/virsh.csv)).Command
    $printed = & virsh help
    $commands = $printed | Where-Object { $_ -match '^    ([a-z]\S*)' } | ForEach-Object { $Matches[1] }
    $commands.Count | Should -BeGreaterThan 100
    # Another version of virsh has other commands: only those of the version that the page names must be there.
    if ((& virsh --version) -match '^9\.0\.') { $commands | Where-Object { $_ -notin $listed } | Should -BeNullOrEmpty }
  }
}

Describe 'A list is refused' {
  BeforeEach {
    $lists = Join-Path $TestDrive lists
    Remove-Item $lists -Recurse -Force -ErrorAction Ignore
    Copy-Item (Join-Path $docs coverage) $lists -Recurse
  }

  It 'whose row <because>' -ForEach @(
    @{ because = 'names a cmdlet that is not there'; row = 'x,VMs,must,same,Get-KumoiNothing,'; like = '*x: the module does not export Get-KumoiNothing.' }
    @{ because = 'names a parameter that is not there'; row = 'x,VMs,must,same,Get-KumoiVM -State -Nothing,'; like = '*x: the module does not export Get-KumoiVM -Nothing.' }
    @{ because = 'plans what is there already'; row = 'x,VMs,must,planned,Get-KumoiVM -State; Get-KumoiHost,'; like = '*x: the module exports Get-KumoiVM -State; Get-KumoiHost now: judge it again*' }
    @{ because = 'leaves out what an admin must have'; row = 'x,VMs,must,left out,,because'; like = '*x: what an admin must have is left out.' }
    @{ because = 'leaves something out silently'; row = 'x,VMs,may,left out,,'; like = '*x: it does not say why.' }
    @{ because = 'is better without a reason'; row = 'x,VMs,may,better,Get-KumoiVM,'; like = '*x: it does not say why.' }
    @{ because = 'answers with nothing'; row = 'x,VMs,may,same,,'; like = '*x: it names no cmdlet.' }
    @{ because = 'has an area that is none'; row = 'x,Vms,may,same,Get-KumoiVM,'; like = "*x: the area 'Vms' is none of*" }
    @{ because = 'plans what the issue does not'; row = 'x,Hosts,must,planned,Get-KumoiNothing,'; like = "*x: the issue plans nothing in the area 'Hosts'." }
    @{ because = 'is there twice'; row = 'Get-VM,VMs,must,same,Get-KumoiVM,'; like = '*Get-VM: it is there twice.' }
  ) {
    Add-Content (Join-Path $lists hyperv.csv) $row
    $made = Invoke-Coverage $lists
    $made.Status | Should -Be 1
    @($made.Printed) -like $like | Should -HaveCount 1
    $made.Printed | Should -HaveCount 1
    Test-Path $made.Page | Should -BeFalse
  }

  It 'that says nothing of a cmdlet of the module' {
    $only = Join-Path $lists only-kumoi.csv
    Set-Content $only (@(Get-Content $only) -notlike 'Get-KumoiLineage,*')
    (Invoke-Coverage $lists).Printed | Should -Be 'Coverage: Get-KumoiLineage: no row names it, nor does only-kumoi.csv.'
  }

  It 'that says only Kumoi has what it has not' {
    Add-Content (Join-Path $lists only-kumoi.csv) 'Get-KumoiNothing,nothing'
    (Invoke-Coverage $lists).Printed | Should -Be 'Coverage: only-kumoi.csv, Get-KumoiNothing: the module does not export it.'
  }
}
