using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.Fleets;

/// <summary>What can be done with the snapshots of VMs.</summary>
public static class VMSnapshots
{
    /// <summary>Names become names of files on the host: with what the hypervisor adds they have 255 bytes at most.</summary>
    private const int MaxNameBytes = 200;

    /// <summary>
    /// The snapshots of a VM as a tree: each before its children, those of one parent in the order in which they were made.
    /// </summary>
    public static async Task<IReadOnlyList<KumoiSnapshot>> ReadAsync(KumoiVM vm, CancellationToken cancellationToken)
    {
        var readings = await vm.Connection.Link.SendAsync(new ReadSnapshots(vm.Id), cancellationToken);
        return Arrange(vm, readings, DateTimeOffset.UtcNow);
    }

    /// <summary>
    /// Makes a snapshot of a VM's disks and, with <paramref name="withMemory"/>, of its guest's memory.
    /// </summary>
    /// <exception cref="HypervisorException">
    /// InvalidSpecification: no snapshot can be called so. InvalidState: the VM has a saved state, or, with memory, is off. NotSupported:
    /// its disks cannot be kept so. SnapshotExists.
    /// </exception>
    public static async Task<KumoiSnapshot> CreateAsync(
        KumoiVM vm, string name, string description, bool withMemory, bool quiesce, OperationId operation,
        CancellationToken cancellationToken, Action<CopyProgress>? progress = null)
    {
        EnsureName(name);
        VMSpecCheck.EnsureText(description, "The description of the snapshot", allowLines: true);
        var now = await VMActions.ReadAgainAsync(vm, cancellationToken);
        if (!now.IsPersistent)
        {
            throw Refuse(
                $"'{vm.Name}' has no definition, so that nothing could bring it back.", "Define it first (virsh define).");
        }

        if (now.HasSavedState)
        {
            throw Refuse(
                $"'{vm.Name}' has a saved state: its disks alone are those of a guest in mid-work.",
                "Start it with Start-KumoiVM, which goes on from there; then -WithMemory keeps all of it.");
        }

        if (withMemory && now.State is not (PowerState.Running or PowerState.Paused))
        {
            throw Refuse(
                $"'{vm.Name}' is {now.State}: only a VM that runs or is paused has memory to keep.",
                "Leave out -WithMemory, or start it with Start-KumoiVM.");
        }

        if (quiesce && now.State is not PowerState.Running)
        {
            throw Refuse(
                $"'{vm.Name}' is {now.State}: only the agent of a guest that runs can write out its file systems.", "Leave out -Quiesce.");
        }

        var reading = await vm.Connection.Link.SendAsync(
            new CreateSnapshot(vm.Id, name, description, withMemory, quiesce)
            {
                Operation = operation,
                Progress = progress is null ? null : new Reporter(progress),
            },
            cancellationToken);
        return new KumoiSnapshot(now, reading, DateTimeOffset.UtcNow, 0, []);
    }

    /// <summary>Brings a VM back to a snapshot. What it has become since is lost.</summary>
    public static async Task<KumoiVM> RestoreAsync(KumoiSnapshot snapshot, CancellationToken cancellationToken)
    {
        var vm = snapshot.Of;
        if (snapshot.IsHalfRemoved)
        {
            throw Refuse(
                $"There is no way back to '{snapshot.Name}' of '{vm.Name}': its removal began, and its files are half merged.",
                "Remove it with Remove-KumoiSnapshot, which goes on from there.");
        }

        await vm.Connection.Link.SendAsync(
            new RestoreSnapshot(vm.Id, snapshot.Reading.Key, snapshot.HasMemory), cancellationToken);
        return await VMActions.ReadAgainAsync(vm, CancellationToken.None);
    }

