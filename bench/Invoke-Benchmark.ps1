# Benchmarks and comparisons: each a ratio of two things measured in turn in one run. Prints a table and writes artifacts/bench.json.
# -Short: without the fault-tolerant pairs, which take most of the time.
param([Parameter(Mandatory)][string] $Module, [switch] $Short)
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
Import-Module $Module
# On the same kind of disk as the user's journal, but not in it.
$env:KUMOI_STATE = Join-Path (Split-Path $PSScriptRoot) "artifacts/bench/state-$PID"
$root = Split-Path $PSScriptRoot
$pwsh = $env:KUMOI_PWSH
$work = (New-Item -ItemType Directory -Force (Join-Path $root 'artifacts/bench')).FullName

. "$PSScriptRoot/Comparison.ps1"

# (a) Reading 1,000 VMs.
$node = Join-Path $work 'thousand.xml'
$domains = foreach ($i in 1..1000) {
  "<domain type='test'><name>vm{0:d4}</name><uuid>00000000-0000-4000-8000-{0:d12}</uuid><memory>131072</memory><vcpu>1</vcpu><os><type>hvm</type></os></domain>" -f $i
}
Set-Content $node "<node>$domains<cpu><mhz>6000</mhz><model>i986</model><active>50</active><nodes>4</nodes><sockets>4</sockets><cores>4</cores><threads>2</threads></cpu><memory>600000000</memory></node>"
$uri = "test://$node"
$connected = try { Connect-KumoiHost $uri -Name thousand } catch { Write-LeftOut 'reading 1,000 VMs' $_; $null }
if ($connected) {
  if ((Get-KumoiVM).Count -ne 1000) { throw 'Get-KumoiVM did not read 1,000 VMs.' }
  $python = Get-Python
  if ($python) {
    # One long-lived process with an open connection, like our session.
    $reader = Start-Peer $python "$PSScriptRoot/read_vms.py", $uri
    Add-Comparison 'Get-KumoiVM, 1,000 VMs, open connection, against python3-libvirt reading the same' { Measure-Once { Get-KumoiVM } } { Invoke-Peer $reader } 'bench/read_vms.py' 1 40 120
    Stop-Peer $reader
  }
  else {
    Write-LeftOut 'the comparison with python3-libvirt' 'it is not installed (apt-get install python3-libvirt)'
  }

  # What VMs have costs nothing where nobody asks for it.
  $furniture = "<devices><disk type='file' device='disk'><source file='/images/NAME-1'/><target dev='vda' bus='virtio'/></disk>" +
  "<disk type='file' device='disk'><source file='/images/NAME-2'/><target dev='vdb' bus='virtio'/></disk>" +
  "<interface type='network'><source network='default'/></interface><interface type='network'><source network='default'/></interface></devices>"
  $furnished = Join-Path $work 'furnished.xml'
  Set-Content $furnished ([regex]::Replace((Get-Content $node -Raw), '<name>(vm\d+)</name>(.*?)</domain>', { param($vm) $vm.Result('<name>$1</name>$2') + $furniture.Replace('NAME', $vm.Groups[1].Value) + '</domain>' }))
  $null = Connect-KumoiHost "test://$furnished" -Name furnished
  if ((Get-KumoiVM vm0001 -VMHost furnished | Get-KumoiDisk).Count -ne 2) { throw 'The VMs have no disks.' }
  Add-Comparison 'Get-KumoiVM, 1,000 VMs with two disks and two adapters each, against 1,000 bare ones' { Measure-Once { Get-KumoiVM -VMHost furnished } } {
    Measure-Once { Get-KumoiVM -VMHost thousand }
  } 'Get-KumoiVM' 1.3 40 20
  Disconnect-KumoiHost furnished

  if (Get-Command virsh -CommandType Application -ErrorAction Ignore) {
    # A session has its connections open; virsh opens its own for each command.
    Add-Comparison 'Get-KumoiVM, 1,000 VMs, open connection, against virsh domstats' { Measure-Once { Get-KumoiVM } } { Measure-Once { virsh -c $uri domstats } } "virsh -c $uri domstats" 1 11
    # Here both spend nine tenths of the time in libvirt's own reading of the file: a tie, within noise.
    Add-Comparison 'Connect-KumoiHost, Get-KumoiVM and Disconnect-KumoiHost, 1,000 VMs, against virsh domstats' {
      Disconnect-KumoiHost thousand
      Measure-Once { Connect-KumoiHost $uri -Name thousand; if ((Get-KumoiVM).Count -ne 1000) { throw 'not 1,000' }; Disconnect-KumoiHost thousand }
      $null = Connect-KumoiHost $uri -Name thousand
    } { Measure-Once { virsh -c $uri domstats } } "virsh -c $uri domstats" 1.1 15
  }
  else {
    Write-LeftOut 'the comparison with virsh' 'it is not installed (apt-get install libvirt-clients)'
  }
  Disconnect-KumoiHost thousand
}

