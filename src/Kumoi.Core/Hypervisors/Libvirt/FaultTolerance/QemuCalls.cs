using System.Text.Json;
using System.Text.Json.Nodes;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Native;

namespace Kumoi.Hypervisors.Libvirt.FaultTolerance;

/// <summary>Calls that go to a VM's QEMU itself.</summary>
internal static class QemuCalls
{
    public static void AddTo(CallTable<LibvirtLink> calls) => calls
        .Add(static (LibvirtLink host, QemuCommand call, CancellationToken token) =>
            host.ControlAsync(connection => Ask(connection, call), token))
        .Add(static (LibvirtLink host, WatchQemu call, CancellationToken token) =>
            QemuWatch.BeginAsync(host, call.Id, call.Happened!, token))
        .Add(static (LibvirtLink host, WatchStops call, CancellationToken token) => QemuWatch.BeginAsync(
            host,
            call.Id,
            happened =>
            {
                if (happened.Name is "STOP" or "RESUME")
                {
                    call.Happened!(new GuestStop(happened.Name is "STOP", happened.At));
                }
            },
            token));

    /// <summary>libvirt-qemu: virDomainQemuMonitorCommand. Blocks.</summary>
    private static JsonElement Ask(LibvirtConnection connection, QemuCommand call)
    {
        LibvirtLibrary.RequireQemu();
        var domain = connection.GetKnownDomain(call.Id);
        var command = new JsonObject { ["execute"] = call.Command };
        if (call.Arguments is { } arguments)
        {
            command["arguments"] = arguments.DeepClone();
        }

        var answer = NativeQemu.Ask(domain, command.ToJsonString())
            ?? throw connection.Failed($"send '{call.Command}' to the QEMU of VM '{domain.Name}'", CallKind.Write);
        using var parsed = JsonDocument.Parse(answer);
        return parsed.RootElement.TryGetProperty("return", out var result)
            ? result.Clone()
            : throw Refused(connection, domain, call.Command, parsed.RootElement);
    }

    private static HypervisorException Refused(LibvirtConnection connection, DomainHandle domain, string command, JsonElement answer)
    {
        var error = answer.TryGetProperty("error", out var found) ? found : default;
        var reason = error.ValueKind is JsonValueKind.Object && error.TryGetProperty("desc", out var text) ? text.GetString() : "no reason";
        return new HypervisorException(
            $"The QEMU of VM '{domain.Name}' on {connection.Label} refuses '{command}': {reason}", FaultDomain.VM,
            error: HypervisorError.InvalidState, recommendedAction: "See QEMU's log of the VM in /var/log/libvirt/qemu on its host.");
    }
}
