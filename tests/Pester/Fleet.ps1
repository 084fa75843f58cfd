# Dot-sourced by the tests: a fresh simulated fleet for each.
function Reset-Fleet {
  param([string] $Uri = 'sim://lab?hosts=20&vms=2&seed=7', [switch] $Patient)
  Clear-KumoiFault
  if (Get-KumoiConnection) { Disconnect-KumoiHost * -Confirm:$false }
  # The patient wait as long as a host takes that never answers: no time-out helps what should not have waited.
  $limits = if ($Patient) { @{ TimeoutSec = 3600 } } else { @{} }
  Connect-KumoiHost $Uri @limits | Out-Null
}

# A fault with this delay is a host that never answers. No assertion is about time: what should not wait for it would wait for a day, and
# fails when the tests give it up.
$script:never = [timespan]::FromDays(1)
$script:givenUpAfter = [timespan]::FromMinutes(5)

function Start-Shell {
  # Runs a script in another runspace; the connections are the process's.
  param([string] $Script)
  $shell = [powershell]::Create().AddScript("Import-Module '$env:KUMOI_MODULE'; $Script")
  [pscustomobject]@{ Shell = $shell; Running = $shell.BeginInvoke() }
}

function Stop-Shell {
  # Ctrl+C.
  param([powershell] $Shell)
  if (-not $Shell.BeginStop($null, $null).AsyncWaitHandle.WaitOne($script:givenUpAfter)) { throw 'Ctrl+C did not stop it.' }
  $Shell.InvocationStateInfo.State | Should -Be Stopped
}

function Stop-When {
  # Runs a script in another runspace, presses Ctrl+C when the condition holds, and returns its warnings.
  param([string] $Script, [scriptblock] $Condition)
  $started = Start-Shell $Script
  $given = [System.Diagnostics.Stopwatch]::StartNew()
  while (-not (& $Condition $started.Shell)) {
    if ($started.Running.IsCompleted) { throw "It ended before it could be stopped: $($started.Shell.Streams.Error)" }
    if ($given.Elapsed -gt $script:givenUpAfter) { throw 'It did not come so far.' }
    $null = $started.Running.AsyncWaitHandle.WaitOne(5)
  }
  Stop-Shell $started.Shell
  $started.Shell.Streams.Warning.Message
  $started.Shell.Dispose()
}

function Invoke-Apart {
  # Runs a script to its end in another runspace, and returns its output.
  param([string] $Script)
  $started = Start-Shell $Script
  if (-not $started.Running.AsyncWaitHandle.WaitOne($script:givenUpAfter)) { throw 'It still waits for a host that never answers.' }
  $started.Shell.EndInvoke($started.Running)
  $started.Shell.Streams.Error | Should -BeNullOrEmpty
  $started.Shell.Dispose()
}

# Hosts of the fleet by load: kvm16 kvm20 kvm03 kvm19 kvm14 kvm02 kvm07 kvm10 kvm13 kvm01 | kvm08 kvm17 kvm18 kvm06 kvm05 kvm04 …
function Get-ByLoad { (Get-KumoiHost | Sort-Object CpuRatio).Name }

# A host of libvirt's test driver with these VMs: name, or @{ Name; Id; State; Xml }. State is libvirt's number (1 running, 3 paused, 5 off, 6 crashed).
function Connect-TestNode {
  param([Parameter(Mandatory)][string] $Name, [Parameter(Mandatory)] $VM, [string] $Node)
  $domains = foreach ($one in $VM) {
    $one = if ($one -is [string]) { @{ Name = $one } } else { $one }
    $id = $one['Id'] ?? [guid]::NewGuid()
    $state = $one['State'] ?? 1
    "<domain type='test'><name>$([System.Security.SecurityElement]::Escape($one.Name))</name><uuid>$id</uuid><memory>131072</memory><vcpu>1</vcpu>" +
    "<os><type>hvm</type></os>$($one['Xml'])<test:runstate xmlns:test='http://libvirt.org/schemas/domain/test/1.0'>$state</test:runstate></domain>"
  }
  $file = Join-Path $TestDrive "$([guid]::NewGuid()).xml"
  Set-Content $file "<node>$domains<cpu><mhz>6000</mhz><model>i686</model><active>50</active><nodes>4</nodes><sockets>4</sockets><cores>4</cores><threads>2</threads></cpu><memory>60000000</memory>$Node</node>"
  Connect-KumoiHost "test://$file" -Name $Name
}
