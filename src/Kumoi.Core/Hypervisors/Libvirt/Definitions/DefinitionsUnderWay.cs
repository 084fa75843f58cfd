using System.Collections.Concurrent;
using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Reading;

namespace Kumoi.Hypervisors.Libvirt.Definitions;

/// <summary>The definitions of one host that are being made, and what undoes them.</summary>
internal sealed class DefinitionsUnderWay
{
    private readonly LibvirtLink _link;
    private readonly VMDefiner _definer = new();
    private readonly ConcurrentDictionary<Task, OperationId> _underWay = new();

    private DefinitionsUnderWay(LibvirtLink link) => _link = link;

    public static DefinitionsUnderWay Of(LibvirtLink link) => link.Of(static link => new DefinitionsUnderWay(link));

    /// <summary>
    /// libvirt-domain: virDomainDefineXMLFlags. When it is cancelled while the call runs, what it made is removed again, behind the
    /// caller's back; who must be sure undoes the operation. Copying disks cannot be stopped: then it goes on to the end of the disk that
    /// is being copied, and waits until all that was made is removed.
    /// </summary>
    public Task<VMReading> DefineAsync(VMSpec spec, OperationId operation, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(spec);
        return spec.Copies
            ? DefineWithCopiesAsync(spec, operation, cancellationToken) : DefineAtOnceAsync(spec, operation, cancellationToken);
    }

    private async Task<VMReading> DefineAtOnceAsync(VMSpec spec, OperationId operation, CancellationToken cancellationToken)
    {
        List<string> warnings = [];
        var over = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _underWay[over.Task] = operation;
        var made = await _link.ControlAsync(
            connection => Define(connection, spec, operation, warnings, CancellationToken.None),
            cancellationToken,
            abandoned: connection => VMDefiner.Undo(connection, operation),
            over: () =>
            {
                _underWay.TryRemove(over.Task, out _);
                over.SetResult();
            });
        CallWarnings.Tell(warnings);
        return made;
    }

    /// <summary>What the host offers for a new VM.</summary>
    public Task<DomainCapabilities> ReadCapabilitiesAsync(string? machineType, CancellationToken cancellationToken) =>
        _link.ReadAsync(connection => DomainOffer.Read(connection, _definer.GetHost(connection), machineType), cancellationToken);

    /// <summary>
    /// Waits first for the definitions of that operation that were cancelled and go on: the VM would be removed under them, and a volume
    /// that they make after that would belong to nothing.
    /// </summary>
    public async Task<bool> UndoAsync(OperationId operation, CancellationToken cancellationToken)
    {
        await SettleAsync(operation, cancellationToken);
        var kept = await ImageRemovals.RunAsync(_link, connection => VMDefiner.Undo(connection, operation), cancellationToken);
        CallWarnings.Tell(kept ?? []);
        return kept is not null;
    }

    /// <summary>Waits for the definitions of that operation that were cancelled and go on.</summary>
    public Task SettleAsync(OperationId operation, CancellationToken cancellationToken) =>
        Task.WhenAll(_underWay.Where(one => one.Value == operation).Select(static one => one.Key)).WaitAsync(cancellationToken);

    private async Task<VMReading> DefineWithCopiesAsync(VMSpec spec, OperationId operation, CancellationToken cancellationToken)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _link.Closing);
        var token = either.Token;
        List<string> warnings = [];
        var made = await _link.RunJobAsync(connection => Define(connection, spec, operation, warnings, token));
        CallWarnings.Tell(warnings);
        return made;
    }

    private VMReading Define(
        LibvirtConnection connection, VMSpec spec, OperationId operation, List<string> warnings, CancellationToken cancellationToken)
    {
        using var domain = _definer.Define(connection, spec, operation, warnings, cancellationToken);
        return HostReadings.Of(_link).VMs.Read(connection, domain) ?? throw connection.NotFound($"VM '{spec.Name}'");
    }
}
