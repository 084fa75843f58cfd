# Faults and witnesses of the experiments with the controller's death on real hosts. Dot-sourced after tests/Lab/Lab.ps1; wants $info and
# $machines. Everything here works from outside of Kumoi: by virsh, and by what a controller's process runs in.

# --- answers that come late ----------------------------------------------------------------------------------

# Ports of this computer, in the lab's network, through which the controller reaches the hosts' daemons. What a host answers can be held
# for a while; what it is told goes through.
Add-Type -TypeDefinition @'
using System;
using System.Net;
using System.Net.Sockets;
using System.Threading.Tasks;

public sealed class LateAnswers
{
    private readonly TcpListener listener;
    private readonly IPEndPoint host;
    private volatile Task held = Task.CompletedTask;

    public LateAnswers(string here, string there)
    {
        host = new IPEndPoint(IPAddress.Parse(there), 16509);
        listener = new TcpListener(IPAddress.Parse(here), 0);
        listener.Start();
        _ = AcceptAsync();
    }

    public string Uri => $"qemu+tcp://{listener.LocalEndpoint}/system";

    public void Hold(int milliseconds) => held = Task.Delay(milliseconds);

    private async Task AcceptAsync()
    {
        while (true)
        {
            TcpClient client = await listener.AcceptTcpClientAsync();
            TcpClient daemon = new TcpClient();
            try { await daemon.ConnectAsync(host); }
            catch (SocketException) { client.Dispose(); continue; }
            client.NoDelay = daemon.NoDelay = true;
            _ = CopyAsync(client, daemon, false);
            _ = CopyAsync(daemon, client, true);
        }
    }

    private async Task CopyAsync(TcpClient from, TcpClient to, bool isAnswer)
    {
        byte[] bytes = new byte[1 << 16];
        try
        {
            int length;
            while ((length = await from.GetStream().ReadAsync(bytes)) > 0)
            {
                if (isAnswer) { await held; }
                await to.GetStream().WriteAsync(bytes.AsMemory(0, length));
            }
        }
        catch (Exception e) when (e is System.IO.IOException or ObjectDisposedException or InvalidOperationException) { }
        from.Dispose();
        to.Dispose();
    }
}
'@

# --- somebody else's hand on the winner's guest --------------------------------------------------------------

function Start-Meddler {
  # Does something to the guest at once when a host's daemon tells that it has been let run there: suspend, or destroy.
  param([Parameter(Mandatory)][string] $Name, [Parameter(Mandatory)][string] $Deed, [Parameter(Mandatory)][string[]] $On)
  foreach ($machine in $On) {
    $uri = $info.hosts.Where{ $_.name -eq $machine }.uri
    $do = "stdbuf -oL virsh -q -c '$uri' event --event lifecycle --loop | while read -r line; do case `$line in *\'$Name\'*Resumed*) virsh -q -c '$uri' $Deed $Name; echo done; exit;; esac; done"
    $start = [System.Diagnostics.ProcessStartInfo]::new('bash', [string[]] @('-c', $do))
    $start.RedirectStandardOutput = $start.RedirectStandardError = $true
    [pscustomobject]@{ Machine = $machine; Process = [System.Diagnostics.Process]::Start($start) }
  }
}

function Stop-Meddler {
  # The hosts on which it has done it.
  param([Parameter(Mandatory)][object[]] $Meddler)
  foreach ($one in $Meddler) {
    $one.Process.Kill($true)
    if ($one.Process.StandardOutput.ReadToEnd() -match 'done') { $one.Machine }
    $one.Process.Dispose()
  }
}

# --- a clock that is stepped ---------------------------------------------------------------------------------

# The controller's own view of the time of day, by a library that is loaded before libc's: clock_gettime, gettimeofday and time, which is where
# .NET and libvirt take it from. Its other clocks, and everybody else's, go on as they are. Nothing where there is no C compiler.
function New-SteppedClock {
  param([Parameter(Mandatory)][string] $Folder)
  if (-not (Get-Command cc -CommandType Application -ErrorAction Ignore)) { return }
  $library = Join-Path $Folder clock.so
  Set-Content (Join-Path $Folder clock.c) @'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static long offset(void) {
  static volatile long *seconds;
  if (!seconds) {
    const char *path = getenv("KUMOI_LAB_CLOCK");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return 0;
    void *map = mmap(0, sizeof(long), PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (map == MAP_FAILED) return 0;
    seconds = map;
  }
  return *seconds;
}
int clock_gettime(clockid_t id, struct timespec *to) {
  static int (*real)(clockid_t, struct timespec *);
  if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
  int result = real(id, to);
  if (!result && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) to->tv_sec += offset();
  return result;
}
int gettimeofday(struct timeval *to, void *zone) {
  struct timespec now;
  (void)zone;
  if (clock_gettime(CLOCK_REALTIME, &now)) return -1;
  to->tv_sec = now.tv_sec;
  to->tv_usec = now.tv_nsec / 1000;
  return 0;
}
time_t time(time_t *to) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (to) *to = now.tv_sec;
  return now.tv_sec;
}
'@
  & cc -shared -fPIC -O2 -o $library (Join-Path $Folder clock.c) -ldl
  if ($LASTEXITCODE -eq 0) { $library }
}

