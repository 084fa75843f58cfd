using System.Xml.Linq;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.Fleets;

/// <content>Copies of VMs, and templates.</content>
public static partial class VMActions
{
    /// <summary>Whether the VM writes to disks of its own: then it is cloned on its own host only.</summary>
    public static async Task<bool> HasOwnDisksAsync(KumoiVM vm, CancellationToken cancellationToken) =>
        DomainCopy.WritableDisks(DomainDefinition.Parse(await vm.Connection.Link.SendAsync(new ReadXml(vm.Id), cancellationToken))).Any();

    /// <inheritdoc cref="CloneAsync(KumoiVM, KumoiConnection, string, CopyOptions, OperationId, CancellationToken)"/>
    public static Task<KumoiVM> CloneAsync(
        KumoiVM master, KumoiConnection host, string name, bool start, Action<XElement>? change, OperationId operation,
        CancellationToken cancellationToken) =>
        CloneAsync(master, host, name, new CopyOptions { Start = start, Change = change }, operation, cancellationToken);

    /// <summary>
    /// Makes a VM from the definition of another, under another name. Disks that the master writes to are copied, in their storage pools:
    /// then it must be off, and <paramref name="host"/> must be its own; all else is shared. Of a template linked copies can be made, whose
    /// disks hold only what they change. What was made is removed again if a step fails or is cancelled; a cancellation waits for the end
    /// of the disk that is being copied.
    /// </summary>
    /// <exception cref="HypervisorException">
    /// Of domain VM, since no other host could help: InvalidState for a master that is not off, or of which no linked copy can be made,
    /// InvalidSpecification for disks that cannot be copied, or not to that host, and any failure to read the master. Else as
    /// <see cref="CreateAsync"/>.
    /// </exception>
    /// <exception cref="CompensationFailedException">A step failed, and what it had made could not be removed.</exception>
    public static async Task<KumoiVM> CloneAsync(
        KumoiVM master, KumoiConnection host, string name, CopyOptions options, OperationId operation, CancellationToken cancellationToken)
    {
        if (name.Length == 0)
        {
            throw new HypervisorException(
                $"The clone of '{master.Name}' has no name.", FaultDomain.VM, error: HypervisorError.InvalidSpecification,
                recommendedAction: "Give it a name of its own.");
        }

        VMSpecCheck.EnsureName(name, "VM");
        if (options.Linked && !master.IsTemplate)
        {
            throw new HypervisorException(
                $"'{master.Name}' is a VM, which can be started and change its disks: no linked copy of it would be safe.",
                FaultDomain.VM, error: HypervisorError.InvalidState,
                recommendedAction: "Make a template of it with New-KumoiTemplate, and linked copies of that; or make a full copy.");
        }

        return await CloneAsync(
            master, host, DomainDefinition.Parse(await ReadMasterAsync(master, cancellationToken)), name, options, operation,
            cancellationToken);
    }

    /// <summary>
    /// Makes a template of a copy of a VM that is off: it never starts and never changes, so that linked copies can be made of it. Else as
    /// a copy.
    /// </summary>
    public static async Task<KumoiTemplate> MakeTemplateAsync(
        KumoiVM vm, string name, OperationId operation, CancellationToken cancellationToken) =>
        new(await CloneAsync(vm, vm.Connection, name, new CopyOptions { IsTemplate = true }, operation, cancellationToken));

    /// <summary>Makes a VM of the template of that name on the host.</summary>
    /// <exception cref="HypervisorException">
    /// Of domain Host: VMNotFound: the host has no such template. InvalidState: it is being removed. Else as <see cref="CreateAsync"/>.
    /// </exception>
    public static async Task<KumoiVM> CreateFromTemplateAsync(
        KumoiConnection host, string template, string name, CopyOptions options, OperationId operation,
        CancellationToken cancellationToken)
    {
        VMSpecCheck.EnsureName(name, "VM");
        if (await host.Link.SendAsync(new FindVMByName(template), cancellationToken) is not { } reading || !TemplateMark.IsOf(reading.Id))
        {
            throw new HypervisorException(
                $"{host.Name} has no template '{template}'.", FaultDomain.Host, error: HypervisorError.VMNotFound,
                recommendedAction: "Get-KumoiTemplate lists the templates of all connected hosts.");
        }

        var master = new KumoiVM(host, reading);
        var definition = await host.Link.SendAsync(new ReadDefinition(master.Id), cancellationToken);
        return await CloneAsync(master, host, DomainDefinition.Parse(definition), name, options, operation, cancellationToken);
    }

