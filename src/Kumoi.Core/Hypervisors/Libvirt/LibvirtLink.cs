using System.Collections.Concurrent;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Libvirt.Migrations;
using Kumoi.Hypervisors.Libvirt.Native;

namespace Kumoi.Hypervisors.Libvirt;

/// <summary>
/// One host through libvirt. Observing, controlling and watching have connections of their own, and so has every migration, so that
/// no call waits behind one that is slow. A lost connection is made anew by the next call.
/// </summary>
internal sealed class LibvirtLink : IHypervisorLink
{
    private const int MaxCallsAtATime = 4; // of each kind; each has a connection while it runs
    private const int MaxJobs = 64;

    private readonly LibvirtUri uri;
    private readonly TimeProvider time;
    private readonly CpuSampler cpu;
    private readonly HostReader hosts;
    private readonly VMReader vms;
    private readonly VMDefiner definer = new();
    private readonly ConnectionSlot? shared;
    private readonly ConnectionPool observing;
    private readonly ConnectionPool controlling;
    private readonly ConnectionSlot watching;
    private readonly WorkerThreads observers = new("kumoi-libvirt-observe", MaxCallsAtATime) { IsForReads = true };
    private readonly WorkerThreads controllers = new("kumoi-libvirt-control", MaxCallsAtATime);
    private readonly WorkerThreads jobs = new("kumoi-libvirt-job", MaxJobs);
    private readonly LifecycleWatches watches;
    private readonly ConcurrentDictionary<Task, bool> migrations = new();
    private readonly ConcurrentDictionary<Task, OperationId> definitions = new();
    private readonly CancellationTokenSource closing = new();
    private int isDisposed;

    public LibvirtLink(LibvirtUri uri, TimeProvider time)
    {
        this.uri = uri;
        this.time = time;
        cpu = new CpuSampler(time);
        hosts = new HostReader(time, cpu);
        vms = new VMReader(time);
        HostName = uri.ExpectedName;
        shared = uri.IsPrivatePerConnection ? new ConnectionSlot(uri, Label) : null;
        observing = new ConnectionPool(uri, Label, shared);
        controlling = new ConnectionPool(uri, Label, shared);
        watching = shared ?? new ConnectionSlot(uri, Label);
        watches = new LifecycleWatches(observers, watching, time);
    }

    public string Uri => uri.Display;

    public string HostName { get; private set; }

    internal LibvirtUri Address => uri;

    internal TimeProvider Time => time;

    internal VMReader VMs => vms;

    /// <summary>Under which other hosts reach this one's daemon; null where this link's URI does not tell.</summary>
    internal string? PeerUri => uri.IsReachableFromOtherHosts ? uri.ForOpening : null;

    /// <summary>Makes the first connection, reads the host's name, and takes the first CPU sample.</summary>
    public async Task ConnectAsync(CancellationToken cancellationToken) =>
        HostName = await ReadAsync(
            connection =>
            {
                cpu.Read(connection);
                return HostReader.ReadName(connection);
            },
            cancellationToken).ConfigureAwait(false);

    public ValueTask<T> SendAsync<T>(HostCall<T> call, CancellationToken cancellationToken) => LibvirtCalls.Table.SendAsync(this, call, cancellationToken);

