# What the experiments share. Dot-sourced by Invoke-Experiments.ps1 after the module was imported.

# All rows: what an experiment was expected to give, and what it gave.
$script:rows = [System.Collections.Generic.List[object]]::new()

function Reset-Fleet {
  # A fresh simulated fleet.
  param([Parameter(Mandatory)][string] $Uri)
  Clear-KumoiFault
  if (Get-KumoiConnection) { Disconnect-KumoiHost * -Confirm:$false }
  Connect-KumoiHost $Uri | Out-Null
}

function Invoke-Script {
  # Runs an admin's script, which stops at its first error. Returns whether it ran to its end, and what it wrote and said.
  param([Parameter(Mandatory)][scriptblock] $Script)
  # One scope for both: the preferences are what a careful script sets.
  $ErrorActionPreference = 'Stop'
  $WarningPreference = 'SilentlyContinue'
  $InformationPreference = 'SilentlyContinue'
  $output = [System.Collections.Generic.List[object]]::new()
  $problem = $null
  try { . $Script | ForEach-Object { $output.Add($_) } } catch { $problem = $_ }
  [pscustomobject]@{ Stopped = $null -ne $problem; Problem = $problem; Output = $output }
}

function Add-Row {
  # One line of the table. Got and expected are compared as text.
  param(
    [Parameter(Mandatory)][string] $Experiment,
    [Parameter(Mandatory)][string] $Case,
    # 'with' or 'without' the mechanism that the experiment is about.
    [Parameter(Mandatory)][string] $Mechanism,
    [Parameter(Mandatory)][AllowEmptyString()][string] $Expected,
    [Parameter(Mandatory)][AllowEmptyString()][string] $Got,
    # The table that it belongs to: what it was run on, or 'points'.
    [string] $Table = 'simulated'
  )
  $row = [pscustomobject]@{ experiment = $Experiment; case = $Case; mechanism = $Mechanism; table = $Table; expected = $Expected; got = $Got; holds = $Expected -ceq $Got }
  $script:rows.Add($row)
  Write-Host ('{0} {1}, {2}, {3}: {4}' -f ($row.holds ? '  ' : '✗ '), $Experiment, $Case, $Mechanism, ($row.holds ? $Got : "expected $Expected, got $Got"))
}

function Get-End { param([Parameter(Mandatory)] $Result) $Result.Stopped ? 'the script stops' : 'the script goes on' }

# The names of the running VMs of each host that has some: 'kvm01: a, b; kvm02: c'.
function Get-Placement {
  param([string] $VMHost = '*', [string] $Name = '*')
  (Get-KumoiHost $VMHost | ForEach-Object {
      $names = @($_.VMs | Where-Object { $_.State -eq 'Running' -and $_.Name -like $Name }).Name
      if ($names) { "$($_.Name): $($names -join ', ')" }
    }) -join '; '
}

function New-LoadedVM {
  # A running VM on a simulated host that keeps its CPU so busy, as its clones do.
  param([Parameter(Mandatory)][string] $Name, [Parameter(Mandatory)][double] $CpuLoad, [string] $VMHost = 'kvm01')
  $load = $CpuLoad.ToString([cultureinfo]::InvariantCulture)
  New-KumoiVM $Name -VMHost $VMHost -Start -Xml @"
<domain><memory unit='GiB'>1</memory><vcpu>1</vcpu><metadata><k:simulated xmlns:k='https://kumoi.dev/xmlns/1' cpuLoad='$load'/></metadata></domain>
"@
}

function Update-Page {
  # Puts the rows into the page, between the marks of the paper and place that they belong to; lines that were not run this time stay.
  param([Parameter(Mandatory)][string] $Page)
  $text = Get-Content $Page -Raw
  foreach ($group in $script:rows | Group-Object table) {
    $lines = foreach ($row in $group.Group) {
      '| {0} | {1} | {2} | {3} | {4} | {5} |' -f $row.experiment, $row.case, $row.mechanism, $row.expected, ($row.holds ? 'the same' : $row.got), ($row.holds ? 'yes' : '**no**')
    }
    $table = "| experiment | case | mechanism | expected | got | holds |`n| --- | --- | --- | --- | --- | --- |`n$($lines -join "`n")"
    $mark = [regex]::Escape("<!-- $($group.Name) -->")
    if ($text -notmatch $mark) { throw "$Page has no mark '<!-- $($group.Name) -->'." }
    $text = [regex]::Replace($text, "(?s)(?<=$mark\n).*?(?=<!-- end -->)", { "$table`n" })
  }
  Set-Content $Page $text -NoNewline
}
