using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.Fleets;

/// <summary>Changes of what VMs have; null: as it is.</summary>
public sealed record VMSettings
{
    private static readonly TimeSpan UndoTimeout = TimeSpan.FromSeconds(30);

    /// <summary>Whether the VM's host starts it when the host itself starts.</summary>
    public bool? IsAutostart { get; init; }

    public int? CpuCount { get; init; }

    /// <summary>How many CPUs it can be given while it runs, from its next start on.</summary>
    public int? MaxCpuCount { get; init; }

    public long? MemoryBytes { get; init; }

    /// <summary>How much memory it can be given while it runs, from its next start on.</summary>
    public long? MaxMemoryBytes { get; init; }

    /// <summary>One line that says what the VM is; empty: none.</summary>
    public string? Title { get; init; }

    /// <summary>What else is to be said of the VM, in lines; empty: nothing.</summary>
    public string? Description { get; init; }

    private bool HasTexts => (Title ?? Description) is not null;

    private bool HasSizes => (CpuCount ?? MaxCpuCount) is not null || (MemoryBytes ?? MaxMemoryBytes) is not null;

    /// <summary>Changes a VM: all of it, or nothing. Gives it as it is then, and what sets it back.</summary>
    /// <exception cref="HypervisorException">
    /// InvalidSpecification: more than it can have, or a text that cannot be kept. InvalidState: it would go on from a saved state.
    /// </exception>
    /// <exception cref="CompensationFailedException">One failed, and those before it could not be set back.</exception>
    public async Task<(KumoiVM VM, VMSettings Before)> ApplyAsync(KumoiVM vm, CancellationToken cancellationToken)
    {
        VMSpecCheck.EnsureText(Title ?? "", "The title");
        VMSpecCheck.EnsureText(Description ?? "", "The description", allowLines: true);
        var now = await VMActions.ReadAgainAsync(vm, cancellationToken);
        var link = vm.Connection.Link;
        var before = new VMSettings { IsAutostart = IsAutostart is null ? null : now.IsAutostart };
        Stack<Func<CancellationToken, Task>> undo = [];
        try
        {
            if (HasSizes)
            {
                before = await ResizeAsync(now, before, cancellationToken);
                undo.Push(async token => await link.SendAsync(before.ToCall(vm.Id), token));
            }

            if (HasTexts)
            {
                var texts = await link.SendAsync(new DescribeVM(vm.Id, Title, Description), cancellationToken);
                before = before with
                {
                    Title = Title is null ? null : texts.Title,
                    Description = Description is null ? null : texts.Description,
                };
                undo.Push(async token => await link.SendAsync(new DescribeVM(vm.Id, before.Title, before.Description), token));
            }

            if (IsAutostart is { } isOn)
            {
                await link.SendAsync(new SetAutostart(vm.Id, isOn), cancellationToken);
            }
        }
        catch (Exception e) when (e is HypervisorException or OperationCanceledException && undo.Count > 0)
        {
            await UndoAsync(undo, e);
            throw;
        }

        return (await VMActions.ReadAgainAsync(vm, cancellationToken), before);
    }

    private static async Task UndoAsync(Stack<Func<CancellationToken, Task>> undo, Exception failure)
    {
        try
        {
            using var limit = new CancellationTokenSource(UndoTimeout);
            foreach (var back in undo)
            {
                await back(limit.Token);
            }
        }
        catch (Exception undoing) when (undoing is HypervisorException or OperationCanceledException)
        {
            throw new CompensationFailedException(failure, undoing);
        }
    }

    private async Task<VMSettings> ResizeAsync(KumoiVM now, VMSettings before, CancellationToken cancellationToken)
    {
        if (now.HasSavedState)
        {
            throw new HypervisorException(
                $"'{now.Name}' has a saved state, with which its CPUs and memory cannot be changed.", FaultDomain.VM,
                error: HypervisorError.InvalidState,
                recommendedAction: "Start it with Start-KumoiVM, which goes on from there, and shut it down.");
        }

        var sizes = await now.Connection.Link.SendAsync(ToCall(now.Id), cancellationToken);
        if (now.State is not PowerState.Shutoff && (
            (MaxCpuCount ?? sizes.MaxCpuCount) != sizes.MaxCpuCount || (MaxMemoryBytes ?? sizes.MaxMemoryBytes) != sizes.MaxMemoryBytes))
        {
            CallWarnings.Tell($"'{now.Name}' is {now.State}: what it can have at most changes when it is stopped and started again.");
        }

        var hasCpus = (CpuCount ?? MaxCpuCount) is not null && sizes.CpuCount > 0; // where it was masked, it is not known
        var hasMemory = (MemoryBytes ?? MaxMemoryBytes) is not null && sizes.MemoryBytes > 0;
        return before with
        {
            CpuCount = hasCpus ? sizes.CpuCount : null,
            MaxCpuCount = hasCpus ? sizes.MaxCpuCount : null,
            MemoryBytes = hasMemory ? sizes.MemoryBytes : null,
            MaxMemoryBytes = hasMemory ? sizes.MaxMemoryBytes : null,
        };
    }

    private ResizeVM ToCall(Guid id) => new(id, CpuCount, MemoryBytes)
    {
        MaxCpuCount = MaxCpuCount,
        MaxMemoryBytes = MaxMemoryBytes,
    };
}
