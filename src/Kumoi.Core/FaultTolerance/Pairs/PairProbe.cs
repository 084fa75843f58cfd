using System.Text.Json;
using System.Text.Json.Nodes;
using System.Xml.Linq;
using Kumoi.FaultTolerance.Engines;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.FaultTolerance.Pairs;

/// <summary>
/// Asks the QEMU of a VM that runs whether it can do what a pair is going to want of it. What it says of itself counts, not its version.
/// libvirt marks a VM whose QEMU is asked as touched by others: one that a pair protects by libvirt alone is not asked.
/// </summary>
internal static class PairProbe
{
    /// <summary>Fails with what it cannot do, before anything is begun.</summary>
    /// <exception cref="HypervisorException">It cannot do it, or cannot be asked.</exception>
    public static async Task RefuseAsync(IHypervisorLink host, PairPlan plan, Guid domain, CancellationToken cancellationToken)
    {
        var definition = DomainDefinition.Parse(await host.SendAsync(new ReadXml(domain), cancellationToken));
        var hasCards = definition.Elements("devices").Elements("interface").Any();
        if (plan.Engine is CheckpointEngine.LibvirtSnapshot or CheckpointEngine.LogReplay && !hasCards)
        {
            return;
        }

        if (plan.Engine is CheckpointEngine.Colo)
        {
            await RefuseWithoutColoAsync(host, domain, hasCards, cancellationToken);
            if (plan.CheckpointsBy is null)
            {
                return;
            }
        }

        JsonElement capabilities;
        JsonElement filters;
        try
        {
            capabilities = await host.SendAsync(new QemuCommand(domain, "query-migrate-capabilities"), cancellationToken);
            filters = await host.SendAsync(
                new QemuCommand(domain, "qom-list-types", new JsonObject { ["implements"] = "filter-buffer" }), cancellationToken);
        }
        catch (HypervisorException e) when (e.Error is HypervisorError.NotSupported or HypervisorError.AuthenticationFailed)
        {
            throw new HypervisorException(
                $"The VM cannot be protected in this way: {e.Message}", FaultDomain.VM, error: e.Error, innerException: e,
                recommendedAction: hasCards ? e.RecommendedAction : "Take -Engine LibvirtSnapshot, which needs nothing but libvirt.");
        }

        if (Judge(plan.CheckpointsBy ?? plan.Engine, hasCards, capabilities, filters) is { } lack)
        {
            throw new HypervisorException(
                $"The VM cannot be protected: its QEMU on {host.HostName} {lack}.", FaultDomain.VM, error: HypervisorError.NotSupported,
                recommendedAction: "Start the VM anew with QEMU 7.2 or newer, as Debian, Fedora and Ubuntu build it"
                    + (hasCards ? "." : ", or take -Engine LibvirtSnapshot."));
        }
    }

    private const string ColoRemedy = "Take a QEMU that is built with it, as Debian's is, or -Mode Checkpoint with another engine.";

    /// <summary>COLO is left out of some builds. Whether it works is tried out when it begins.</summary>
    private static async Task RefuseWithoutColoAsync(IHypervisorLink host, Guid domain, bool hasCards, CancellationToken cancellationToken)
    {
        var lacks = new List<string>();
        try
        {
            await host.SendAsync(new QemuCommand(domain, "query-colo-status"), cancellationToken);
            foreach (var type in hasCards ? (string[])["colo-compare", "filter-rewriter"] : [])
            {
                var found = await host.SendAsync(
                    new QemuCommand(domain, "qom-list-types", new JsonObject { ["implements"] = type }), cancellationToken);
                lacks.AddRange(NamesOf(found, "name").Contains(type) ? [] : [type]);
            }
        }
        catch (HypervisorException e)
            when (e.Error is HypervisorError.NotSupported or HypervisorError.AuthenticationFailed or HypervisorError.InvalidState)
        {
            throw new HypervisorException(
                $"The VM cannot be protected by COLO, which its QEMU on {host.HostName} does not have: {e.Message}", FaultDomain.VM,
                error: HypervisorError.NotSupported, innerException: e,
                recommendedAction: ColoRemedy);
        }

        if (lacks.Count > 0)
        {
            throw new HypervisorException(
                $"The VM cannot be protected by COLO: its QEMU on {host.HostName} cannot compare what its network cards send "
                    + $"({string.Join(", ", lacks)}).",
                FaultDomain.VM, error: HypervisorError.NotSupported, recommendedAction: ColoRemedy);
        }
    }

    /// <summary>What QEMU lacks; null: nothing.</summary>
    /// <param name="engine">What makes the checkpoints.</param>
    /// <param name="hasCards">The VM has network cards.</param>
    /// <param name="capabilities">QEMU's answer to query-migrate-capabilities.</param>
    /// <param name="filters">QEMU's answer to qom-list-types for filter-buffer.</param>
    public static string? Judge(CheckpointEngine engine, bool hasCards, JsonElement capabilities, JsonElement filters) =>
        engine is CheckpointEngine.SharedDelta && !NamesOf(capabilities, "capability").Contains("x-ignore-shared")
            ? "cannot leave shared memory out of a migration (x-ignore-shared)"
            : hasCards && !NamesOf(filters, "name").Contains("filter-buffer")
                ? "cannot hold back what its network cards send (filter-buffer)"
                : null;

    private static IEnumerable<string?> NamesOf(JsonElement answer, string property) =>
        answer.EnumerateArray().Select(found => found.GetProperty(property).GetString());
}
