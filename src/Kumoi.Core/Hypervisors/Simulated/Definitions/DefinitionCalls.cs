using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Simulated.Hosts;

namespace Kumoi.Hypervisors.Simulated.Definitions;

/// <summary>Calls that make, change and remove definitions of VMs.</summary>
internal static class DefinitionCalls
{
    public static void AddTo(CallTable<SimulatedLink> calls) => calls
        .Add(static (SimulatedLink link, DefineVM call, CancellationToken token) => link.Call(() => Define(link, call), token))
        .Add(static (SimulatedLink link, ReadDomainCapabilities call, CancellationToken token) => link.Call(
            () => link.Host.OfferOf(call.MachineType), token))
        .Add(static (SimulatedLink link, UndoDefineVM call, CancellationToken token) => UndoDefineAsync(link, call, token))
        .Add(static (SimulatedLink link, UndefineVM call, CancellationToken token) => UndefineAsync(link, call, token))
        .Add(static (SimulatedLink link, RemoveTemplate call, CancellationToken token) => RemoveAsync(link, call, token))
        .Add(static (SimulatedLink link, SetAutostart call, CancellationToken token) => link.Call(
            () =>
            {
                link.Existing(call.Id).IsAutostart = call.IsOn;
                return default(Done);
            },
            token))
        .Add(static (SimulatedLink link, ResizeVM call, CancellationToken token) => link.Call(() => Resize(link, call), token))
        .Add(static (SimulatedLink link, DescribeVM call, CancellationToken token) => link.Call(
            () => DefinitionChanges.Describe(link, call), token))
        .Add(static (SimulatedLink link, RedefineVM call, CancellationToken token) => link.Call(
            () => DefinitionChanges.Redefine(link, call), token))
        .Add(static (SimulatedLink link, RenameVM call, CancellationToken token) => link.Call(() => Rename(link, call), token))
        .Add(static (SimulatedLink link, DiscardSavedState call, CancellationToken token) => link.Call(
            () =>
            {
                link.Existing(call.Id).HasSavedState = false;
                return default(Done);
            },
            token));

    private static VMReading Define(SimulatedLink link, DefineVM call)
    {
        var vm = SimulatedVM.From(link.Host, call.Spec, call.Operation);
        if ((link.Host.VMs.GetValueOrDefault(vm.Name) ?? link.Host.Find(vm.Id)) is { } existing)
        {
            throw new HypervisorException(
                $"{link.HostName} already has the VM '{existing.Name}' with id {existing.Id:D}.", FaultDomain.VM,
                error: HypervisorError.VMExists,
                recommendedAction: "Choose another name, or remove the existing VM with Remove-KumoiVM.");
        }

        link.Host.VMs.Add(vm.Name, vm);
        foreach (var seed in vm.Seeds)
        {
            link.Host.Volumes.Add(seed);
            link.Host.ImageBytes[seed.Path] = seed.Bytes;
        }

        link.Host.Publish(vm, VMLifecycle.Defined, link.Now);
        return vm.Read(link.Now);
    }

    /// <summary>Simulated guests give and take at once.</summary>
    private static VMSizes Resize(SimulatedLink link, ResizeVM call)
    {
        var vm = SimulatedDevices.Staying(link, call.Id);
        var running = vm.Sizes;
        var isOff = vm.State is PowerState.Shutoff;
        var defined = vm.Next ?? running;
        var wanted = call.Apply(defined, isOff);
        if (!isOff)
        {
            running.EnsureFits(vm.Name, call.CpuCount, call.MemoryBytes);
        }

        wanted.EnsureSound(vm.Name);
        if (isOff)
        {
            vm.Take(wanted);
        }
        else
        {
            vm.Take(running with
            {
                CpuCount = call.CpuCount ?? running.CpuCount,
                MemoryBytes = call.MemoryBytes ?? running.MemoryBytes,
            });
            vm.Next = wanted;
        }

        link.Host.Publish(vm, VMLifecycle.Defined, link.Now);
        return running with { MaxCpuCount = defined.MaxCpuCount, MaxMemoryBytes = defined.MaxMemoryBytes };
    }

