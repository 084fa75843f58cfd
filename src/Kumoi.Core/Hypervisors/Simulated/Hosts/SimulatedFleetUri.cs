using System.Globalization;

namespace Kumoi.Hypervisors.Simulated.Hosts;

/// <summary>
/// <c>sim://&lt;fleet&gt;[/&lt;host&gt;][?hosts=20&amp;vms=2&amp;running=1&amp;seed=7&amp;delay=50]</c>: how many hosts, VMs on each, how
/// many of those run (default: half, rounded up), the seed of all readings, and the milliseconds that every call takes (default 0).
/// </summary>
internal sealed record SimulatedFleetUri(string Fleet, string? Host, int Hosts, int VMs, int Running, int Seed, TimeSpan Delay)
{
    public const string Scheme = "sim://";

    private const int MaxHosts = 1_000_000;

    public string FleetKey => $"{Scheme}{Fleet}{Query}";

    private string Query => string.Create(
        CultureInfo.InvariantCulture, $"?hosts={Hosts}&vms={VMs}&running={Running}&seed={Seed}&delay={(long)Delay.TotalMilliseconds}");

    public string ForHost(string host) => $"{Scheme}{Fleet}/{host}{Query}";

    /// <summary>kvm01…kvm20: as many digits as the last one needs, at least two.</summary>
    public IEnumerable<string> HostNames() => Enumerable.Range(1, Hosts).Select(HostName);

    public string HostName(int number)
    {
        var width = Math.Max(2, Hosts.ToString(CultureInfo.InvariantCulture).Length);
        return "kvm" + number.ToString(CultureInfo.InvariantCulture).PadLeft(width, '0');
    }

    public static SimulatedFleetUri Parse(string uri)
    {
        if (!Uri.TryCreate(uri, UriKind.Absolute, out var parsed) || parsed.Host.Length == 0)
        {
            throw Invalid(uri, "it needs a fleet's name");
        }

        int hosts = 20, vms = 2, seed = 1, delay = 0;
        int? running = null;
        foreach (var pair in parsed.Query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var equals = pair.IndexOf('=', StringComparison.Ordinal);
            var key = equals < 0 ? pair : pair[..equals];
            if (equals < 0 || !int.TryParse(pair.AsSpan(equals + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var value))
            {
                throw Invalid(uri, $"'{pair}' is not <name>=<whole number>");
            }

            switch (key)
            {
                case "hosts" when value is >= 1 and <= MaxHosts: hosts = value; break;
                case "vms" when value <= 10_000: vms = value; break;
                case "running" when value <= 10_000: running = value; break;
                case "seed": seed = value; break;
                case "delay": delay = value; break;
                default: throw Invalid(uri, $"'{pair}' is unknown or out of range (hosts 1..{MaxHosts}, vms, running, seed, delay)");
            }
        }

        var result = new SimulatedFleetUri(
            parsed.Host, null, hosts, vms, Math.Min(running ?? ((vms + 1) / 2), vms), seed, TimeSpan.FromMilliseconds(delay));
        var path = parsed.AbsolutePath.Trim('/');
        if (path.Length == 0)
        {
            return result;
        }

        return result.IndexOf(path) >= 0 ? result with { Host = path } : throw Invalid(uri, $"the fleet has no host '{path}'");
    }

    /// <summary>0 for kvm01; -1 if there is no such host.</summary>
    public int IndexOf(string host) =>
        host.StartsWith("kvm", StringComparison.Ordinal)
        && int.TryParse(host.AsSpan(3), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
        && number >= 1 && number <= Hosts && string.Equals(HostName(number), host, StringComparison.Ordinal)
            ? number - 1
            : -1;

    private static HypervisorException Invalid(string uri, string why) =>
        new($"'{uri}' is no URI of a simulated fleet: {why}.", error: HypervisorError.InvalidUri,
            recommendedAction: "Use for example sim://lab?hosts=20&vms=2&seed=7.");
}
