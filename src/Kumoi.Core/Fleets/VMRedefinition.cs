using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.Fleets;

/// <summary>A VM whose definition was replaced.</summary>
/// <param name="VM">As it is then.</param>
/// <param name="Before">With secrets: what puts it back.</param>
/// <param name="After">With secrets: what it must still be to be put back.</param>
internal sealed record VMRedefinition(KumoiVM VM, string Before, string After)
{
    /// <summary>
    /// Replaces a VM's definition, if nobody has changed it. One that was read with its XML while the VM was off is compared with that;
    /// of a VM that ran, that is how it ran, and what changes by itself.
    /// </summary>
    /// <exception cref="HypervisorException">
    /// InvalidSpecification: the XML is of another VM, or the hypervisor does not take it. InvalidState: it has changed, or the VM would go
    /// on from a saved state, or it has no definition.
    /// </exception>
    public static async Task<VMRedefinition> MakeAsync(KumoiVM vm, string xml, CancellationToken cancellationToken)
    {
        var link = vm.Connection.Link;
        var now = await VMActions.ReadAgainAsync(vm, cancellationToken);
        if (now.HasSavedState)
        {
            throw new HypervisorException(
                $"'{now.Name}' has a saved state, with which its definition cannot be changed.", FaultDomain.VM,
                error: HypervisorError.InvalidState,
                recommendedAction: "Start it with Start-KumoiVM, which goes on from there, and shut it down.");
        }

        // First this: what changes between the two is seen by the call.
        var before = await link.SendAsync(new ReadDefinition(vm.Id), cancellationToken);
        if (vm is { Xml.Length: > 0, State: PowerState.Shutoff } && now.State is PowerState.Shutoff
            && await link.SendAsync(new ReadXml(vm.Id), cancellationToken) is { Length: > 0 } current && current != vm.Xml)
        {
            throw Redefinition.Changed(now.Name);
        }

        var after = await link.SendAsync(new RedefineVM(vm.Id, xml, before), cancellationToken);
        if (now.State is not PowerState.Shutoff)
        {
            CallWarnings.Tell($"'{now.Name}' is {now.State}: it has the new definition when it is stopped and started again.");
        }

        return new(await VMActions.ReadAgainAsync(vm, cancellationToken), before, after);
    }

    /// <summary>Puts the definition back, unless somebody has changed it since.</summary>
    public async Task UndoAsync(KumoiConnection? movedTo)
    {
        if (After.Length > 0) // else it was masked
        {
            _ = await VM.At(movedTo).Connection.Link.SendAsync(new RedefineVM(VM.Id, Before, After), CancellationToken.None);
        }
    }
}
