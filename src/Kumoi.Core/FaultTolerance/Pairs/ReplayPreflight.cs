using System.Xml.Linq;
using Kumoi.FaultTolerance.Engines;
using Kumoi.FaultTolerance.Engines.LogReplay;
using Kumoi.Hypervisors;

namespace Kumoi.FaultTolerance.Pairs;

/// <summary>What of a VM QEMU cannot record so that a replica replays it, and the mode that fits instead.</summary>
internal static class ReplayPreflight
{
    private const string Checkpoint = "take -Mode Checkpoint, which protects it";

    /// <summary>What stands in the way; empty: nothing. What all engines refuse is not said again.</summary>
    /// <param name="domain">The VM's live definition.</param>
    /// <param name="vm">The VM.</param>
    /// <param name="plan">What is asked for.</param>
    public static IEnumerable<PairObstacle> Judge(XElement domain, VMReading vm, PairPlan plan)
    {
        if ((string?)domain.Attribute("type") is { } type and not "qemu" && !plan.IsSimulated)
        {
            yield return new PairObstacle(
                $"The VM runs by {type}: only software emulation can be replayed.",
                $"Give it <domain type='qemu'>, which is many times slower; or {Checkpoint}.");
        }

        if (vm.CpuCount > 1)
        {
            yield return new PairObstacle(
                $"The VM has {vm.CpuCount} virtual CPUs: what several do in turn is not recorded.",
                $"Give it one (Set-KumoiVM -CpuCount 1); or {Checkpoint}.");
        }

        foreach (var device in domain.Elements("devices").Elements())
        {
            if (device.Name.LocalName is "interface")
            {
                yield return new PairObstacle(
                    "What comes to the VM by its network card is not replayed.", $"Detach the card; or {Checkpoint}.");
            }
            else if (device.Name.LocalName is "disk" && (string?)device.Attribute("device") is not "floppy")
            {
                // Reads of others end when the host has done them, which is not recorded.
                yield return new PairObstacle(
                    $"When reads of the disk '{(string?)device.Element("target")?.Attribute("dev")}' end is not recorded.",
                    $"Start the VM from a kernel, or from a read-only floppy; or {Checkpoint}.");
            }
            else if (device.Name.LocalName is "rng")
            {
                yield return new PairObstacle(
                    "The VM's random numbers are the host's, and are not recorded.", $"Remove the device 'rng'; or {Checkpoint}.");
            }
        }

        if (vm.State is not (PowerState.Shutoff or PowerState.Crashed)
            && (plan.IsSimulated || Path.GetDirectoryName(ReplayDefinition.RecordOf(domain)) != plan.Folder))
        {
            yield return new PairObstacle(
                "The VM runs, and was not recorded from its boot: QEMU cannot begin in its middle.",
                $"Stop it (Stop-KumoiVM), and the pair starts it, recorded; or {Checkpoint}.");
        }
    }
}
