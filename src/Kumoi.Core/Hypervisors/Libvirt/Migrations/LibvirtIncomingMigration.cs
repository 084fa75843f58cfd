using System.Net;
using System.Net.Sockets;
using System.Xml.Linq;
using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Native;

namespace Kumoi.Hypervisors.Libvirt.Migrations;

/// <summary>
/// A target. It keeps the connection on which it was prepared: libvirt destroys the copy when that is closed before Finish.
/// </summary>
internal sealed class LibvirtIncomingMigration : IIncomingMigration
{
    /// <summary>How long libvirt may take to let the VM run. The outcome is unknown after that.</summary>
    private static readonly TimeSpan FinishPatience = TimeSpan.FromSeconds(30);

    /// <summary>On a QEMU that is stuck the call would hang for 45 s and more; destroying it then helps.</summary>
    private static readonly TimeSpan CancelPatience = TimeSpan.FromSeconds(2);

    /// <summary>A prepared copy goes with its connection, within a moment.</summary>
    private static readonly TimeSpan LetGoPatience = TimeSpan.FromSeconds(2);

    /// <summary>How long the host is asked again. A daemon restarts in a second or two; destroying a stuck QEMU takes 10 s.</summary>
    private static readonly TimeSpan AbandonPatience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan SilencePatience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan AbandonPause = TimeSpan.FromMilliseconds(100);

    private const uint KeepNvram = 8; // VIR_DOMAIN_UNDEFINE_KEEP_NVRAM: it may be the winner's

    private readonly FreshConnections _connections;
    private readonly MigrationOffer _offer;
    private readonly int _replica;
    private readonly TimeProvider _time;
    private LibvirtConnection? _connection;
    private string _streamUri = "";
    private bool _wasDefined;
    private Task _calling = Task.CompletedTask; // the last call on the connection
    private int _isDisposed;

    private LibvirtIncomingMigration(LibvirtLink link, MigrationOffer offer, int replica)
    {
        _connections = new FreshConnections(link.Address, link.HostName);
        _time = link.Time;
        _offer = offer;
        _replica = replica;
        HostName = offer.Plan.Candidates.ElementAtOrDefault(replica - 1) ?? _connections.HostName;
    }

    public string HostName { get; }

    public string VMName => _offer.Name;

    /// <summary>Where the target waits for the stream.</summary>
    public EndPoint StreamEndPoint { get; private set; } = null!;

    /// <summary>What the target has to tell the source.</summary>
    public byte[] PrepareCookie { get; private set; } = [];

    /// <summary>What the source has told for the target; empty if it has died.</summary>
    public byte[] PerformCookie { get; set; } = [];

    /// <summary>What the target, where the VM runs, has to tell the source.</summary>
    public byte[] FinishCookie { get; private set; } = [];

    public bool IsFinished { get; private set; }

    /// <summary>It was told to let the VM run, and it is not known that it did not.</summary>
    public bool MayRun { get; private set; }

    private uint Flags => MigrationPhases.TargetFlags(_offer.Plan.Options, _offer.IsPersistent, _offer.IsPaused);

    public static async Task<LibvirtIncomingMigration> PrepareAsync(
        LibvirtLink link, MigrationOffer offer, int replica, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Encryption.Require(link.Address, link.HostName, isSource: false, offer.Plan.Options);
        var migration = new LibvirtIncomingMigration(link, offer, replica);
        migration._calling = migration._connections.Threads.RunAsync(migration.Prepare, CancellationToken.None);
        try
        {
            await migration._calling.WaitAsync(cancellationToken);
            return migration;
        }
        catch (OperationCanceledException) when (!migration._calling.IsFaulted)
        {
            // The call cannot be taken back. Usually it ends soon, and the copy with it; else that happens behind the caller's back.
            await Task.WhenAny(migration.LetGoAsync(), Task.Delay(LetGoPatience, link.Time, CancellationToken.None));
            throw;
        }
        catch
        {
            await migration.DisposeAsync();
            throw;
        }
    }

    public async Task FinishAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var finishing = _connections.Threads.RunAsync(
            () => MigrationPhases.Finish(Connection, _offer.Name, _streamUri, PerformCookie, Flags, cancelled: false),
            CancellationToken.None);
        _calling = finishing;
        MayRun = true;
        PhaseOutcome outcome;
        try
        {
            outcome = await finishing.WaitAsync(FinishPatience, _time, cancellationToken);
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException)
        {
            throw Unknown($"start VM '{_offer.Name}'", "no answer came in time", HypervisorError.TimedOut, e);
        }