# (b) What lineage costs when nothing fails.
$null = Connect-KumoiHost 'sim://large?hosts=10000&vms=1&seed=7'
$enabled = (Get-Command Get-KumoiHost).ImplementingType.Assembly.GetType('Kumoi.PowerShell.Lineage.PipelineLocation').GetProperty('IsEnabled', [System.Reflection.BindingFlags]'NonPublic,Static')
$deploy = {
  Get-KumoiHost | Where-Object CpuRatio -lt 0.9 | Sort-Object CpuRatio | Select-Object -First 10 | New-KumoiVM -Name { "web-$($_.Name)" } -Minimal -MemoryBytes 64MB -WarningAction SilentlyContinue | Remove-KumoiVM -Force
}
Add-Comparison 'lineage on, 10,000 simulated hosts, no failures, against the same with lineage off' {
  $enabled.SetValue($null, $true); [System.GC]::Collect(); Measure-Once $deploy
} { $enabled.SetValue($null, $false); [System.GC]::Collect(); try { Measure-Once $deploy } finally { $enabled.SetValue($null, $true) } } 'the same pipeline, no pipeline recognised' 1.05 41 6

# (c) What a substitution costs: the same pipeline with a fault that hits one of the ten, and with one that hits none.
$second = (Get-KumoiHost | Sort-Object CpuRatio | Select-Object -First 2)[1].Name
# It is replaced, and nothing else: what is not measured must be right too.
$null = Add-KumoiFault $second Define
$null = & $deploy
if ((Get-KumoiLineage).Substitutions -ne 1) { throw 'not one substitution' }
Clear-KumoiFault
Add-Comparison 'one of ten replaced, 10,000 simulated hosts, against the same without a fault' {
  $null = Add-KumoiFault $second Define
  [System.GC]::Collect(); Measure-Once $deploy
  Clear-KumoiFault
} {
  $null = Add-KumoiFault $second Migrate
  [System.GC]::Collect(); Measure-Once $deploy
  Clear-KumoiFault
} 'the same pipeline, nothing fails' 2.0 21 3

# (d) What a mask costs when nothing fails: reads of the whole fleet, and calls from C#.
Add-Comparison 'Get-KumoiHost -FailureOblivious, 10,000 simulated hosts, no failures, against the same without' {
  [System.GC]::Collect(); Measure-Once { Get-KumoiHost -FailureOblivious }
} { [System.GC]::Collect(); Measure-Once { Get-KumoiHost } } 'Get-KumoiHost' 1.05 41 6
Disconnect-KumoiHost *
$program = Start-Peer dotnet "$PSScriptRoot/Kumoi.Benchmarks/bin/Release/net10.0/Kumoi.Benchmarks.dll"
Add-Comparison '40,000 calls on a simulated host in a FailureObliviousScope, no failures, against the same without' {
  Invoke-Peer $program 'masked calls'
} { Invoke-Peer $program 'calls' } 'the same calls' 1.05 41 10

