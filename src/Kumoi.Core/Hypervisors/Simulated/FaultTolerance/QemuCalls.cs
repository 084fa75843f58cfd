using System.Text.Json;
using System.Text.Json.Nodes;
using System.Xml.Linq;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Simulated.Hosts;

namespace Kumoi.Hypervisors.Simulated.FaultTolerance;

/// <summary>
/// Standbys, and what COLO needs of QEMU: a simulated guest has neither memory nor output, so a checkpoint is that both sides go on.
/// </summary>
internal static class QemuCalls
{
    private const int FirstPort = 49152;

    public static void AddTo(CallTable<SimulatedLink> calls) => calls
        .Add(static (SimulatedLink link, StartStandby call, CancellationToken token) => link.Call(() => Start(link, call), token))
        .Add(static (SimulatedLink link, RemoveStandby call, CancellationToken token) => link.Call(() => Remove(link, call), token))
        .Add(static (SimulatedLink link, WatchQemu call, CancellationToken token) => link.Call(() => Watch(link, call), token))
        .Add(static (SimulatedLink link, QemuCommand call, CancellationToken token) => link.Call(() => Ask(link, call), token));

    private static Done Start(SimulatedLink link, StartStandby call)
    {
        var vm = SimulatedVM.From(link.Host, new VMSpec { Xml = call.Definition }, OperationId.New());
        if (link.Host.Find(vm.Id) is not null || link.Host.VMs.ContainsKey(vm.Name))
        {
            throw new HypervisorException(
                $"{link.HostName} has a VM '{vm.Name}' already.", FaultDomain.VM, error: HypervisorError.VMExists,
                recommendedAction: "See what it is (Get-KumoiVM), and remove it if it is not needed.");
        }

        vm.IsTransient = true;
        link.Host.EnsureMemory(vm);
        link.Fleet.Boot(vm);
        vm.ChangeState(PowerState.Paused, link.Now);
        link.Host.VMs.Add(vm.Name, vm);
        link.Host.Publish(vm, VMLifecycle.Suspended, link.Now);
        return default;
    }

    private static Done Remove(SimulatedLink link, RemoveStandby call)
    {
        if (link.Host.Find(call.Id) is not { } vm)
        {
            return default;
        }

        if (!vm.ToXml().Elements("metadata").Elements().Any(element => StandbyMark.Is(element) && StandbyMark.IsOf(call.VM, element)))
        {
            throw new HypervisorException(
                $"The VM '{vm.Name}' on {link.HostName} is not marked as a standby of a pair, and was left alone.", FaultDomain.VM,
                error: HypervisorError.VMExists, recommendedAction: "See what it is (Get-KumoiVM), and remove it if it is not needed.");
        }

        link.Host.VMs.Remove(vm.Name);
        vm.ChangeState(PowerState.Shutoff, link.Now);
        link.Host.Publish(vm, VMLifecycle.Stopped, link.Now);
        return default;
    }

    private static IAsyncDisposable Watch(SimulatedLink link, WatchQemu call)
    {
        _ = link.Existing(call.Id);
        return link.Host.WatchStops(
            call.Id, stop => call.Happened!(new QemuEvent(stop.IsStopped ? "STOP" : "RESUME", stop.At, "")), link.Fleet.Gate);
    }

    private static JsonElement Ask(SimulatedLink link, QemuCommand call)
    {
        var vm = link.Existing(call.Id);
        if (vm.State is PowerState.Shutoff or PowerState.Crashed)
        {
            throw SimulatedLink.WrongState(vm, $"send '{call.Command}' to");
        }

        return JsonSerializer.SerializeToElement(Do(link, vm.Qemu, call.Command, call.Arguments));
    }

