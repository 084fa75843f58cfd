using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using System.Text.Json;
using System.Text.RegularExpressions;
using Kumoi.Tests.Lab;
using Xunit;

[assembly: AssemblyFixture(typeof(RealLab))]
[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.None)] // they share the lab's hosts

namespace Kumoi.Tests.Lab;

/// <summary>
/// The lab that is up: its hosts, its guests' counters, and what can happen to it. Only a lab that is up already is used.
/// </summary>
public sealed partial class RealLab : IAsyncLifetime
{
    private const string PlaceholderName = "placeholder";

    private readonly ConcurrentDictionary<string, string> _templates = new();
    private readonly ConcurrentDictionary<string, bool> _hurt = new();
    private string _script = "";
    private Description? _description;

    /// <summary>Why there is no lab, and how to get one; null: it is up.</summary>
    public string? Obstacle { get; private set; }

    /// <summary>Why this process does not reach the hosts by network, and how it would; null: it does.</summary>
    public string? NetworkObstacle =>
        Obstacle
            ?? (IsInNetwork ? null : "This process is not in the lab's network. Run the tests with: sudo tests/Lab/lab.sh run dotnet …");

    /// <summary>Why no guest here can make COLO, and how it could; null: they can.</summary>
    public string? ColoObstacle => File.Exists(Path.Combine(_description!.SharedImages, "colo-lock.so"))
        ? null
        : "Guests that make COLO by software emulation need a C compiler: apt-get install --no-install-recommends gcc libc6-dev, then "
            + "'lab.sh up' again.";

    /// <summary>This computer, in the lab's network.</summary>
    public IPAddress Address => IPAddress.Parse(_description!.Network + ".254");

    public IReadOnlyList<LabHost> Hosts => _description?.Hosts ?? [];

    /// <summary>Some hosts that are such, in their order; skips the test where there are not so many.</summary>
    public string[] Choose(int count, Func<LabHost, bool> isSuch)
    {
        string[] found = [.. Hosts.Where(isSuch).Take(count).Select(host => host.Name)];
        if (found.Length < count)
        {
            Assert.Skip("The lab has not enough hosts of the generation that this needs; 'lab.sh status' shows what they are.");
        }

        return found;
    }

    /// <summary>Where each host has its own disk images, by its own path.</summary>
    public string HostImages => _description!.HostImages;

    public async ValueTask InitializeAsync()
    {
        if (!OperatingSystem.IsLinux())
        {
            Obstacle = "The lab needs Linux.";
            return;
        }

        _script = FindScript();
        var (status, output, _) = await TryRunAsync("info", "--json");
        _description = status == 0 ? JsonSerializer.Deserialize<Description>(output, JsonSerializerOptions.Web) : null;
        if (_description is not { Hosts.Count: >= 6 })
        {
            Obstacle = "No lab of six hosts is up. Make one with: sudo ./build.sh lab up 6";
            return;
        }

        // An earlier run may have been killed.
        await Parallel.ForEachAsync(Hosts, async (host, _) => await MakeWellAsync(host.Name));
    }

    /// <summary>Leaves the lab as it was found: in order, and up.</summary>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    public LabHost Host(string name) => Hosts.Single(host => string.Equals(host.Name, name, StringComparison.Ordinal));

    /// <summary>Does to a host what the README of the lab calls a fault.</summary>
    public async Task HurtAsync(string fault, string host, params string[] how)
    {
        _hurt[host] = true;
        await RunAsync([fault, host, .. how]);
    }

    /// <summary>Undoes all that was done to the host.</summary>
    public async Task MakeWellAsync(string host)
    {
        foreach (var remedy in (string[])["mend", "power-on", "start-daemon", "heal"])
        {
            await RunAsync(remedy, host);
        }

        _hurt.TryRemove(host, out _);
    }

    public async Task MakeAllWellAsync()
    {
        foreach (var host in _hurt.Keys)
        {
            await MakeWellAsync(host);
        }
    }

    /// <summary>The domain XML of a tick guest; the variants are in the README of the lab.</summary>
    public async Task<string> XmlAsync(string name, string variant)
    {
        if (!_templates.TryGetValue(variant, out var template))
        {
            _templates[variant] = template = await RunAsync("domain-xml", PlaceholderName, variant);
        }

        return template.Replace(PlaceholderName, name, StringComparison.Ordinal);
    }

    /// <summary>The last value that the guest has printed on that host; null: none yet.</summary>
    public long? Counter(string host, string vm) => Counters(host, vm) is [.., var last] ? last : null;

