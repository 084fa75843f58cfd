using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Native;

namespace Kumoi.Hypervisors.Libvirt.Migrations;

/// <summary>The one blocking call of a migration, on connections of its own, and what others may know of it while it runs.</summary>
internal sealed unsafe class MigrationCall(Guid id, string? peerUri, uint flags, long? bandwidthBytesPerSecond)
{
    // virDomainMigrateFlags
    private const uint Live = 1 << 0;
    private const uint PeerToPeer = 1 << 1;
    private const uint PersistOnTarget = 1 << 3;
    private const uint UndefineOnSource = 1 << 4;
    private const uint ChangeProtection = 1 << 8;
    private const uint Unsafe = 1 << 9;

    private const int Waiting = 0;
    private const int Issued = 1;
    private const int Withdrawn = 2;

    private int _state;
    private volatile LibvirtConnection? _target;

    /// <summary>Whether the connection to the target, which the call needs to the end, is gone; never in peer-to-peer mode.</summary>
    public bool IsTargetLost => _target is { WhenLost.IsCompleted: true };

    /// <summary>A persistent VM moves with its definition; a transient one stays transient.</summary>
    public static uint Flags(MigrationOptions options, bool isPersistent) =>
        Live
        | ChangeProtection
        | (options.PeerToPeer ? PeerToPeer : 0)
        | (isPersistent ? PersistOnTarget | UndefineOnSource : 0)
        | (options.AllowUnsafe ? Unsafe : 0);

    /// <summary>Takes the call back if it has not gone out yet.</summary>
    public bool TryWithdraw() => Interlocked.CompareExchange(ref _state, Withdrawn, Waiting) != Issued;

    /// <summary>Driven by the source's daemon (libvirt-domain: virDomainMigrateToURI3). Null if withdrawn.</summary>
    public MigrationOutcome? RunPeerToPeer(LibvirtConnection source)
    {
        using var domain = source.GetDomain(id);
        if (!TryIssue())
        {
            return null;
        }

        var bandwidth = Bandwidth();
        var result = NativeMigration.virDomainMigrateToURI3(domain, peerUri!, &bandwidth, BandwidthCount, flags);
        return result == 0 ? new MigrationOutcome(null, null, null) : Failed(source, null);
    }

    /// <summary>Driven by this client (libvirt-domain: virDomainMigrate3). Null if withdrawn.</summary>
    public MigrationOutcome? RunDirect(LibvirtConnection source, LibvirtConnection targetConnection)
    {
        using var domain = source.GetDomain(id);
        if (!TryIssue())
        {
            return null;
        }

        _target = targetConnection;
        try
        {
            var bandwidth = Bandwidth();
            var moved = NativeMigration.virDomainMigrate3(domain, targetConnection.Handle, &bandwidth, BandwidthCount, flags);
            if (moved == 0)
            {
                return Failed(source, targetConnection);
            }

            _ = NativeDomain.virDomainFree(moved);
            return new MigrationOutcome(null, null, null);
        }
        finally
        {
            _target = null;
        }
    }

    private uint BandwidthCount => bandwidthBytesPerSecond is null ? 0u : 1u;

    private static MigrationOutcome Failed(LibvirtConnection source, LibvirtConnection? target)
    {
        var failure = NativeError.Last();
        return new MigrationOutcome(failure, source.Loss, target?.Loss);
    }

    private bool TryIssue() => Interlocked.CompareExchange(ref _state, Issued, Waiting) == Waiting;

    /// <summary>VIR_MIGRATE_PARAM_BANDWIDTH, in MiB per second.</summary>
    private VirTypedParameter Bandwidth()
    {
        const long Mib = 1 << 20;
        var parameter = new VirTypedParameter()
        {
            Type = VirTypedParameter.TypeULong,
            ULong = (ulong)Math.Max(1, ((bandwidthBytesPerSecond ?? 0) + Mib - 1) / Mib),
        };
        "bandwidth"u8.CopyTo(new Span<byte>(parameter.Field, 80));
        return parameter;
    }
}