    /// <summary>
    /// Removes a template on whose disks nothing is built. What of its disks stays although it was to go is told by
    /// <see cref="CallWarnings"/>.
    /// </summary>
    /// <exception cref="HypervisorException">InvalidState: a disk is built on one of its own.</exception>
    public static async Task RemoveTemplateAsync(KumoiTemplate template, bool removeVolumes, CancellationToken cancellationToken) =>
        await template.Connection.Link.SendAsync(new RemoveTemplate(template.Id, removeVolumes), cancellationToken);

    /// <summary>The templates of a host, in natural order of their names.</summary>
    public static async Task<IReadOnlyList<KumoiTemplate>> ReadTemplatesAsync(
        KumoiConnection host, CancellationToken cancellationToken)
    {
        var readings = await host.Link.SendAsync(new ReadVMs(WithTemplates: true), cancellationToken);
        return
        [
            .. readings.Where(static reading => TemplateMark.IsOf(reading.Id))
                .OrderBy(static reading => reading.Name, NaturalOrder.Instance)
                .Select(reading => new KumoiTemplate(new KumoiVM(host, reading))),
        ];
    }

    private static async Task<KumoiVM> CloneAsync(
        KumoiVM master, KumoiConnection host, XElement domain, string name, CopyOptions options, OperationId operation,
        CancellationToken cancellationToken)
    {
        if (master.IsTemplate)
        {
            TemplateMark.EnsureOpen(domain, master.VMHost);
            TemplateMark.Unset(domain);
        }

        options.Change?.Invoke(domain);
        var spec = new VMSpec
        {
            Name = name,
            Xml = domain.ToString(),
            CopyDisks = DomainCopy.WritableDisks(domain).Any(),
            LinkDisks = options.Linked,
            IsTemplate = options.IsTemplate,
            IsAutostart = options.IsAutostart,
            Disks = options.Seeds,
            MacAddress = options.MacAddress,
        };
        if (!spec.CopyDisks)
        {
            return await CreateAsync(host, spec, options.Start, keepFailed: false, operation, cancellationToken);
        }

        if (!ReferenceEquals(host, master.Connection))
        {
            throw new HypervisorException(
                $"'{master.Name}' cannot be cloned to {host.Name}: the disks that it writes to are on {master.VMHost}.",
                FaultDomain.VM, error: HypervisorError.InvalidSpecification,
                recommendedAction: $"Clone it on {master.VMHost} and move the clone, or give the master read-only disks on storage "
                    + "that the hosts share.");
        }

        await EnsureCopyableAsync(master, cancellationToken);

        // Started meanwhile, it has written to what was being copied; a template that is being removed by somebody takes its disks along.
        return await MakeAsync(
            host, spec, options.Start, keepFailed: false, token => EnsureCopyableAsync(master, token), operation, cancellationToken);
    }

    /// <summary>Fails for a VM whose disks may change while they are copied.</summary>
    internal static async Task EnsureCopyableAsync(KumoiVM master, CancellationToken cancellationToken)
    {
        var now = await ReadAgainAsync(master, cancellationToken);
        if (master.IsTemplate)
        {
            TemplateMark.EnsureOpen(
                DomainDefinition.Parse(await master.Connection.Link.SendAsync(new ReadXml(master.Id), cancellationToken)), master.VMHost);
        }

        if (now is { State: PowerState.Shutoff, HasSavedState: true })
        {
            throw new HypervisorException(
                $"'{master.Name}' has a saved state: copies of its disks would be torn, because its guest was still at work.",
                FaultDomain.VM,
                error: HypervisorError.InvalidState,
                recommendedAction: "Start it with Start-KumoiVM, which goes on from the saved state, and shut it "
                    + "down with Stop-KumoiVM.");
        }

        if (now.State is not PowerState.Shutoff)
        {
            throw new HypervisorException(
                $"'{master.Name}' is {now.State}: copies of disks that a VM is writing to are torn.", FaultDomain.VM,
                error: HypervisorError.InvalidState, recommendedAction: "Stop it first with Stop-KumoiVM.");
        }
    }

    private static async Task<string> ReadMasterAsync(KumoiVM master, CancellationToken cancellationToken)
    {
        try
        {
            return await master.Connection.Link.SendAsync(new ReadDefinition(master.Id), cancellationToken);
        }
        catch (HypervisorException e) when (e.FaultDomain is not FaultDomain.VM)
        {
            throw new HypervisorException(
                $"{e.Message.TrimEnd('.')}. The definition of '{master.Name}' cannot be read from {master.VMHost}.", FaultDomain.VM,
                e.IsTransient,
                outcomeUnknown: false, e.Error, e.NativeCode, "Clone the VM when its host answers again: other targets would fail too.", e);
        }
    }
}