# (d2) What the layers between a caller and the hypervisor's driver cost: masks, names, blame, retry, throttle, fault rules.
if (Connect-KumoiHost test:///default -ErrorAction Ignore) {
  Disconnect-KumoiHost *
  # In several processes: .NET compiles what is called often by what it has seen of it, and so differently in each (0.97 to 1.12 in fifteen).
  $programs = 1..5 | ForEach-Object { Start-Peer dotnet "$PSScriptRoot/Kumoi.Benchmarks/bin/Release/net10.0/Kumoi.Benchmarks.dll" }
  $turn = 0
  $next = { $programs[[math]::Floor($script:turn++ / 2) % 5] } # both of a pair by the same one
  Add-Comparison '2,000 reads of libvirt''s test driver through all layers, against straight from the driver' {
    Invoke-Peer (& $next) 'calls through the layers'
  } { Invoke-Peer (& $next) 'calls to the driver' } 'the driver alone' 1.1 75 50
  $programs | ForEach-Object { Stop-Peer $_ }
}
else {
  Write-LeftOut 'the comparison of the layers of a call' 'libvirt''s library is not installed (apt-get install libvirt0)'
}

# (e) What it costs that a list can substitute.
Add-Comparison 'LineageList: Where, Select, OrderBy and Take(10) over 100,000 numbers, no failures, against LINQ' {
  Invoke-Peer $program 'lineage'
} { Invoke-Peer $program 'linq' } 'LINQ' 10 21 10

# (a2) The agent: its start, its memory when it has nothing to do, and what a call through it costs.
try {
  Add-Comparison 'the agent, from a cold start to the end of Start-KumoiAgent, against the 2 s that are allowed' {
    Stop-KumoiAgent -Confirm:$false
    Measure-Once { Start-KumoiAgent }
  } { 2000.0 } 'goal of design/agent.md' 1 7 1
  $agent = Start-KumoiAgent -PassThru
  # What is left of the start is gone when .NET has had the time to tidy up.
  $null = 1..200 | ForEach-Object { Get-KumoiScaling }
  $memory = (Get-KumoiAgent).MemoryBytes
  Add-Result 'the agent without work, resident memory, against the 120 MiB that are allowed' ($memory / 1MB) 120 ($memory / 120MB) 1 'goal of design/agent.md' 'MiB'
  # 1,000 calls by one program: the same request to the agent's grain, and to an object of its own.
  $direct = [System.Collections.Generic.List[double]]::new()
  $through = [System.Collections.Generic.List[double]]::new()
  foreach ($i in -3..20) {
    $one = Invoke-Peer $program "agent $env:KUMOI_STATE"
    $other = Invoke-Peer $program 'agent direct'
    if ($i -ge 0) { $through.Add($one / 1000); $direct.Add($other / 1000) }
  }
  $more = (Get-Median $through) - (Get-Median $direct)
  Add-Result 'a call through the agent (socket, HTTP, JSON, grain): how much longer than direct, against the 1.5 ms that are allowed' $more 1.5 ($more / 1.5) 1 'the same without the agent'
  Stop-KumoiAgent -Confirm:$false
}
catch {
  if ($_.FullyQualifiedErrorId -notlike 'Agent*') { throw }
  Write-LeftOut 'the agent' $_
}

# (e2) The relay of a migration against a plain proxy of TCP connections.
if (Get-Command socat -CommandType Application -ErrorAction Ignore) {
  Add-Comparison '4 GiB over loopback through the migration relay to one target, against through socat' {
    Invoke-Peer $program 'relay to one'
  } { Invoke-Peer $program 'socat' } 'socat -b 1048576 TCP4-LISTEN:… TCP4:…' 1 7 1
  Add-Comparison '4 GiB over loopback through the migration relay to two targets, against through socat to one' {
    Invoke-Peer $program 'relay to two'
  } { Invoke-Peer $program 'socat' } 'socat -b 1048576 TCP4-LISTEN:… TCP4:…' $null 7 1
}
else {
  Write-LeftOut 'the comparison of the migration relay' 'socat is not installed (apt-get install socat)'
}
Stop-Peer $program

