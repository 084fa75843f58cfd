# (k) What the users would pick instead: python3-libvirt with a pool of threads, virsh under xargs, ansible; on real libvirt. Dot-sourced by
# Invoke-Benchmark.ps1 while the lab is down.
$python = Get-Python
if (-not $python) { Write-LeftOut 'what the users would pick instead' 'python3-libvirt is not installed (apt-get install python3-libvirt)'; return }

# Makes a lab, has the script measure in it, and takes it down.
function Use-Lab {
  param([string] $Hosts, [scriptblock] $Block)
  try {
    Invoke-Lab up $Hosts machine | Out-Null
    $inventory = (Invoke-Lab info --json | ConvertFrom-Json).hosts
    & $Block @inventory
  }
  finally { Invoke-Lab down | Out-Null }
}

function Invoke-Lab { & $labScript @args; if ($LASTEXITCODE -ne 0) { throw "lab.sh $args failed." } }

function Add-Guest {
  param([string] $Uri, [string[]] $Name)
  $definition = Join-Path $work guest.xml
  foreach ($one in $Name) {
    Invoke-Lab domain-xml $one idle | Set-Content $definition
    virsh -q -c $Uri define $definition
  }
}

Use-Lab 6 {
  $hosts = $args
  foreach ($of in $hosts) { Add-Guest $of.uri @(1..4 | ForEach-Object { "peer-$($of.name)-$_" }) }

  # All of them at once, in sessions that are open. Each measures the other's work too: whoever starts them, the other one turns them off.
  $null = Connect-KumoiHost $hosts.uri
  $pool = Start-Peer $python (@("$PSScriptRoot/peers.py", 'session') + $hosts.uri)
  $null = $pool.StandardOutput.ReadLine()
  $states = { param([string] $State) if (@(Get-KumoiVM peer-* -State $State).Count -ne 24) { throw "not 24 VMs are $State" } }
  $start = {
    $vms = Get-KumoiVM peer-*
    Measure-Once { $vms | Start-KumoiVM }
    & $states Running
    Get-KumoiVM peer-* | Stop-KumoiVM -TurnOff
  }
  $stop = {
    Get-KumoiVM peer-* | Start-KumoiVM
    $vms = Get-KumoiVM peer-*
    Measure-Once { $vms | Stop-KumoiVM -TurnOff }
    & $states Shutoff
  }
  Add-Comparison 'Start-KumoiVM, 24 VMs on 6 hosts, against python3-libvirt with a pool of threads' $start {
    Invoke-Peer $pool start
    & $states Running
    $null = Invoke-Peer $pool destroy
  } 'bench/peers.py' 1.1 5 1
  Add-Comparison 'Stop-KumoiVM -TurnOff, 24 VMs on 6 hosts, against python3-libvirt with a pool of threads' $stop {
    $null = Invoke-Peer $pool start
    Invoke-Peer $pool destroy
    & $states Shutoff
  } 'bench/peers.py' 1.1 5 1
  $lines = Get-KumoiVM peer-* | ForEach-Object { "$((Get-KumoiHost $_.VMHost).Uri) $($_.Name)" }
  Add-Comparison 'Start-KumoiVM, the same VMs, against virsh under xargs' $start {
    Measure-Once { $lines | xargs -P 24 -L 1 sh -c 'virsh -q -c "$0" start "$1"' }
    & $states Running
    Get-KumoiVM peer-* | Stop-KumoiVM -TurnOff
  } 'xargs -P 24 … virsh start' $null 1 0
  if (Get-Command ansible-playbook -CommandType Application -ErrorAction Ignore) {
    $play = Join-Path $work ansible
    $null = New-Item -ItemType Directory -Force $play
    Set-Content "$play/hosts" ($hosts | ForEach-Object { "$($_.name) ansible_connection=local ansible_python_interpreter=$python uri=$($_.uri)" })
    Set-Content "$play/start.yml" @'
- hosts: all
  gather_facts: false
  tasks:
    - community.libvirt.virt: { uri: '{{ uri }}', name: 'peer-{{ inventory_hostname }}-{{ item }}', state: running }
      loop: [1, 2, 3, 4]
'@
    Add-Comparison 'Start-KumoiVM, the same VMs, against ansible with a fork for each host' $start {
      Measure-Once { ansible-playbook --forks 6 -i "$play/hosts" "$play/start.yml"; if ($LASTEXITCODE -ne 0) { throw 'ansible failed' } }
      & $states Running
      Get-KumoiVM peer-* | Stop-KumoiVM -TurnOff
    } 'ansible-playbook --forks 6' $null 1 0
  }
  else { Write-LeftOut 'the comparison with ansible' 'it is not installed (apt-get install ansible)' }
  Stop-Peer $pool
  Get-KumoiVM peer-* | Remove-KumoiVM -Confirm:$false
  Disconnect-KumoiHost *

  # Each in a session of its own, whose first migrations these are: connecting is not measured.
  $uris = @($hosts.tcpUri)[0..1]
  Add-Guest $hosts[0].uri @(1..8 | ForEach-Object { "peer-$_" })
  1..8 | ForEach-Object { virsh -q -c $hosts[0].uri start "peer-$_" }
  $move = {
    param([string[]] $Command, [string] $What)
    $mover = Start-Peer $labScript (@('run') + $Command + $uris)
    $null = $mover.StandardOutput.ReadLine()
    Invoke-Peer $mover $What
    Stop-Peer $mover
    $script:at = 1 - $script:at
    if (@(virsh -q -c $hosts[$script:at].uri list --name).Where{ $_ -like 'peer-*' }.Count -ne 8) { throw 'not 8 VMs were moved' }
  }
  $script:at = 0
  Add-Comparison '8 live migrations, two at a time, the first of a session, against python3-libvirt with a pool of threads' {
    & $move $pwsh, '-NoProfile', '-NonInteractive', '-File', "$PSScriptRoot/Move-Peer.ps1", $Module "migrate $script:at"
  } { & $move $python, "$PSScriptRoot/peers.py", 'session' "migrate $script:at $(1 - $script:at) 2" } 'bench/peers.py' 1.1 5 1
}

# From nothing to a list of all VMs, and the end of the process: python's is given the start of an empty pwsh, which is not Kumoi's doing.
Use-Lab 32 {
  $uris = $args.uri
  Add-Guest $uris[0] peer-1
  $list = "Import-Module '$Module'; `$null = Connect-KumoiHost '$($uris -join "','")'; (Get-KumoiVM).Count"
  $check = { param($Count) if ($Count -ne 1) { throw "not one VM: $Count" } }
  Add-Comparison 'cold inventory of 32 hosts, against an empty pwsh and then python3-libvirt with a pool of threads' {
    Measure-Once { & $check (& $pwsh -NoProfile -NonInteractive -Command $list) }
  } {
    Measure-Once { & $pwsh -NoProfile -NonInteractive -Command 1; & $check (& $python "$PSScriptRoot/peers.py" inventory @uris) }
  } 'pwsh -NoProfile -Command 1; bench/peers.py inventory' 1.2 21
}
