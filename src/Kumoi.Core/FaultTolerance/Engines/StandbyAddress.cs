using System.Text.Json.Nodes;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.FaultTolerance.Engines;

/// <summary>Where a standby takes a VM's state.</summary>
internal static class StandbyAddress
{
    /// <summary>The standby listens from now on.</summary>
    /// <exception cref="HypervisorException">It would listen on a network, and it is not allowed to send unencrypted.</exception>
    public static async Task<string> ListenAsync(
        PairPlan plan, IHypervisorLink host, Guid standby, int number, CancellationToken cancellationToken)
    {
        var name = NetworkNameOf(plan, host);
        var address = name is not null
            ? $"tcp:{name}:0"
            : "unix:" + Path.Combine(plan.Folder, FormattableString.Invariant($"migration-ck{number}.sock"));
        await host.SendAsync(new QemuCommand(standby, "migrate-incoming", new JsonObject { ["uri"] = address }), cancellationToken);
        if (name is null)
        {
            return address;
        }

        var info = await host.SendAsync(new QemuCommand(standby, "query-migrate"), cancellationToken);
        return $"tcp:{name}:{info.GetProperty("socket-address")[0].GetProperty("port").GetString()}";
    }

    /// <summary>How other hosts reach it; null: it is on this machine.</summary>
    public static string? NetworkNameOf(PairPlan plan, IHypervisorLink host)
    {
        var name = new Uri(host.Uri).Host;
        return name.Length == 0 ? null
            : plan.AllowUnencrypted ? name
            : throw new HypervisorException(
                $"Checkpoints would go to {host.HostName} unencrypted.", FaultDomain.Network, error: HypervisorError.NotSupported,
                recommendedAction: "Allow it (-AllowUnencrypted) on a network of their own, or take the engine LibvirtSnapshot.");
    }
}