        if (outcome.Failure is { } failure)
        {
            MayRun = outcome.IsUnknown;
            var known = LibvirtErrors.ToException(
                failure, $"start VM '{_offer.Name}' on {HostName}", CallKind.Write, outcome.Loss);
            throw outcome.IsUnknown && !known.OutcomeUnknown
                ? Unknown($"start VM '{_offer.Name}'", failure.Message, known.Error, known) : known;
        }

        FinishCookie = outcome.Cookie;
        IsFinished = true;
    }

    public async Task AbandonAsync(CancellationToken cancellationToken)
    {
        await CancelAsync(cancellationToken);
        using var patience = new CancellationTokenSource(AbandonPatience, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, patience.Token);
        var answered = _time.GetTimestamp();
        HypervisorException? failure = null;
        try
        {
            // Removing first and only then closing, so that nothing is done by chance; then seen absent on yet another connection.
            var isClosed = false;
            while (true)
            {
                try
                {
                    var isGone = await _connections.RunAsync(RemoveOnce, either.Token);
                    answered = _time.GetTimestamp();
                    if (isGone && isClosed)
                    {
                        return;
                    }

                    if (isGone)
                    {
                        await CloseAsync();
                        isClosed = true;
                        continue;
                    }
                }
                catch (HypervisorException e) when (e.Error is HypervisorError.ConnectionFailed
                    && _time.GetElapsedTime(answered) < SilencePatience)
                {
                    failure = e; // its daemon may be back in a moment
                }

                await Task.Delay(AbandonPause, _time, either.Token);
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw Unknown($"remove VM '{_offer.Name}'", failure?.Message ?? "it does not end", HypervisorError.TimedOut, failure);
        }
        catch (HypervisorException e) when (!e.OutcomeUnknown && e.Error is HypervisorError.ConnectionFailed)
        {
            throw Unknown($"remove VM '{_offer.Name}'", e.Message, e.Error, e);
        }
    }

    /// <summary>Takes the plan off the VM, which has arrived for good.</summary>
    public Task<bool> RemovePlanAsync() =>
        _connections.RunAsync(
            fresh =>
            {
                using var domain = fresh.GetDomain(_offer.Id);
                SpeculationMarks.Remove(fresh, domain, _offer.Plan.Operation);
                return true;
            },
            CancellationToken.None);

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) == 0)
        {
            await CloseAsync();
            await _connections.DisposeAsync();
        }
    }

    private LibvirtConnection Connection => _connection ?? throw new ObjectDisposedException(nameof(LibvirtIncomingMigration));

    private bool Prepare()
    {
        _connection = _connections.Open();
        _wasDefined = WhereaboutsReader.Read(_connection, _offer.Id) switch
        {
            VMWhereabouts.Absent => false,
            VMWhereabouts.Off => true,
            _ => throw _connection.ToException(
                new LibvirtFailure(LibvirtCode.DomainExists, LibvirtOrigin.None, 0, "the host runs a VM of that id"),
                $"prepare for VM '{_offer.Name}'",
                CallKind.Read),
        };
        var definition = DomainDefinition.Parse(_offer.Definition);
        SpeculationMetadata.Set(definition, _offer.Plan.Mark with { Replica = _replica });
        (_streamUri, PrepareCookie) = MigrationPhases.Prepare(
            _connection, _offer.Name, definition.ToString(SaveOptions.DisableFormatting), _offer.Cookie, Flags);
        StreamEndPoint = StreamAddress.IsValid(_streamUri)
            ? Checked(StreamAddress.Read(_streamUri, _connections.HostName, _connections.Uri))
            : throw CannotSend($"it waits at '{_streamUri}', which is not a TCP address",
                "Leave the migration's transport on that host as libvirt has it (TCP).");
        return true;
    }

    private EndPoint Checked(EndPoint end)
    {
        try
        {
            return StreamAddress.Resolve(end, _connections.Uri) ?? throw CannotSend(
                $"it says that it waits at '{_streamUri}', which is this computer",
                $"Look at migration_host in qemu.conf on {HostName}, and whether that host can be trusted.");
        }
        catch (SocketException e)
        {
            throw CannotSend($"it waits at '{_streamUri}', which cannot be found: {e.Message}",
                $"Look at migration_host in qemu.conf on {HostName}, and at name resolution here.", e);
        }
    }

    private HypervisorException CannotSend(string reason, string recommendedAction, Exception? inner = null) => new(
        $"Cannot send VM '{_offer.Name}' to {HostName} through a relay: {reason}.",
        FaultDomain.Host,
        error: HypervisorError.NotSupported,
        recommendedAction: recommendedAction,
        innerException: inner);

    private async Task LetGoAsync()
    {
        await ((Task)_calling).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await DisposeAsync();
    }

    /// <summary>Asks libvirt to end it in good order, if that can be asked and does not take long.</summary>
    private async Task CancelAsync(CancellationToken cancellationToken)
    {
        if (_connection is not { WhenLost.IsCompleted: false } open || !_calling.IsCompleted || _isDisposed != 0)
        {
            return;
        }

        _calling = _connections.Threads.RunAsync(
            () => MigrationPhases.Finish(open, _offer.Name, _streamUri, [], Flags, cancelled: true), CancellationToken.None);
        await Task.WhenAny(_calling, Task.Delay(CancelPatience, _time, cancellationToken));
        cancellationToken.ThrowIfCancellationRequested();
    }

    /// <summary>
    /// Looks, and takes one step towards there being nothing. True if there is nothing; also if there is what was there before.
    /// </summary>
    private bool RemoveOnce(LibvirtConnection fresh)
    {
        var place = WhereaboutsReader.Read(fresh, _offer.Id);
        if (place == VMWhereabouts.Absent || (place == VMWhereabouts.Off && _wasDefined))
        {
            return true;
        }

        using var domain = fresh.FindDomain(_offer.Id);
        if (domain is null)
        {
            return true;
        }

        if (WhyKept(SpeculationMarks.Read(fresh, domain), place) is { } why)
        {
            throw fresh.ToException(
                new LibvirtFailure(LibvirtCode.OperationInvalid, LibvirtOrigin.None, 0, why), $"remove VM '{_offer.Name}'", CallKind.Read);
        }

        var result = place == VMWhereabouts.Off ? Undefine(domain) : NativeDomain.virDomainDestroy(domain);
        if (result != 0)
        {
            var failure = NativeError.Last();
            if (failure.Code is not (LibvirtCode.OperationInvalid or LibvirtCode.NoDomain))
            {
                throw fresh.ToException(failure, $"remove VM '{_offer.Name}'", CallKind.Write);
            }
        }

        return false; // to be seen
    }

    /// <summary>Why it is not to be removed; null: it is this migration's copy, and has not run.</summary>
    private string? WhyKept(SpeculationMark? mark, VMWhereabouts place)
    {
        // A definition that a starting step has left has come with the VM from its source.
        var isOurs = mark?.Operation == _offer.Plan.Operation && (mark.Replica == _replica || place == VMWhereabouts.Off);
        var mayHaveRun = place == VMWhereabouts.Running || (place == VMWhereabouts.Paused && MayRun);
        return !isOurs ? "it is not of this migration" : mayHaveRun ? "it was resumed" : null;
    }

    private static int Undefine(DomainHandle domain) =>
        NativeDomain.virDomainUndefineFlags(domain, KeepNvram) == 0 ? 0 : NativeDomain.virDomainUndefineFlags(domain, 0);

    /// <summary>Closing tells the daemon, so it may block; a call that hangs keeps the connection until it ends.</summary>
    private async Task CloseAsync()
    {
        if (Interlocked.Exchange(ref _connection, null) is { } open)
        {
            Task closing = _connections.Threads.RunAsync(
                () =>
                {
                    open.Dispose();
                    return true;
                },
                CancellationToken.None);
            await Task.WhenAny(closing, Task.Delay(LetGoPatience, _time, CancellationToken.None));
        }
    }

    private HypervisorException Unknown(string action, string reason, HypervisorError error, Exception? inner) => new(
        $"It is not known whether {HostName} could {action}: {reason.TrimEnd('.')}.",
        FaultDomain.Host,
        isTransient: false,
        outcomeUnknown: true,
        error,
        recommendedAction: $"When {HostName} answers again, read what it has of the VM. Do nothing with the VM before that.",
        innerException: inner);
}