    private static Done Rename(SimulatedLink link, RenameVM call)
    {
        var vm = link.Existing(call.Id);
        if (vm.State is not PowerState.Shutoff)
        {
            throw SimulatedLink.WrongState(vm, "rename");
        }

        if (link.Host.VMs.ContainsKey(call.NewName))
        {
            throw new HypervisorException(
                $"{link.HostName} already has a VM '{call.NewName}'.", FaultDomain.VM, error: HypervisorError.VMExists,
                recommendedAction: "Choose another name.");
        }

        link.Host.VMs.Remove(vm.Name);
        vm.Name = call.NewName;
        link.Host.VMs.Add(vm.Name, vm);
        link.Host.Publish(vm, VMLifecycle.Defined, link.Now);
        return default;
    }

    private static async Task<bool> UndoDefineAsync(SimulatedLink link, UndoDefineVM call, CancellationToken cancellationToken)
    {
        var kept = await link.Call(() => UndoDefine(link, call.Operation), cancellationToken);
        CallWarnings.Tell(kept ?? []);
        return kept is not null;
    }

    private static IReadOnlyList<string>? UndoDefine(SimulatedLink link, OperationId operation)
    {
        if (link.Host.VMs.Values.FirstOrDefault(vm => vm.Operation == operation) is not { } vm)
        {
            return null;
        }

        vm.ChangeState(PowerState.Shutoff, link.Now);
        link.Host.VMs.Remove(vm.Name);
        link.Host.RemoveSeeds(vm);
        link.Host.Publish(vm, VMLifecycle.Undefined, link.Now);
        return SimulatedImages.JudgeRemoval(link.Host, vm, vm.MadeImages);
    }

    private static async Task<Done> RemoveAsync(SimulatedLink link, RemoveTemplate call, CancellationToken cancellationToken)
    {
        CallWarnings.Tell(await link.Call(() => Remove(link, call), cancellationToken));
        return default;
    }

    private static IReadOnlyList<string> Remove(SimulatedLink link, RemoveTemplate call)
    {
        var template = link.Existing(call.Id);
        var definition = template.ToXml();
        TemplateMark.Unset(definition);
        var images = DomainCopy.WritableDisks(definition).Select(DomainCopy.ImageOf).OfType<string>().ToList();
        var uses = SimulatedImages.UsesOf(link.Host, without: template);
        foreach (var image in images)
        {
            if (uses.FindKnownUse(image) is { } use)
            {
                throw RemoveTemplate.IsUsed(template.Name, link.HostName, image, use);
            }
        }

        link.Host.VMs.Remove(template.Name);
        link.Host.Publish(template, VMLifecycle.Undefined, link.Now);
        return call.RemoveVolumes ? uses.RemoveUnused(link.HostName, images, path => link.Host.ImageBytes.Remove(path)) : [];
    }

    private static async Task<Done> UndefineAsync(SimulatedLink link, UndefineVM call, CancellationToken cancellationToken)
    {
        CallWarnings.Tell(await link.Call(() => Undefine(link, call), cancellationToken));
        return default;
    }

    private static IReadOnlyList<string> Undefine(SimulatedLink link, UndefineVM call)
    {
        var vm = link.Existing(call.Id);
        if (vm.State is not PowerState.Shutoff)
        {
            throw SimulatedLink.WrongState(vm, "remove");
        }

        if (vm.HasSavedState)
        {
            throw new HypervisorException(
                $"Cannot remove '{vm.Name}': it has a saved state, which would be lost.", FaultDomain.VM,
                error: HypervisorError.InvalidState,
                recommendedAction: "Start it, which goes on from there, or throw the saved state away.");
        }

        List<string> warnings = call.RemoveVolumes ? [.. SimulatedImages.JudgeRemoval(link.Host, vm)] : [];
        if (vm.Snapshots.Count > 0)
        {
            warnings.Insert(0, $"What {link.HostName} knew of the {vm.Snapshots.Count} snapshots of '{vm.Name}' has gone with it.");
        }

        link.Host.VMs.Remove(vm.Name);
        link.Host.RemoveSeeds(vm);
        link.Host.Publish(vm, VMLifecycle.Undefined, link.Now);
        return warnings;
    }
}