# (f) Import: beyond an empty start, and beyond an import of a module of the same kind (a manifest, an assembly with a cmdlet) in which there
# is nothing. The first import of any module has PowerShell compile its own code for it, most of all where PowerShell is the .NET tool, whose
# assemblies are not compiled ahead: the second is what Kumoi adds.
$nothing = Join-Path $work 'Nothing'
Remove-Item $nothing -Recurse -Force -ErrorAction Ignore
$null = New-Item -ItemType Directory $nothing
Add-Type -OutputAssembly "$nothing/Nothing.dll" -TypeDefinition 'using System.Management.Automation; [Cmdlet("Test", "Nothing")] public class TestNothing : Cmdlet { }'
New-ModuleManifest "$nothing/Nothing.psd1" -RootModule Nothing.dll -CmdletsToExport Test-Nothing -FunctionsToExport @() -AliasesToExport @() -VariablesToExport @()
$starts = [ordered]@{ empty = '1'; nothing = "Import-Module '$nothing'; 1"; kumoi = "Import-Module '$Module'; 1" }
$took = @{ empty = [double[]]@(); nothing = [double[]]@(); kumoi = [double[]]@() }
foreach ($i in -1..16) {
  # Who goes first changes each time.
  foreach ($turn in 0..2) {
    $which = @($starts.Keys)[($i + 1 + $turn) % 3]
    $time = Measure-Once { & $pwsh -NoProfile -NonInteractive -Command $starts[$which] }
    if ($i -ge 0) { $took[$which] += $time }
  }
}
function Add-Import {
  param([string] $Name, [string] $Before, [double] $Limit)
  $beyond = Get-Median (0..($took.kumoi.Count - 1) | ForEach-Object { $took.kumoi[$_] - $took[$Before][$_] })
  Add-Result "$Name, against $Limit ms" $beyond $Limit ($beyond / $Limit) 1 "pwsh -NoProfile -Command $($starts[$Before])"
}
Add-Import 'Import-Module beyond an empty pwsh start' empty 300
Add-Import 'Import-Module beyond the import of an empty binary module' nothing 100

# (g) Deploying under a throttle.
$null = Connect-KumoiHost 'sim://slow?hosts=20&vms=0&seed=7&delay=50'
$hosts = Get-KumoiHost
$throttle = 32
# Each VM is three calls of 50 ms: define, start, read.
$ideal = [math]::Ceiling(100 / $throttle) * 3 * 50
Add-Comparison 'deploying 100 VMs over 20 simulated hosts with 50 ms per call, against what the throttle allows' {
  $time = Measure-Once { 1..5 | ForEach-Object { $round = $_; $hosts } | ForEach-Object { [pscustomobject]@{ VMHost = $_; Name = "vm-$($_.Name)-$([guid]::NewGuid())" } } | New-KumoiVM -Minimal -MemoryBytes 64MB -Start -ThrottleLimit $throttle }
  if ((Get-KumoiVM -State Running).Count -ne 100) { throw 'not 100 VMs' }
  Get-KumoiVM | Remove-KumoiVM -Force
  $time
} { $ideal } "ceil(100 / $throttle) rounds of 3 calls of 50 ms" 1.5 7 1
Disconnect-KumoiHost *

