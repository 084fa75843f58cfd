using System.Xml.Linq;
using Kumoi.FaultTolerance.Engines;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.FaultTolerance.Pairs;

/// <summary>
/// What of a VM's live definition (https://libvirt.org/formatdomain.html) a pair cannot protect. A VM that goes on from a checkpoint must
/// contradict nothing that the outside has seen, so every way out of it must be held back, or not be there: of the ways that a VM has, a
/// pair by checkpoints holds its console, and network cards whose packets go through QEMU. And what is not in the checkpoint must not
/// change.
/// </summary>
internal static class PairPreflight
{
    /// <summary>Devices by which nothing leaves the VM, and which a checkpoint covers.</summary>
    private static readonly HashSet<string> Harmless = new(StringComparer.Ordinal)
    {
        "emulator", "controller", "input", "memballoon", "rng", "panic", "watchdog", "video", "hub", "memory", "iommu",
    };

    /// <summary>Fails with what stands in the way, before anything is begun.</summary>
    /// <exception cref="HypervisorException">The VM cannot be protected.</exception>
    public static async Task RefuseAsync(IHypervisorLink host, PairPlan plan, int? standby, CancellationToken cancellationToken)
    {
        var obstacles = await FindAsync(host, plan, standby, cancellationToken);
        if (obstacles.Count > 0)
        {
            throw new HypervisorException(
                $"The VM cannot be protected: {string.Join(' ', obstacles.Select(static obstacle => obstacle.Message))}",
                FaultDomain.VM,
                error: HypervisorError.InvalidState,
                recommendedAction: string.Join(' ', obstacles.Select(static obstacle => obstacle.RecommendedAction).Distinct()));
        }
    }

    /// <summary>What stands in the way; empty: nothing.</summary>
    /// <exception cref="HypervisorException">The host cannot be read, or does not have the VM.</exception>
    public static async Task<IReadOnlyList<PairObstacle>> FindAsync(
        IHypervisorLink host, PairPlan plan, int? standby, CancellationToken cancellationToken)
    {
        var id = PairDomains.Of(plan.VM, standby);
        var vm = await host.SendAsync(new FindVM(id), cancellationToken)
            ?? throw new HypervisorException(
                $"{host.HostName} does not have the VM.", FaultDomain.VM, error: HypervisorError.VMNotFound,
                recommendedAction: "Read it again with Get-KumoiVM: it may have been moved.");
        var domain = DomainDefinition.Parse(await host.SendAsync(new ReadXml(id), cancellationToken));
        return
        [
            .. Judge(domain, vm.IsAutostart, plan.ConsoleSocketOf(standby)),
            .. JudgeEngine(domain, host, plan),
            .. plan.Engine is CheckpointEngine.LogReplay ? ReplayPreflight.Judge(domain, vm, plan) : [],
        ];
    }

    /// <summary>What stands in the way; empty: nothing.</summary>
    /// <param name="domain">The VM's live definition.</param>
    /// <param name="isAutostart">Whether its host starts it at boot.</param>
    /// <param name="consoleSocket">Where the pair listens for the VM's console.</param>
    public static IEnumerable<PairObstacle> Judge(XElement domain, bool isAutostart, string consoleSocket)
    {
        var consoles = 0;
        foreach (var device in domain.Elements("devices").Elements())
        {
            if (PairConsole.IsPort(device) && (string?)device.Attribute("type") is "null")
            {
                continue; // it goes nowhere
            }

            if (PairConsole.IsPort(device))
            {
                // libvirt shows the first serial port a second time, as the console.
                if ((string?)device.Element("source")?.Attribute("path") != consoleSocket)
                {
                    yield return new PairObstacle(
                        $"What the VM puts out at its {NameOf(device)} is not held back.",
                        $"Let it connect to the pair's socket: <source mode='connect' path='{consoleSocket}'/>, type "
                            + "'unix'; or remove it.");
                }
                else if (device.Name.LocalName is not "console")
                {
                    consoles++;
                }
            }
            else if (JudgeDevice(device) is { } obstacle)
            {
                yield return obstacle;
            }
        }

        if (consoles > 1)
        {
            yield return new PairObstacle(
                "More than one serial port is connected to the pair's socket, which takes one.",
                "Connect one of them, and remove the others.");
        }

        if (isAutostart)
        {
            yield return new PairObstacle(
                "The VM's host starts it at boot: when it has its power again, while another host has taken over, the VM would run twice.",
                "Set-KumoiVM -AutoStart:$false.");
        }
    }

