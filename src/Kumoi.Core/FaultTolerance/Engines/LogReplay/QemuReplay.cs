using System.Text.Json.Nodes;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.FaultTolerance.Engines.LogReplay;

/// <summary>What is asked of a QEMU that records or replays.</summary>
internal sealed record QemuReplay(IHypervisorLink Host, Guid Domain, TimeProvider Time)
{
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(5);

    /// <summary>How long a replica may stand still before its end.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>How many instructions the guest has carried out.</summary>
    public async Task<long> CountAsync(CancellationToken cancellationToken) =>
        (await Host.SendAsync(new QemuCommand(Domain, "query-replay"), cancellationToken)).GetProperty("icount").GetInt64();

    public async Task<bool> IsRunningAsync(CancellationToken cancellationToken) =>
        (await Host.SendAsync(new QemuCommand(Domain, "query-status"), cancellationToken)).GetProperty("running").GetBoolean();

    public async Task<Version> VersionAsync(CancellationToken cancellationToken)
    {
        var version = (await Host.SendAsync(new QemuCommand(Domain, "query-version"), cancellationToken)).GetProperty("qemu");
        return new Version(
            version.GetProperty("major").GetInt32(), version.GetProperty("minor").GetInt32(), version.GetProperty("micro").GetInt32());
    }

    /// <summary>Stands still from when this returns.</summary>
    public async Task StopAsync(CancellationToken cancellationToken) =>
        await Host.SendAsync(new QemuCommand(Domain, "stop"), cancellationToken);

    public async Task GoOnAsync(CancellationToken cancellationToken) =>
        await Host.SendAsync(new QemuCommand(Domain, "cont"), cancellationToken);

    /// <summary>A replica that stands still will stand still again there, when it goes on.</summary>
    public async Task BreakAtAsync(long count, CancellationToken cancellationToken) =>
        await Host.SendAsync(new QemuCommand(Domain, "replay-break", new JsonObject { ["icount"] = count }), cancellationToken);

    /// <summary>The replica stands still there.</summary>
    /// <exception cref="HypervisorException">It does not come so far.</exception>
    public async Task GoToAsync(long count, CancellationToken cancellationToken, Action<long>? came = null)
    {
        await StandsAsync(came: null, cancellationToken);
        if (await CountAsync(cancellationToken) < count)
        {
            await BreakAtAsync(count, cancellationToken);
            await GoOnAsync(cancellationToken);
            await StandsAsync(came, cancellationToken);
        }

        if (await CountAsync(cancellationToken) is var end && end != count)
        {
            throw new HypervisorException(
                FormattableString.Invariant($"The replica on {Host.HostName} stands at instruction {end}, not {count}."), FaultDomain.VM,
                error: HypervisorError.InvalidState, recommendedAction: "Another one is made.");
        }
    }

    /// <summary>Writes its state into its image.</summary>
    public Task SaveAsync(string name, CancellationToken cancellationToken) => TellAsync("savevm", name, "save", cancellationToken);

    /// <summary>Takes a state of its image, and stands still with it.</summary>
    public Task LoadAsync(string name, CancellationToken cancellationToken) => TellAsync("loadvm", name, "load", cancellationToken);

    /// <summary>Gives it an image, which has states and nothing else.</summary>
    public async Task AddImageAsync(string path, CancellationToken cancellationToken) => await Host.SendAsync(
        new QemuCommand(
            Domain,
            "blockdev-add",
            new JsonObject
            {
                ["node-name"] = "kumoi-replay",
                ["driver"] = "qcow2",
                ["file"] = new JsonObject { ["driver"] = "file", ["filename"] = path },
            }),
        cancellationToken);

    private async Task TellAsync(string command, string name, string what, CancellationToken cancellationToken)
    {
        var said = await Host.SendAsync(
            new QemuCommand(Domain, "human-monitor-command", new JsonObject { ["command-line"] = $"{command} {name}" }), cancellationToken);
        if (said.GetString() is { Length: > 0 } why)
        {
            throw new HypervisorException(
                $"QEMU on {Host.HostName} cannot {what} the state of the VM: {why.Trim()}", FaultDomain.VM,
                error: HypervisorError.InvalidState, recommendedAction: "See QEMU's log of the replica on its host.");
        }
    }

    private async Task StandsAsync(Action<long>? came, CancellationToken cancellationToken)
    {
        var last = -1L;
        var since = Time.GetTimestamp();
        while (await IsRunningAsync(cancellationToken))
        {
            if (await CountAsync(cancellationToken) is var now && now != last)
            {
                (last, since) = (now, Time.GetTimestamp());
                came?.Invoke(now);
            }
            else if (Time.GetElapsedTime(since) > Patience)
            {
                throw new HypervisorException(
                    FormattableString.Invariant($"The replica on {Host.HostName} does not go on from instruction {now}."), FaultDomain.VM,
                    error: HypervisorError.TimedOut, recommendedAction: "Check the load of that host. Another replica is made.");
            }

            await Task.Delay(BetweenLooks, Time, cancellationToken);
        }
    }
}