# (h) Ctrl+C in the pipeline where PowerShell tells cmdlets nothing of it.
$null = Connect-KumoiHost 'sim://lab?hosts=20&vms=2&seed=7'
$null = Add-KumoiFault * Start -Delay ([timespan]::FromMinutes(1))
$stops = foreach ($i in 0..8) {
  $before = (Get-KumoiFault).Hits
  $shell = [powershell]::Create().AddScript("Import-Module '$Module'; Get-KumoiHost | Select-Object -First 2 | New-KumoiVM -Name { `"x-`$(`$_.Name)`" } -Start")
  $null = $shell.BeginInvoke()
  while ((Get-KumoiFault).Hits -lt $before + 2) { [System.Threading.Thread]::Yield() | Out-Null }
  $time = Measure-Once { $shell.Stop() }
  $shell.Dispose()
  if ($i -gt 0) { $time }
}
$stop = Get-Median $stops
Add-Result 'Ctrl+C below a satisfied Select-Object -First, against 200 ms' $stop 200 ($stop / 200) 1 '-'
Clear-KumoiFault
Disconnect-KumoiHost *

# (h2) Names of VMs by the pipeline: readings of the hosts are shared, each name is looked up in them.
$null = Connect-KumoiHost 'sim://names?hosts=150&vms=20&running=20&seed=7'
$names = Get-KumoiVM | Get-Random -Count 300 -SetSeed 7 | ForEach-Object Name
$times = foreach ($i in 0..4) {
  $time = Measure-Once { $names | Suspend-KumoiVM }
  if ((Get-KumoiVM -State Paused).Count -ne 300) { throw 'not 300 VMs' }
  Get-KumoiVM -State Paused | Resume-KumoiVM
  if ($i -gt 0) { $time }
}
$named = Get-Median $times
Add-Result '300 names by pipeline over 3,000 VMs, against 2 s' $named 2000 ($named / 2000) 1 '-'
Disconnect-KumoiHost *

# (f) The simulator of replicated operations: what an event costs must not grow with the fleet. In CPU time, in turn, each in a fresh
# process, which has its own peak of memory; a small fleet first, so that all is compiled.
$simulate = {
  param([string] $Workload, [int] $Hosts, [double] $Days)
  $script = "Import-Module '$Module'
    `$with = @{ Workload = '$Workload'; FailureRate = 0.1; Replicas = 1; Runs = 1; Seed = 1 }
    `$null = Measure-KumoiPolicy @with -HostCount 256 -Duration 20.00:00
    `$process = [System.Diagnostics.Process]::GetCurrentProcess()
    `$before = `$process.TotalProcessorTime
    `$result = Measure-KumoiPolicy @with -HostCount $Hosts -Duration $([timespan]::FromDays($Days))
    `$process.Refresh()
    '{0} {1} {2}' -f `$result.EventCount, (`$process.TotalProcessorTime - `$before).TotalMilliseconds.ToString([cultureinfo]::InvariantCulture), `$process.PeakWorkingSet64"
  $events, $milliseconds, $peak = (& $pwsh -NoProfile -NonInteractive -Command $script) -split ' '
  $script:simulated["$Workload, $Hosts hosts"] = [pscustomobject]@{ events = [long]$events; perSecond = 1000 * [long]$events / [double]$milliseconds; peakMiB = [long]$peak / 1MB }
  1e6 * [double]$milliseconds / [long]$events
}
$script:simulated = [ordered]@{}
Add-Comparison 'a million simulated events with 100,000 hosts for 1 day, against with 1,024 hosts for 30 days' {
  & $simulate CapacityMultiplexing 100000 1
} { & $simulate CapacityMultiplexing 1024 30 } 'Measure-KumoiPolicy CapacityMultiplexing -HostCount 1024' 1.6 3 0
Add-Comparison 'the same of power-ons, with 100,000 hosts for 5 hours, against with 1,024 hosts for 20 days' {
  & $simulate ContinuousIntegration 100000 0.2
} { & $simulate ContinuousIntegration 1024 20 } 'Measure-KumoiPolicy ContinuousIntegration -HostCount 1024' $null 3 0
foreach ($simulation in $script:simulated.Keys) {
  $run = $script:simulated[$simulation]
  Write-Host ('Simulated {0}: {1:N0} events, {2:N0} events per second of CPU time, {3:N0} MiB at the peak (pwsh and all).' -f $simulation, $run.events, $run.perSecond, $run.peakMiB)
}

