using Kumoi.FaultTolerance.Engines;
using Kumoi.Fleets;
using Kumoi.Hypervisors;

namespace Kumoi.FaultTolerance.Pairs;

/// <summary>Finds what stands in the way of protecting a VM, without changing anything.</summary>
internal static class PairChecks
{
    /// <summary>What stands in the way with the engine that is asked for, or with the best one in whose way nothing stands.</summary>
    /// <param name="vm">The VM.</param>
    /// <param name="backups">The hosts that are to take over.</param>
    /// <param name="order">What is asked for, but for its engine.</param>
    /// <param name="choice">The engine that is asked for.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <returns>The order with its engine, and what stands in the way of that.</returns>
    /// <exception cref="HypervisorException">The VM's own host cannot be read.</exception>
    public static async Task<(PairOrder Order, IReadOnlyList<KumoiFtFinding> Found)> ChooseAsync(
        KumoiVM vm, IReadOnlyList<KumoiConnection> backups, PairOrder order, EngineChoice choice, CancellationToken cancellationToken)
    {
        var look = new PairLook(vm, backups);
        if (choice is not EngineChoice.Auto)
        {
            var given = order with { Engine = EngineOf(choice) };
            return (given, [.. await look.AtVMAsync(given, cancellationToken), .. await look.AtBackupsAsync(given, cancellationToken)]);
        }

        var passed = new List<string>();
        foreach (var (engine, why) in ByPreference(order))
        {
            var chosen = order with { Engine = engine, EngineReason = string.Join(' ', passed.Prepend(why)) };
            var found = await look.AtVMAsync(chosen, cancellationToken);
            if (found.Count == 0)
            {
                found = await look.AtBackupsAsync(chosen, cancellationToken);
                if (CanServe(found, backups, vm))
                {
                    return (chosen, found);
                }
            }

            passed.Add($"{engine} cannot serve: {found[0].Message}");
        }

        // What every engine finds is in this one's way too, and it asks for least.
        order = order with { Engine = CheckpointEngine.LibvirtSnapshot };
        return (order, [.. await look.AtVMAsync(order, cancellationToken), .. await look.AtBackupsAsync(order, cancellationToken)]);
    }

    /// <summary>Nothing stands in the way at the VM, nor at all of the hosts.</summary>
    public static bool CanServe(IReadOnlyList<KumoiFtFinding> found, IReadOnlyList<KumoiConnection> backups, KumoiVM vm) =>
        found.All(static finding => finding.IsOfBackup)
            && backups.Any(host => !ReferenceEquals(host, vm.Connection) && found.All(finding => finding.VMHost != host.Name));

    /// <summary>The engines and why each would be taken, the best one first.</summary>
    private static IEnumerable<(CheckpointEngine Engine, string Why)> ByPreference(PairOrder order)
    {
        if (order.IsSimulated)
        {
            yield return (CheckpointEngine.LibvirtSnapshot, "Simulated hosts make checkpoints so.");
            yield break;
        }

        yield return (CheckpointEngine.SharedDelta, "It sends no more than what has changed, and takes over at once.");
        var migrate = (CheckpointEngine.Migrate, "Its pauses are the shortest, and it takes over at once.");
        if (order is { AllowUnencrypted: true, Goals.MaxOutputLatencyMs: null })
        {
            yield return migrate; // the admin has opened its way; but each of its checkpoints waits for the start of a standby
        }

        yield return (CheckpointEngine.LibvirtSnapshot, "It needs nothing but libvirt, and its checkpoints outlive a backup.");
        yield return migrate;
    }

    private static CheckpointEngine EngineOf(EngineChoice choice) => choice switch
    {
        EngineChoice.Migrate => CheckpointEngine.Migrate,
        EngineChoice.SharedDelta => CheckpointEngine.SharedDelta,
        EngineChoice.Colo => CheckpointEngine.Colo,
        EngineChoice.LogReplay => CheckpointEngine.LogReplay,
        _ => CheckpointEngine.LibvirtSnapshot,
    };
}
