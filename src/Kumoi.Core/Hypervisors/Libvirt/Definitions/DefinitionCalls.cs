using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Native;
using Kumoi.Hypervisors.Libvirt.Reading;

namespace Kumoi.Hypervisors.Libvirt.Definitions;

/// <summary>Calls that make, change and remove definitions of VMs.</summary>
internal static class DefinitionCalls
{
    public static void AddTo(CallTable<LibvirtLink> calls) => calls
        .Add(static (LibvirtLink host, DefineVM call, CancellationToken token) => DefinitionsUnderWay.Of(host)
            .DefineAsync(call.Spec, call.Operation, token))
        .Add(static (LibvirtLink host, ReadDomainCapabilities call, CancellationToken token) => DefinitionsUnderWay.Of(host)
            .ReadCapabilitiesAsync(call.MachineType, token))
        .Add(static (LibvirtLink host, UndoDefineVM call, CancellationToken token) => DefinitionsUnderWay.Of(host)
            .UndoAsync(call.Operation, token))
        .Add(static (LibvirtLink host, UndefineVM call, CancellationToken token) => UndefineAsync(host, call, token))
        .Add(static (LibvirtLink host, RemoveTemplate call, CancellationToken token) => RemoveAsync(host, call, token))
        // libvirt-domain: virDomainManagedSaveRemove.
        .Add(static (LibvirtLink host, DiscardSavedState call, CancellationToken token) => host.ChangeAsync(
            call.Id, HostBoundState.DiscardSaved, token))
        .Add(static (LibvirtLink host, SetAutostart call, CancellationToken token) =>
            host.ChangeAsync(call.Id, (connection, domain) => HostBoundState.SetAutostart(connection, domain, call.IsOn), token))
        .Add(static (LibvirtLink host, ResizeVM call, CancellationToken token) =>
            host.ControlAsync(connection => VMSize.Set(connection, call), token))
        .Add(static (LibvirtLink host, DescribeVM call, CancellationToken token) =>
            host.ControlAsync(connection => DefinitionChanges.Describe(connection, call), token))
        .Add(static (LibvirtLink host, RedefineVM call, CancellationToken token) =>
            host.ControlAsync(connection => DefinitionChanges.Redefine(connection, call), token))
        .Add(static (LibvirtLink host, RenameVM call, CancellationToken token) =>
            host.ChangeAsync(call.Id, (connection, domain) => Rename(connection, domain, call.NewName), token))
        .Add(static (LibvirtLink host, ReadPools _, CancellationToken token) => host.ReadAsync(StoragePools.Read, token));

    /// <summary>libvirt-domain: virDomainRename.</summary>
    private static void Rename(LibvirtConnection connection, DomainHandle domain, string name)
    {
        if (NativeDomain.virDomainRename(domain, name, 0) != 0)
        {
            throw connection.ToException(NativeError.Last(), $"rename VM '{domain.Name}' to '{name}'", CallKind.Write);
        }
    }

    private static async Task<Done> RemoveAsync(LibvirtLink host, RemoveTemplate call, CancellationToken cancellationToken)
    {
        CallWarnings.Tell(await ImageRemovals.RunAsync(
            host, connection => TemplateRemoval.Remove(connection, call), cancellationToken));
        return default;
    }

    private static async Task<Done> UndefineAsync(LibvirtLink host, UndefineVM call, CancellationToken cancellationToken)
    {
        CallWarnings.Tell(await ImageRemovals.RunAsync(
            host,
            connection =>
            {
                using var domain = connection.GetDomain(call.Id);
                return VMDefiner.Undefine(connection, domain, call.RemoveVolumes);
            },
            cancellationToken));
        return default;
    }
}