function Set-SteppedClock {
  param([Parameter(Mandatory)][string] $File, [long] $Seconds)
  $stream = [System.IO.File]::Open($File, 'OpenOrCreate', 'Write', 'ReadWrite')
  $stream.Write([BitConverter]::GetBytes($Seconds))
  $stream.Dispose()
}

# --- VMs that are not ours -----------------------------------------------------------------------------------

# Of each host: one that is off, one that somebody has paused, and on the first two one that runs. Whatever is repaired, they stay.
function New-Stranger {
  foreach ($machine in $machines) {
    foreach ($kind in 'off', 'paused', 'runs') {
      if ($kind -eq 'runs' -and $machine -notin $machines[0..1]) { continue }
      $stranger = "stranger-$kind"
      $xml = Join-Path ([System.IO.Path]::GetTempPath()) "$stranger-$PID.xml"
      Invoke-Lab domain-xml $stranger | Set-Content $xml
      $uri = $info.hosts.Where{ $_.name -eq $machine }.uri
      & virsh -q -c $uri define $xml | Out-Null
      if ($kind -ne 'off') { & virsh -q -c $uri start $stranger | Out-Null }
      if ($kind -eq 'paused') { & virsh -q -c $uri suspend $stranger | Out-Null }
      Remove-Item $xml
    }
  }
}

function Get-Stranger {
  # What there is of them, and the files of each host's images: a line each.
  foreach ($machine in $machines) {
    $uri = $info.hosts.Where{ $_.name -eq $machine }.uri
    & virsh -q -c $uri list --all --name | Where-Object { $_ -like 'stranger-*' } | Sort-Object | ForEach-Object {
      '{0} {1} {2} {3}' -f $machine, $_, (& virsh -q -c $uri domuuid $_ | Select-Object -First 1), (& virsh -q -c $uri domstate $_ | Select-Object -First 1)
    }
    Get-ChildItem $info.hosts.Where{ $_.name -eq $machine }.images | ForEach-Object { "$machine $($_.Name)" } | Sort-Object
  }
}

# A host that has lost its power has them off.
function Restore-Stranger {
  param([Parameter(Mandatory)][string] $Machine)
  $uri = $info.hosts.Where{ $_.name -eq $Machine }.uri
  foreach ($stranger in & virsh -q -c $uri list --all --name | Where-Object { $_ -like 'stranger-*' -and $_ -ne 'stranger-off' }) {
    & virsh -q -c $uri start $stranger *> $null
    if ($stranger -eq 'stranger-paused') { & virsh -q -c $uri suspend $stranger *> $null }
  }
}

function Remove-Stranger {
  foreach ($machine in $machines) {
    $uri = $info.hosts.Where{ $_.name -eq $machine }.uri
    foreach ($stranger in & virsh -q -c $uri list --all --name | Where-Object { $_ -like 'stranger-*' }) {
      & virsh -q -c $uri destroy $stranger *> $null
      & virsh -q -c $uri undefine $stranger *> $null
    }
  }
}

# --- the guest -----------------------------------------------------------------------------------------------

function Get-State {
  # What libvirt says of it there, as virsh words it; nothing: it has none. Not by Get-KumoiVM, to which a copy that is being destroyed still runs.
  param($Machine, $Name)
  & virsh -q -c $info.hosts.Where{ $_.name -eq $Machine }.uri domstate $Name 2>$null | Where-Object { $_ }
}

function Get-Places {
  # Where it is, and how: @{ k1 = 'running' }.
  param($Name)
  $places = [ordered]@{}
  foreach ($machine in $machines) { $state = Get-State $machine $Name; if ($state) { $places[$machine] = $state } }
  $places
}

function Get-CounterTwice {
  # A value that the guest has printed twice, on whatever hosts: it went back, or ran twice. Nothing: none.
  param($Name)
  $seen = [System.Collections.Generic.HashSet[long]]::new()
  foreach ($machine in $machines) {
    $path = Invoke-Lab serial $machine $Name
    if (-not (Test-Path $path)) { continue }
    foreach ($line in [regex]::Matches([System.IO.File]::ReadAllText($path), '(?m)^C([0-9A-F]{8})\r?$')) {
      $value = [Convert]::ToInt64($line.Groups[1].Value, 16)
      if (-not $seen.Add($value)) { "$value (last on $machine)" }
    }
  }
}

# --- a libvirt that cannot end a VM --------------------------------------------------------------------------

# libvirt 11.3, killed between the beginning of an incoming migration and the start of its QEMU, takes the migration up again when it is
# back, and from then on neither ends it nor lets anybody end it: 'destroy' waits for that job, for ever, after the QEMU is dead, too, and
# Finish crashes the daemon. Its own record says so: no process. Only the host's restart helps, and that is what an admin would do.
function Repair-StuckDaemon {
  param($Machine, $Name)
  $record = "$($info.directory)/$Machine/run/libvirt/qemu/$Name.xml"
  if (-not (Select-String -Path $record -Pattern "<domstatus [^>]*pid='0'" -Quiet -ErrorAction Ignore)) { return $false }
  $answer = & virsh -q -c $info.hosts.Where{ $_.name -eq $Machine }.uri destroy $Name 2>&1
  if ("$answer" -notmatch 'cannot acquire state change lock') { return $false }
  Write-Host "$Machine`: libvirt holds $Name without a process in a migration that it cannot end; the host is restarted"
  Invoke-Lab power-off $Machine
  Invoke-Lab power-on $Machine
  $true
}
