using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Kumoi.Composition;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Faults;
using Kumoi.Hypervisors.Libvirt;
using Kumoi.Journal.Sqlite;
using Kumoi.Resilience;
using Kumoi.Speculation;
using Kumoi.Speculation.Migration;

namespace Kumoi.Benchmarks;

/// <summary>
/// Migrations of one running VM between real hosts: in turn a plain one, one to two targets at once, and one to two of which the second
/// takes a tenth of the plain one's rate. Of each: the time, the CPU time of the source's QEMU, and what the source's host has sent. Run in
/// the lab's network.
/// </summary>
internal static class MigrationOverhead
{
    private const string VM = "overhead";

    private static readonly string[] Kinds = ["plain", "two", "two, one slow"];

    /// <summary>Prints a line of JSON for each migration.</summary>
    /// <param name="lab">What <c>lab.sh info --json</c> prints.</param>
    /// <param name="xml">The VM's domain XML.</param>
    /// <param name="script">The path of <c>lab.sh</c>.</param>
    /// <param name="uris">The hosts, three at least.</param>
    /// <param name="count">How many migrations of each kind.</param>
    public static async Task RunAsync(string lab, string xml, string script, IReadOnlyList<string> uris, int count)
    {
        var time = TimeProvider.System;
        var folder = Directory.CreateTempSubdirectory("kumoi-overhead-").FullName;
        await using var journal = new SqliteJournal(folder, time);
        await using var fleet = KumoiFleet.Create(
            [new LibvirtDriver(time)], new PollyCallPolicyFactory(time), new FaultPlan(new Random(1), time), time, () => journal);
        await foreach (var outcome in fleet.ConnectAsync([.. uris.Select(uri => new ConnectRequest(uri, null, []))], default))
        {
            _ = outcome.Result;
        }

        var hosts = fleet.Hosts.ToList();
        var vm = await VMActions.CreateAsync(
            hosts[0], new VMSpec { Xml = xml }, start: true, keepFailed: false, OperationId.New(), default);
        try
        {
            var tenth = 0L;
            for (var i = -Kinds.Length; i < Kinds.Length * count; i++)
            {
                var kind = Kinds[(i + Kinds.Length) % Kinds.Length];
                var source = vm.Connection;
                var targets = hosts.Where(host => !ReferenceEquals(host, source)).Take(2).ToList();
                if (kind is "two, one slow")
                {
                    // What the bridge sends to that host.
                    Run("tc", "qdisc", "add", "dev", targets[1].Name, "root", "tbf", "rate", $"{tenth}bps", "burst", "1m", "latency",
                        "50ms");
                }

                using var cpu = new ProcessCpu(lab, source.Name, VM);
                var sentBefore = Sent(script, source.Name);
                var began = Stopwatch.GetTimestamp();
                vm = kind is "plain"
                    ? await VMActions.MoveAsync(vm, targets[0], new MigrationOptions(), null, default)
                    : (await new SpeculativeMigration(vm, new SpeculationOptions { Replicas = 2 }, time)
                        .RunAsync(targets, null, default)).VM;
                var took = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
                var used = cpu.End();
                var sent = Sent(script, source.Name) - sentBefore;
                tenth = kind is "plain" ? (long)(sent / (took / 1000) / 10) : tenth;
                if (kind is "two, one slow")
                {
                    Run("tc", "qdisc", "del", "dev", targets[1].Name, "root");
                }

                if (i >= 0)
                {
                    Console.WriteLine(JsonSerializer.Serialize(new { kind, ms = took, cpuMs = used, sentBytes = sent }));
                }
            }
        }
        finally
        {
            await VMActions.RemoveAsync(vm, turnOff: true, removeVolumes: false, default);
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>What has left the host by its network interface.</summary>
    private static long Sent(string script, string host)
    {
        using var json = JsonDocument.Parse(Run(script, "exec", host, "ip", "-s", "-j", "link", "show", "eth0"));
        return json.RootElement[0].GetProperty("stats64").GetProperty("tx").GetProperty("bytes").GetInt64();
    }

    private static string Run(string program, params string[] arguments)
    {
        using var process =
            Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, UseShellExecute = false })!;
        var printed = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? printed
            : throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} ended with status {process.ExitCode}.");
    }

    /// <summary>The CPU time of a process up to its end: it is looked at until it is gone.</summary>
    private sealed class ProcessCpu : IDisposable
    {
        private const double TickMs = 10; // USER_HZ is 100 on Linux

        private readonly CancellationTokenSource _stop = new();
        private readonly Task<double> _watching;

        public ProcessCpu(string lab, string host, string vm)
        {
            var id = Directory.EnumerateDirectories("/proc").Select(Path.GetFileName).Where(name => char.IsAsciiDigit(name![0]))
                .First(name => IsOf(name!, lab, host, vm))!;
            var before = Read(id) ?? 0;
            _watching = Task.Factory.StartNew(
                () =>
                {
                    var last = before;
                    while (!_stop.IsCancellationRequested && Read(id) is { } now)
                    {
                        last = now;
                        Thread.Sleep(1);
                    }

                    return last - before;
                },
                CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        }

        public double End()
        {
            _stop.Cancel();
            return _watching.Result;
        }

        public void Dispose() => _stop.Dispose();

        private static bool IsOf(string process, string lab, string host, string vm)
        {
            try
            {
                var line = File.ReadAllText($"/proc/{process}/cmdline");
                return line.Contains($"guest={vm},", StringComparison.Ordinal)
                    && File.ReadAllText($"/proc/{process}/mountinfo").Contains($"{lab}/{host}/", StringComparison.Ordinal);
            }
            catch (IOException)
            {
                return false;
            }
        }

        private static double? Read(string process)
        {
            try
            {
                var fields = File.ReadAllText($"/proc/{process}/stat").Split(')')[^1].Split(' ', StringSplitOptions.RemoveEmptyEntries);
                return TickMs * (long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(
                    fields[12], CultureInfo.InvariantCulture));
            }
            catch (IOException)
            {
                return null;
            }
        }
    }
}