    /// <summary>
    /// Removes a snapshot, and with <paramref name="includeChildren"/> all that were made after it, the last ones first. What the VM is now
    /// stays.
    /// </summary>
    public static async Task RemoveAsync(
        KumoiSnapshot snapshot, bool includeChildren, Action<KumoiSnapshot, CopyProgress>? progress, CancellationToken cancellationToken)
    {
        IEnumerable<KumoiSnapshot> doomed = [snapshot];
        if (includeChildren)
        {
            var all = await ReadAsync(snapshot.Of, cancellationToken);
            var at = all.ToList().FindIndex(other => other.Reading.Key == snapshot.Reading.Key);
            if (at < 0)
            {
                return;
            }

            // In a tree that is told so, all that is deeper and follows at once is below it.
            doomed = all.Skip(at).TakeWhile((other, i) => i == 0 || other.Depth > all[at].Depth).Reverse();
        }

        foreach (var next in doomed)
        {
            await next.Of.Connection.Link.SendAsync(
                new RemoveSnapshot(next.Of.Id, next.Reading.Key)
                {
                    Progress = progress is null ? null : new Reporter(value => progress(next, value)),
                },
                cancellationToken);
        }
    }

    /// <summary>Gives a snapshot another name. One that it has already is fine.</summary>
    public static async Task<KumoiSnapshot> RenameAsync(KumoiSnapshot snapshot, string newName, CancellationToken cancellationToken)
    {
        EnsureName(newName);
        if (newName != snapshot.Name)
        {
            await snapshot.Of.Connection.Link.SendAsync(
                new RenameSnapshot(snapshot.Of.Id, snapshot.Reading.Key, newName), cancellationToken);
        }

        var all = await ReadAsync(snapshot.Of, CancellationToken.None);
        return all.FirstOrDefault(other => other.Name == newName) ?? throw new HypervisorException(
            $"'{newName}' of '{snapshot.VM}' is not there any more.", FaultDomain.VM, error: HypervisorError.SnapshotNotFound,
            recommendedAction: "Somebody else removed or renamed it meanwhile. Look with Get-KumoiSnapshot.");
    }

    /// <summary>Fails for what no hypervisor takes, or what would not be the same as a file's name.</summary>
    /// <exception cref="HypervisorException"><see cref="HypervisorError.InvalidSpecification"/>.</exception>
    public static void EnsureName(string name)
    {
        VMSpecCheck.EnsureName(name, "snapshot");
        var problem = name.Contains('/', StringComparison.Ordinal) ? "has a '/' in it"
            : name[0] is '.' ? "begins with a '.'"
            : char.IsWhiteSpace(name[0]) || char.IsWhiteSpace(name[^1]) ? "begins or ends with a space"
            : System.Text.Encoding.UTF8.GetByteCount(name) > MaxNameBytes ? $"is longer than {MaxNameBytes} bytes"
            : null;
        if (problem is not null)
        {
            throw new HypervisorException(
                $"'{(name.Length > 60 ? name[..60] + "…" : name)}' is no name for a snapshot: it {problem}.", FaultDomain.VM,
                error: HypervisorError.InvalidSpecification,
                recommendedAction: "The host keeps a file of that name. Give a short one without '/'.");
        }
    }

    internal static IReadOnlyList<KumoiSnapshot> Arrange(KumoiVM vm, IReadOnlyList<SnapshotReading> readings, DateTimeOffset at)
    {
        var names = readings.Select(static reading => reading.Name).ToHashSet(StringComparer.Ordinal);
        var byParent = readings.ToLookup(
            reading => reading.Parent is { } parent && names.Contains(parent) ? parent : "", StringComparer.Ordinal);
        List<KumoiSnapshot> arranged = [];
        var waiting = new Stack<(SnapshotReading Reading, int Depth)>();
        Add("", 0);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        while (waiting.TryPop(out var next))
        {
            if (seen.Add(next.Reading.Name))
            {
                arranged.Add(new KumoiSnapshot(
                    vm, next.Reading, at, next.Depth, [.. InOrder(next.Reading.Name).Select(static child => child.Name)]));
                Add(next.Reading.Name, next.Depth + 1);
            }
        }

        return arranged;

        IEnumerable<SnapshotReading> InOrder(string parent) =>
            byParent[parent].OrderBy(static child => child.CreatedAt).ThenBy(static child => child.Name, NaturalOrder.Instance);

        void Add(string parent, int depth)
        {
            foreach (var child in InOrder(parent).Reverse())
            {
                waiting.Push((child, depth));
            }
        }
    }

    private static HypervisorException Refuse(string message, string action) =>
        new(message, FaultDomain.VM, error: HypervisorError.InvalidState, recommendedAction: action);

    private sealed class Reporter(Action<CopyProgress> report) : IProgress<CopyProgress>
    {
        public void Report(CopyProgress value) => report(value);
    }
}