    private static JsonNode Do(SimulatedLink link, SimulatedQemu qemu, string command, JsonObject? arguments)
    {
        switch (command)
        {
            case "query-version":
                return qemu.AnswerVersion();
            case "query-status":
                var isRunning = qemu.VM.State is PowerState.Running;
                return new JsonObject { ["status"] = isRunning ? "running" : "paused", ["running"] = isRunning };
            case "query-colo-status":
                return new JsonObject { ["mode"] = qemu.Colo };
            case "query-migrate":
                return AnswerMigration(qemu);
            case "migrate-incoming":
                qemu.Port = link.Fleet.NextPort(FirstPort);
                qemu.Migration = "setup";
                break;
            case "migrate":
                Enter(link, qemu, (string?)arguments!["uri"] ?? "");
                break;
            case "migrate-set-parameters" when arguments?.ContainsKey("x-checkpoint-delay") is true && qemu.Colo is "primary":
                Checkpoint(link, qemu);
                break;
            case "x-colo-lost-heartbeat":
                (qemu.Colo, qemu.Migration, qemu.Peer) = ("none", "completed", null);
                GoOn(link, link.Host, qemu.VM);
                break;
            case "stop":
                if (qemu.VM.State is PowerState.Running)
                {
                    qemu.VM.ChangeState(PowerState.Paused, link.Now);
                    link.Host.Publish(qemu.VM, VMLifecycle.Suspended, link.Now);
                    link.Host.ReportStop(qemu.VM, new GuestStop(true, link.Now));
                }

                break;
            case "cont":
                GoOn(link, link.Host, qemu.VM);
                break;
            case "object-add" or "chardev-add":
                qemu.Parts[(string?)arguments!["id"] ?? ""] = command is "object-add";
                break;
            case "object-del" or "chardev-remove":
                qemu.Parts.Remove((string?)arguments!["id"] ?? "");
                break;
            case "qom-list":
                return new JsonArray([.. qemu.NamesOf(isObject: true).Select(static name => new JsonObject { ["name"] = name })]);
            case "qom-list-types":
                return new JsonArray(new JsonObject { ["name"] = (string?)arguments!["implements"] });
            case "query-chardev":
                return new JsonArray(
                    [.. qemu.NamesOf(isObject: false).Select(static name => new JsonObject { ["label"] = name, ["filename"] = "unix:" + name })]);
            case "migrate-set-parameters" or "migrate-set-capabilities" or "announce-self" or "migrate_cancel":
                break;
            default:
                throw new HypervisorException(
                    $"A simulated VM has no command '{command}' of QEMU.", FaultDomain.VM, error: HypervisorError.NotSupported,
                    recommendedAction: "Simulated hosts make checkpoints with -Engine LibvirtSnapshot or Colo.");
        }

        return new JsonObject();
    }

    private static JsonObject AnswerMigration(SimulatedQemu qemu)
    {
        var answer = new JsonObject();
        if (qemu.Migration is { } status)
        {
            answer["status"] = status;
        }

        if (qemu.Port is { } port)
        {
            answer["socket-address"] = new JsonArray(new JsonObject { ["port"] = FormattableString.Invariant($"{port}") });
        }

        return answer;
    }

    private static void Enter(SimulatedLink link, SimulatedQemu primary, string address)
    {
        if (link.Fleet.FindListening(address[(address.LastIndexOf(':') + 1)..]) is not { } found)
        {
            primary.Migration = "failed";
            return;
        }

        var (host, standby) = found;
        (primary.Colo, primary.Migration, primary.Peer, primary.PeerHost) = ("primary", "colo", standby, host);
        (standby.Colo, standby.Migration, standby.Peer, standby.PeerHost, standby.Port) = ("secondary", "colo", primary, link.Host, null);
        GoOn(link, host, standby.VM);
    }

    /// <summary>Where the other side is gone, the primary stands still for ever, as QEMU does.</summary>
    private static void Checkpoint(SimulatedLink link, SimulatedQemu primary)
    {
        if (primary is { Peer: { Colo: "secondary" } standby, PeerHost: { } host } && host.Find(standby.VM.Id) == standby.VM)
        {
            standby.VM.Run = primary.VM.Run;
            GoOn(link, host, standby.VM);
            GoOn(link, link.Host, primary.VM);
        }
    }

    private static void GoOn(SimulatedLink link, SimulatedHost host, SimulatedVM vm)
    {
        if (vm.State is PowerState.Running)
        {
            return;
        }

        vm.ChangeState(PowerState.Running, link.Now);
        host.Publish(vm, VMLifecycle.Resumed, link.Now);
        host.ReportStop(vm, new GuestStop(false, link.Now));
    }
}