# (i) A migration to two targets at once against a plain one, on real hosts: a guest with 256 MiB that cannot be compressed.
$labScript = Join-Path $root 'tests/Lab/lab.sh'
$obstacle = if ($IsLinux) { & $labScript check } else { 'it needs Linux' }
if ($obstacle) { Write-LeftOut 'migrations and fault-tolerant pairs on real hosts' "the lab cannot run here: $obstacle" }
else {
  $null = & $labScript up 6 machine
  try {
    $lab = & $labScript info --json | ConvertFrom-Json
    $memory = Join-Path $lab.sharedImages memory.bin
    $bytes = [byte[]]::new(256MB)
    [Random]::new(7).NextBytes($bytes)
    [System.IO.File]::WriteAllBytes($memory, $bytes)

    # (i2) Uploading the same 256 MiB, which have no holes, to a host of the lab.
    $uploadUri = $lab.hosts[0].uri
    $null = Connect-KumoiHost $uploadUri -Name upload
    Add-Comparison 'Import-KumoiVolume, 256 MiB without holes, against virsh vol-upload' {
      Measure-Once { Import-KumoiVolume $memory upload -VMHost upload -ProgressAction SilentlyContinue }
      Get-KumoiVolume upload -VMHost upload | Remove-KumoiVolume -Confirm:$false
    } {
      Measure-Once {
        virsh -q -c $uploadUri vol-create-as default upload 256M --format raw
        virsh -q -c $uploadUri vol-upload upload $memory default
      }
      virsh -q -c $uploadUri vol-delete upload default | Out-Null
    } 'virsh vol-create-as, vol-upload' 1 21 6
    # (i2b) Ten linked clones of a template, against a script that makes their images beside libvirt and defines them.
    New-KumoiVM golden-master -VMHost upload -Minimal -NewDiskBytes 256MB | New-KumoiTemplate -NewName golden | Out-Null
    $images = Join-Path $lab.directory $lab.hosts[0].name var/lib/libvirt/images
    $clone = (Get-KumoiVM golden-master -Raw).Xml -replace '<uuid>.*</uuid>' -replace '<mac .*/>' -replace 'golden-master', 'NAME'
    Add-Comparison 'Copy-KumoiVM -Linked -Count 10 of a template, against qemu-img and virsh define in a loop' {
      Measure-Once { if ((Copy-KumoiVM golden ours -VMHost upload -Linked -Count 10).Count -ne 10) { throw 'not ten' } }
      Get-KumoiVM ours-* | Remove-KumoiVM -RemoveDisk -Confirm:$false
    } {
      Measure-Once {
        foreach ($i in 1..10) {
          qemu-img create -q -f qcow2 -b golden-1 -F raw "$images/theirs-$i-1"
          Set-Content "$work/clone.xml" $clone.Replace('NAME', "theirs-$i")
          virsh -q -c $uploadUri define "$work/clone.xml"
        }
      }
      foreach ($i in 1..10) { virsh -q -c $uploadUri undefine "theirs-$i" | Out-Null; Remove-Item "$images/theirs-$i-1" }
    } 'qemu-img create -b; virsh define' 1 7
    Remove-KumoiTemplate golden -RemoveDisk -Confirm:$false
    Get-KumoiVM golden-master | Remove-KumoiVM -RemoveDisk -Confirm:$false
    Disconnect-KumoiHost upload
    # (i3) A dead host holds up nobody: how long until all others are connected and read, beyond the time without it.
    $alive = @($lab.hosts[1..($lab.hosts.Count - 1)].uri)
    $dead = $lab.hosts[0]
    $use = {
      param($uris)
      Measure-Once { Connect-KumoiHost $uris -ErrorAction Ignore | Select-Object -First $alive.Count | Out-Null }
      Measure-Once { Get-KumoiHost -ErrorAction Ignore | Select-Object -First $alive.Count | Out-Null }
    }
    foreach ($way in ([ordered]@{ 'refuses connections' = 'stop-daemon'; 'takes connections and says nothing' = 'freeze-daemon' }).GetEnumerator()) {
      & $labScript $way.Value $dead.name | Out-Null
      try {
        $with, $without = foreach ($uris in @(, (@($dead.uri) + $alive)), @(, $alive)) {
          Get-Median (1..5 | ForEach-Object { (& $use $uris[0] | Measure-Object -Sum).Sum; Disconnect-KumoiHost * -Confirm:$false })
        }
        Add-Result "connect to $($alive.Count) hosts and read them, beside one that $($way.Key): what it adds, against 300 ms" ($with - $without) 300 (($with - $without) / 300) 1 'the same without it'
      }
      finally { & $labScript start-daemon $dead.name | Out-Null }
    }
    # QEMU itself puts it into the guest's memory; the tick guest below does not touch it there.
    $xml = ((& $labScript domain-xml overhead idle) -join "`n").Replace("<domain type='qemu'>", "<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>").
      Replace("<memory unit='MiB'>32</memory>", "<memory unit='MiB'>512</memory>").
      Replace('</domain>', "<qemu:commandline><qemu:arg value='-device'/><qemu:arg value='loader,file=$memory,addr=0x4000000,force-raw=on'/></qemu:commandline></domain>")
    $definition = Join-Path $work overhead.xml
    Set-Content $definition $xml
    $uris = $lab.hosts.name | Select-Object -First 3 | ForEach-Object { & $labScript tcp-uri $_ }
    $moves = & $labScript run dotnet "$PSScriptRoot/Kumoi.Benchmarks/bin/Release/net10.0/Kumoi.Benchmarks.dll" migrations $lab.directory $definition $labScript 9 @uris | ConvertFrom-Json
    if ($LASTEXITCODE -ne 0) { throw 'the migrations failed' }
    function Add-Figure {
      param([string] $Kind, [string] $Property, [string] $What, [Nullable[double]] $Goal)
      $ours, $plain = foreach ($one in $Kind, 'plain') { , @($moves | Where-Object kind -eq $one | ForEach-Object $Property) }
      $ratio = Get-Median (0..($plain.Count - 1) | ForEach-Object { $ours[$_] / $plain[$_] })
      $scale, $unit = if ($Property -eq 'sentBytes') { 1MB, 'MiB' } else { 1, 'ms' }
      Add-Result "live migration of 512 MiB $What" ((Get-Median $ours) / $scale) ((Get-Median $plain) / $scale) $ratio $Goal 'virDomainMigrate3, as Move-KumoiVM without -Speculative' $unit
    }
    Add-Figure two ms 'to two targets at once, on real hosts, against a plain one: time' $null
    Add-Figure two cpuMs 'to two targets at once: CPU time of the source''s QEMU' 1.25
    Add-Figure two sentBytes 'to two targets at once: bytes that the source''s host sends' 1.1
    Add-Figure 'two, one slow' ms 'to two targets, one at a tenth of the rate: time' 1.5

    if (-not $Short) { . "$PSScriptRoot/Pairs.ps1" }
  }
  finally { & $labScript down | Out-Null }
  . "$PSScriptRoot/Peers.ps1"
}

Remove-Module Kumoi
Remove-Item $env:KUMOI_STATE -Recurse -Force -ErrorAction Ignore

$results | Format-Table name, ours, peer, unit, ratio, goal, holds -Wrap | Out-String -Width 160 | Write-Host
ConvertTo-Json $results.ToArray() | Set-Content (Join-Path $root 'artifacts/bench.json')
$goals = $results | Where-Object { $null -ne $_.goal }
Write-Host "artifacts/bench.json: $(@($goals | Where-Object holds).Count) of $(@($goals).Count) goals hold."
if ($goals | Where-Object { -not $_.holds }) { exit 1 }