    /// <summary>
    /// What an engine needs that others do not. QEMU's migrations are not encrypted, and what travels is the VM's memory.
    /// </summary>
    private static IEnumerable<PairObstacle> JudgeEngine(XElement domain, IHypervisorLink host, PairPlan plan)
    {
        var memory = domain.Element("memoryBacking");
        if (plan.Uses(CheckpointEngine.SharedDelta)
            && ((string?)memory?.Element("source")?.Attribute("type") is not "file"
                || (string?)memory.Element("access")?.Attribute("mode") is not "shared"))
        {
            yield return new PairObstacle(
                "The VM's memory is not in a shared file, in which changed pages could be found.",
                "Write <memoryBacking><source type='file'/><access mode='shared'/></memoryBacking> into its definition and start it anew, "
                    + "or take another engine.");
        }

        foreach (var obstacle in JudgeMemorySeen(host, plan))
        {
            yield return obstacle;
        }

        if (plan.CheckpointsBy is { } other && domain.Elements("devices").Elements("interface").Any())
        {
            yield return new PairObstacle(
                $"What the VM has sent by its network cards cannot be handed from COLO to the engine {other} when the mode changes.",
                "Leave out -Engine: COLO itself makes the checkpoints then.");
        }

        if (plan is { Engine: CheckpointEngine.Migrate or CheckpointEngine.Colo, AllowUnencrypted: false } && new Uri(host.Uri).Host.Length > 0)
        {
            yield return new PairObstacle(
                plan.Engine is CheckpointEngine.Colo
                    ? "COLO's checkpoints would go through the network unencrypted."
                    : "Checkpoints by migration would go through the network unencrypted.",
                "Allow it on a network of their own (-AllowUnencrypted), or take the engine LibvirtSnapshot.");
        }
    }

    /// <summary>What an engine that reads and writes the memory of VMs needs of each host.</summary>
    public static IEnumerable<PairObstacle> JudgeMemorySeen(IHypervisorLink host, PairPlan plan)
    {
        if (plan is { Engine: CheckpointEngine.LogReplay, IsSimulated: false } && !plan.SeesMemoryOf(host))
        {
            yield return new PairObstacle(
                $"This computer does not see what QEMU records on {host.HostName}.",
                "Take -Mode Checkpoint: log and replay serves between hosts whose files this computer sees, until there is an agent on each.");
        }

        if (plan.Uses(CheckpointEngine.SharedDelta) && !plan.SeesMemoryOf(host))
        {
            yield return new PairObstacle(
                $"This computer does not see the memory of VMs on {host.HostName}, in which changed pages are found.",
                "Take another engine: SharedDelta serves between hosts whose memory this computer sees, until there is an agent on each.");
        }
    }

    private static PairObstacle? JudgeDevice(XElement device) => device.Name.LocalName switch
    {
        "disk" when device.Element("readonly") is not null || (string?)device.Attribute("device") is "cdrom" => null,
        "disk" => new PairObstacle(
            $"What the VM writes to its disk '{(string?)device.Element("target")?.Attribute("dev")}' is not taken back "
                + "when it goes on from a checkpoint.",
            "Make the disk read-only, or detach it."),
        "interface" => JudgeCard(device),
        "audio" when (string?)device.Attribute("type") is "none" => null, // libvirt adds it to a VM that has no sound
        "graphics" when (string?)device.Attribute("type") is "none" => null,
        "graphics" => new PairObstacle("What the VM shows on its screen is not held back.", "Remove the graphics device."),
        var name when Harmless.Contains(name) => null,
        var name => new PairObstacle(
            $"A checkpoint does not cover the VM's device '{name}', or what goes through it.", "Detach it, or choose another VM."),
    };

    /// <summary>What goes through QEMU's own tap can be held by QEMU; vhost goes past it, in the kernel.</summary>
    private static PairObstacle? JudgeCard(XElement card)
    {
        var type = (string?)card.Attribute("type") ?? "";
        var name = $"network card {(string?)card.Element("mac")?.Attribute("address")}".TrimEnd();
        var driver = card.Element("driver");
        return type is not ("bridge" or "network" or "ethernet")
            ? new PairObstacle(
                $"What the VM sends through its {name} of the type '{type}' is not held back.",
                "Connect it to a bridge or to a network of libvirt, or detach it.")
            : (string?)card.Element("model")?.Attribute("type") is "virtio" && (string?)driver?.Attribute("name") is not "qemu"
                ? new PairObstacle(
                    $"What the VM sends through its {name} goes past QEMU by vhost, and is not held back.",
                    "Write <driver name='qemu'/> into the card, and start the VM anew.")
                : (int?)driver?.Attribute("queues") > 1
                    ? new PairObstacle(
                        $"The VM's {name} has several queues, which QEMU cannot hold back.",
                        "Take the attribute queues off the card's <driver>, and start the VM anew.")
                    : null;
    }

    private static string NameOf(XElement device) => device.Name.LocalName switch
    {
        "serial" or "console" => $"serial port {(string?)device.Element("target")?.Attribute("port") ?? "0"}",
        "channel" => $"channel '{(string?)device.Element("target")?.Attribute("name")}'",
        _ => "parallel port",
    };
}