    /// <summary>All values that the guest has printed on that host, in their order.</summary>
    public IReadOnlyList<long> Counters(string host, string vm) =>
        // A line that is only half written does not match.
        [.. CounterLine().Matches(Printed(host, vm) ?? "")
            .Select(line => long.Parse(line.Groups["value"].Value, NumberStyles.HexNumber, CultureInfo.InvariantCulture))];

    /// <summary>All that guests of that name have printed on the host; null: nothing.</summary>
    public string? Printed(string host, string vm)
    {
        var path = Path.Combine(Host(host).SerialLogs, vm + ".serial");
        return File.Exists(path) ? File.ReadAllText(path) : null;
    }

    /// <summary>Whether the host has begun to start a VM of that name, as the log of its QEMU shows.</summary>
    public bool HasBegunToStart(string host, string vm) => File.Exists(Path.Combine(Host(host).SerialLogs, vm + ".log"));

    /// <summary>Whether the VM's QEMU is there, on which libvirt may be at work still.</summary>
    public bool HasStarted(string host, string vm) => File.Exists(Path.Combine(Root(host), "run/libvirt/qemu", vm + ".pid"));

    /// <summary>Whether the host keeps a definition of that VM.</summary>
    public bool HasDefined(string host, string vm) => File.Exists(Path.Combine(Root(host), "etc/libvirt/qemu", vm + ".xml"));

    /// <summary>The guest lives: its counter grows beyond what it is now, and beyond <paramref name="atLeast"/>.</summary>
    public async Task CountsOnAsync(string host, string vm, long atLeast = 0)
    {
        var from = Math.Max(Counter(host, vm) ?? 0, atLeast);
        await Eventually.HoldsAsync(() => Counter(host, vm) > from, $"'{vm}' counts beyond {from} on {host}");
    }

    public void ForgetPrinted()
    {
        foreach (var log in Hosts.SelectMany(host => Directory.EnumerateFiles(host.SerialLogs)))
        {
            File.Delete(log);
        }
    }

    /// <summary>Stops the VM's QEMU, which then neither reads nor answers, without ending it.</summary>
    public Task FreezeAsync(string host, string vm) => RunAsync("exec", host, "sh", "-c", $"kill -STOP $(cat /run/libvirt/qemu/{vm}.pid)");

    /// <summary>Runs a command as on the host.</summary>
    public Task<string> ExecuteAsync(string host, params string[] command) => RunAsync(["exec", host, .. command]);

    /// <summary>Packets from one host to another one are lost; null: those from this computer.</summary>
    public Task SeparateAsync(string? from, string to) => RunAsync([.. In(from), "ip", "route", "add", "blackhole", Host(to).Address]);

    public Task ReuniteAsync(string? from, string to) => RunAsync([.. In(from), "ip", "route", "del", "blackhole", Host(to).Address]);

    /// <summary>Limits what the network brings to the host.</summary>
    public Task ThrottleAsync(string host, long bytesPerSecond) =>
        RunAsync("run", "tc", "qdisc", "replace", "dev", host, "root", "tbf", "rate", $"{bytesPerSecond}bps", "burst", "64kb", "latency",
            "50ms");

    public Task UnthrottleAsync(string host) => RunAsync("run", "tc", "qdisc", "del", "dev", host, "root");

    private bool IsInNetwork =>
        NetworkInterface.GetAllNetworkInterfaces()
            .SelectMany(card => card.GetIPProperties().UnicastAddresses)
            .Any(address => address.Address.Equals(Address));

    /// <summary>Where the host's own directories are on this machine.</summary>
    private string Root(string host) => Path.Combine(Host(host).Images, "../../../.."); // of var/lib/libvirt/images

    private static string[] In(string? host) => host is null ? ["run"] : ["exec", host];

    private static string FindScript()
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            var script = Path.Combine(directory.FullName, "lab.sh");
            if (File.Exists(script))
            {
                return script;
            }
        }

        throw new FileNotFoundException($"lab.sh is in no directory above {AppContext.BaseDirectory}.");
    }

    private async Task<string> RunAsync(params string[] arguments)
    {
        var (status, output, errors) = await TryRunAsync(arguments);
        return status == 0
            ? output : throw new InvalidOperationException($"lab.sh {string.Join(' ', arguments)} ended with status {status}: {errors}");
    }

    private async Task<(int Status, string Output, string Errors)> TryRunAsync(params string[] arguments)
    {
        var start = new ProcessStartInfo(_script, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false
        };
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, await output, await errors);
    }

    [GeneratedRegex(
        @"^C(?<value>[0-9A-F]{8})\r?\n", RegexOptions.Multiline | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex CounterLine();

    private sealed record Description(string Network, string SharedImages, string HostImages, IReadOnlyList<LabHost> Hosts);
}