    internal async Task<HostReading> ReadHostAsync(bool includeVMs, CancellationToken cancellationToken)
    {
        if (cpu.UntilReady is { Ticks: > 0 } wait)
        {
            await Task.Delay(wait, time, cancellationToken).ConfigureAwait(false);
        }

        return await ReadAsync(
            connection => hosts.Read(connection, HostName, includeVMs ? vms.ReadAll(connection) : null),
            cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// libvirt-domain: virDomainDefineXMLFlags. When it is cancelled while the call runs, what it made is removed again, behind the
    /// caller's back; who must be sure undoes the operation. Copying disks cannot be stopped: then it goes on to the end of the disk that is
    /// being copied, and waits until all that was made is removed.
    /// </summary>
    internal Task<VMReading> DefineAsync(VMSpec spec, OperationId operation, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(spec);
        if (spec.CopyDisks)
        {
            return DefineWithCopiesAsync(spec, operation, cancellationToken);
        }

        TaskCompletionSource over = new(TaskCreationOptions.RunContinuationsAsynchronously);
        definitions[over.Task] = operation;
        return controllers.RunAsync(
            () => controlling.Use(connection => Define(connection, spec, operation, CancellationToken.None)),
            cancellationToken,
            abandoned: _ => controlling.Use(connection => VMDefiner.Undo(connection, operation)),
            over: () =>
            {
                definitions.TryRemove(over.Task, out _);
                over.SetResult();
            });
    }

    /// <summary>
    /// Waits first for the definitions of that operation that were cancelled and go on: the VM would be removed under them, and a volume that
    /// they make after that would belong to nothing.
    /// </summary>
    internal async Task<bool> UndoDefineAsync(OperationId operation, CancellationToken cancellationToken)
    {
        await DefinedAsync(operation, cancellationToken).ConfigureAwait(false);
        IReadOnlyList<string>? kept = await ControlAsync(connection => VMDefiner.Undo(connection, operation), cancellationToken).ConfigureAwait(false);
        CallWarnings.Tell(kept ?? []);
        return kept is not null;
    }

    /// <summary>See <see cref="MarkedCopies"/>. As <see cref="UndoDefineAsync"/>, it waits for definitions that go on.</summary>
    internal async Task<bool> RemoveCopyAsync(Guid id, CopyRemoval removal, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(removal);
        await DefinedAsync(removal.Operation, cancellationToken).ConfigureAwait(false);
        return await ControlAsync(connection => MarkedCopies.Remove(connection, id, removal), cancellationToken).ConfigureAwait(false);
    }

    private async Task DefinedAsync(OperationId operation, CancellationToken cancellationToken)
    {
        Task[] underWay = [.. definitions.Where(definition => definition.Value == operation).Select(static definition => definition.Key)];
        await Task.WhenAll(underWay).WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// libvirt-domain: virDomainMigrate3, or virDomainMigrateToURI3. A persistent VM moves with its definition, a transient one stays
    /// transient. Once the call has gone out, cancelling aborts it and waits until it is known where the VM is.
    /// </summary>
    internal async Task<VMReading> MigrateAsync(MigrateVM call, CancellationToken cancellationToken)
    {
        if (call.Target is not LibvirtLink other)
        {
            throw new HypervisorException(
                $"Cannot migrate from {HostName} to {call.Target.HostName}: the target is not a libvirt host.",
                error: HypervisorError.NotSupported,
                recommendedAction: "Migrate between hosts of the same kind.");
        }

        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, closing.Token);
        Task<VMReading> migration = new Migration(this, other, call.Id, call.Options, call.Progress, time).RunAsync(either.Token);
        migrations.TryAdd(migration, true);
        try
        {
            return await migration.ConfigureAwait(false);
        }
        finally
        {
            migrations.TryRemove(migration, out _);
        }
    }

    /// <summary>libvirt-domain: virConnectDomainEventRegisterAny. Ends when the link is disposed.</summary>
    public IAsyncEnumerable<VMLifecycleEvent> WatchAsync(CancellationToken cancellationToken) => watches.WatchAsync(cancellationToken);

    /// <summary>Ends watches, waits a few seconds for calls that run, and closes the connections.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref isDisposed, 1) != 0)
        {
            return;
        }

        await closing.CancelAsync().ConfigureAwait(false);
        await Task.WhenAny(Task.WhenAll(migrations.Keys), Task.Delay(WorkerThreads.Patience)).ConfigureAwait(false);
        await watches.DisposeAsync().ConfigureAwait(false);
        await Task.WhenAll(
            jobs.DisposeAsync().AsTask(),
            controllers.DisposeAsync().AsTask(),
            observers.DisposeAsync().AsTask()).ConfigureAwait(false);

        // Closing tells the daemon, so it may block too.
        await using WorkerThreads closer = new("kumoi-libvirt-close", maxThreads: 1);
        await Task.WhenAny(
            closer.RunAsync(
                () =>
                {
                    watching.Dispose();
                    observing.Dispose();
                    controlling.Dispose();
                    return true;
                },
                CancellationToken.None),
            Task.Delay(WorkerThreads.Patience)).ConfigureAwait(false);
    }

    /// <summary>Runs a reading call on the observing connection.</summary>
    internal Task<T> ReadAsync<T>(Func<LibvirtConnection, T> work, CancellationToken cancellationToken) =>
        observers.RunAsync(() => observing.Use(work), cancellationToken);

    /// <summary>For <see cref="ReadAsync{T}(Func{LibvirtConnection, T}, CancellationToken)"/>: a VM that must be there.</summary>
    internal Func<LibvirtConnection, VMReading> GetVM(Guid id) =>
        connection =>
        {
            using DomainHandle domain = connection.GetDomain(id);
            return vms.Read(connection, domain) ?? throw connection.NotFound($"VM {id}");
        };

    /// <summary>Runs a long call on a thread and a connection of its own.</summary>
    internal Task<T> RunJobAsync<T>(Func<LibvirtConnection, T> work) =>
        jobs.RunAsync(() => WithJobConnection(work), CancellationToken.None);

    /// <summary>Lends a connection of its own. Blocks.</summary>
    internal T WithJobConnection<T>(Func<LibvirtConnection, T> work)
    {
        if (shared is not null)
        {
            return work(shared.Get());
        }

        using LibvirtConnection connection = LibvirtConnection.Open(uri, Label);
        return work(connection);
    }

    /// <summary>Runs a changing call on the controlling connection.</summary>
    internal Task<T> ControlAsync<T>(Func<LibvirtConnection, T> work, CancellationToken cancellationToken) =>
        controllers.RunAsync(() => controlling.Use(work), cancellationToken);

    /// <summary>Changes a VM on the controlling connection.</summary>
    internal Task<Done> ChangeAsync(Guid id, Action<LibvirtConnection, DomainHandle> work, CancellationToken cancellationToken) => ControlAsync(
        connection =>
        {
            using DomainHandle domain = connection.GetDomain(id);
            work(connection, domain);
            return default(Done);
        },
        cancellationToken);

    /// <summary>Reads something of a VM that must be there.</summary>
    internal Task<T> ReadAsync<T>(Guid id, Func<LibvirtConnection, DomainHandle, T> work, CancellationToken cancellationToken) => ReadAsync(
        connection =>
        {
            using DomainHandle domain = connection.GetDomain(id);
            return work(connection, domain);
        },
        cancellationToken);

    /// <summary>Runs a call on a connection that no earlier one has used.</summary>
    internal Task<T> ReadFreshAsync<T>(Func<LibvirtConnection, T> work, CancellationToken cancellationToken) =>
        jobs.RunAsync(() => WithJobConnection(work), cancellationToken);

    private async Task<VMReading> DefineWithCopiesAsync(VMSpec spec, OperationId operation, CancellationToken cancellationToken)
    {
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, closing.Token);
        CancellationToken token = either.Token;
        return await RunJobAsync(connection => Define(connection, spec, operation, token)).ConfigureAwait(false);
    }

    private VMReading Define(LibvirtConnection connection, VMSpec spec, OperationId operation, CancellationToken cancellationToken)
    {
        using DomainHandle domain = definer.Define(connection, spec, operation, cancellationToken);
        return vms.Read(connection, domain) ?? throw connection.NotFound($"VM '{spec.Name}'");
    }

    private string Label() => HostName;

    /// <summary>The test driver's hosts are made anew with each connection.</summary>
    internal void ThrowIfPrivatePerConnection()
    {
        if (shared is not null)
        {
            throw new HypervisorException(
                $"Cannot drive a migration on {HostName}: each of its connections has a world of its own.",
                error: HypervisorError.NotSupported,
                recommendedAction: "Migrate between hosts of another driver, such as qemu.");
        }
    }
}
