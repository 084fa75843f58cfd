using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Kumoi.Hypervisors.Libvirt.Native;

namespace Kumoi.Hypervisors.Libvirt.Connections;

/// <summary>One connection of libvirt. All its methods block and belong on a thread of <see cref="WorkerThreads"/>.</summary>
internal sealed unsafe class LibvirtConnection : IDisposable
{
    // With these, a silent other side is given up after about 5 * (3 + 1) = 20 s (libvirt-host: virConnectSetKeepAlive).
    private const int KeepAliveSeconds = 5;
    private const uint KeepAliveCount = 3;

    /// <summary>The notice of a loss, which tells its reason, comes a moment after the calls that fail by it.</summary>
    private static readonly TimeSpan NoticeDelay = TimeSpan.FromMilliseconds(250);

    private const int MaxKnown = 64;

    private ConcurrentDictionary<Guid, DomainHandle>? _known; // made at first use: most connections need none
    private readonly LossNotice _loss;
    private readonly Func<string> _label;
    private bool _hasChanged; // something, for who has it now

    private LibvirtConnection(ConnectionHandle handle, LossNotice loss, Func<string> label)
    {
        Handle = handle;
        _loss = loss;
        _label = label;
    }

    public ConnectionHandle Handle { get; }

    /// <summary>Names the host in messages.</summary>
    public string Label => _label();

    /// <summary>Completes when the connection is lost; never for drivers in this process.</summary>
    public Task WhenLost => _loss.Lost;

    /// <summary>Why the connection is gone; null while it is alive. Asks nobody (libvirt-host: virConnectIsAlive).</summary>
    public ConnectionLoss? Loss
    {
        get
        {
            var isAlive = !_loss.Lost.IsCompleted && NativeConnection.virConnectIsAlive(Handle) != 0;
            return isAlive ? null : _loss.Lost.Wait(NoticeDelay) ? (ConnectionLoss)_loss.Lost.Result : ConnectionLoss.Error;
        }
    }

    /// <summary>libvirt-host: virConnectOpenAuth. May block for minutes where nobody answers.</summary>
    public static LibvirtConnection Open(LibvirtUri uri, Func<string> label)
    {
        LibvirtLibrary.EnsureReady();
        if (uri.NodeFile is { } file && !File.Exists(file))
        {
            throw LibvirtErrors.ToException(
                new LibvirtFailure(LibvirtCode.XmlError, LibvirtOrigin.None, 0, $"there is no file '{file}'"),
                $"connect to {uri.Display}",
                CallKind.Connect,
                loss: null);
        }

        var connection = BlockingCall.Open(() => NativeConnection.Open(uri.ForOpening));
        if (connection == 0)
        {
            throw LibvirtErrors.ToException(NativeError.Last(), $"connect to {uri.Display}", CallKind.Connect, loss: null);
        }

        var handle = new ConnectionHandle(connection);
        var notice = new LossNotice();
        NativeConnection.RegisterCloseCallback(connection, notice);

        // Drivers in this process and old daemons do not support it; then there is nothing to keep alive.
        _ = NativeConnection.virConnectSetKeepAlive(handle, KeepAliveSeconds, KeepAliveCount);
        return new LibvirtConnection(handle, notice, label);
    }

    /// <summary>Whether its daemon answers on it (libvirt-host: virConnectGetLibVersion, which asks for nothing but a number).</summary>
    public bool Answers()
    {
        CULong version;
        return NativeCapabilities.virConnectGetLibVersion(Handle, &version) == 0;
    }

    /// <summary>Somebody else has it from here on, who has changed nothing yet.</summary>
    public void Lend() => _hasChanged = false;

    /// <summary>
    /// Something has been changed. If the connection is lost from here on, also under a call that only reads, it is not known what became
    /// of the whole of which this was a part.
    /// </summary>
    public void NoteChange() => _hasChanged = true;

    /// <summary>Of a call that changes something.</summary>
    public void Change(int result, string action)
    {
        if (result != 0)
        {
            throw Failed(action, CallKind.Write);
        }

        NoteChange();
    }

    /// <summary>The exception for the call that just failed on this thread.</summary>
    /// <param name="action">What failed, to follow "Cannot", without the host.</param>
    /// <param name="kind">What the call was for.</param>
    public HypervisorException Failed(string action, CallKind kind = CallKind.Read) => ToException(NativeError.Last(), action, kind);

    /// <summary>The exception for a failure that was copied before.</summary>
    public HypervisorException ToException(LibvirtFailure failure, string action, CallKind kind) =>
        LibvirtErrors.ToException(failure, $"{action} on {Label}", kind is CallKind.Read && _hasChanged ? CallKind.Write : kind, Loss);

    /// <summary>
    /// For who takes it that there is nothing where a call fails: a call on a connection that is lost fails too.
    /// </summary>
    /// <exception cref="HypervisorException">It is lost.</exception>
    public void EnsureWhole(string action)
    {
        if (Loss is not null)
        {
            throw ToException(
                new LibvirtFailure(LibvirtCode.Rpc, LibvirtOrigin.None, 0, "the connection to the host was lost"), action, CallKind.Read);
        }
    }

    /// <summary>Null if the host has no such VM (libvirt-domain: virDomainLookupByUUID).</summary>
    public DomainHandle? FindDomain(Guid id)
    {
        byte* uuid = stackalloc byte[NativeDomain.UuidLength];
        _ = id.TryWriteBytes(new Span<byte>(uuid, NativeDomain.UuidLength), bigEndian: true, out _);
        return Found(NativeDomain.virDomainLookupByUUID(Handle, uuid), $"find VM {id}");
    }

    /// <summary>Null if the host has no such VM (libvirt-domain: virDomainLookupByName).</summary>
    public DomainHandle? FindDomain(string name) =>
        Found(NativeDomain.virDomainLookupByName(Handle, name), $"find VM '{name}'");

    /// <summary>Fails with <see cref="HypervisorError.VMNotFound"/>.</summary>
    public DomainHandle GetDomain(Guid id) => FindDomain(id) ?? throw NotFound($"VM {id}");

    /// <summary>
    /// As it was found by this connection before, without asking again: for calls on whose way to the host a guest waits. libvirt finds a
    /// VM
    /// by its id whatever the handle was made for: one that is gone fails the call itself. The handle stays the connection's.
    /// </summary>
    public DomainHandle GetKnownDomain(Guid id)
    {
        var all = LazyInitializer.EnsureInitialized(ref _known);
        if (all.Count > MaxKnown)
        {
            all.Clear(); // their finalizers free them
        }

        return all.TryGetValue(id, out var known) ? known : all[id] = GetDomain(id);
    }

    /// <summary>For a VM that is not, or no more, on the host.</summary>
    public HypervisorException NotFound(string vm) => LibvirtErrors.ToException(
        new LibvirtFailure(LibvirtCode.NoDomain, LibvirtOrigin.None, 0, "the host has no such VM"),
        $"find {vm} on {Label}",
        CallKind.Read,
        loss: null);

    public void Dispose()
    {
        foreach (var known in Volatile.Read(ref _known)?.Values ?? [])
        {
            known.Dispose();
        }

        Handle.Dispose();
    }

    private DomainHandle? Found(nint domain, string action)
    {
        if (domain != 0)
        {
            return new DomainHandle(domain, Handle);
        }

        var failure = NativeError.Last();
        return failure.Code == LibvirtCode.NoDomain ? null : throw ToException(failure, action, CallKind.Read);
    }
}
