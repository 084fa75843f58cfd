using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Native;

namespace Kumoi.Hypervisors.Libvirt.Migrations;

/// <summary>The one blocking call of a migration, on connections of its own, and what others may know of it while it runs.</summary>
/// <param name="id">The VM.</param>
/// <param name="peerUri">With peer-to-peer: where the source's daemon finds the target's.</param>
/// <param name="flags">See <see cref="Flags"/>.</param>
/// <param name="options">How it is done.</param>
/// <param name="definitions">With disks that are copied: what the VM is at the target.</param>
internal sealed unsafe class MigrationCall(
    Guid id, string? peerUri, uint flags, MigrationOptions options, TargetDefinitions? definitions)
{
    // virDomainMigrateFlags
    private const uint Live = 1 << 0;
    private const uint PeerToPeer = 1 << 1;
    private const uint CopyDisks = 1 << 6; // VIR_MIGRATE_NON_SHARED_DISK
    private const uint Tls = 1 << 16;
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
        | (options.AllowUnsafe ? Unsafe : 0)
        | (options.Disks.Count > 0 ? CopyDisks : 0)
        | (options.Disks.Count > 0 && !options.AllowUnencrypted ? Tls : 0);

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

        using var parameters = Parameters();
        var result = NativeMigration.virDomainMigrateToURI3(domain, peerUri!, parameters.First, (uint)parameters.Count, flags);
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
            using var parameters = Parameters();
            var moved = NativeMigration.virDomainMigrate3(
                domain, targetConnection.Handle, parameters.First, (uint)parameters.Count, flags);
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

    private static MigrationOutcome Failed(LibvirtConnection source, LibvirtConnection? target)
    {
        var failure = NativeError.Last();
        return new MigrationOutcome(failure, source.Loss, target?.Loss);
    }

    private bool TryIssue() => Interlocked.CompareExchange(ref _state, Issued, Waiting) == Waiting;

    /// <summary>VIR_MIGRATE_PARAM_BANDWIDTH, in MiB per second; of disks their names in the VM (VIR_MIGRATE_PARAM_MIGRATE_DISKS).</summary>
    private TypedParameterList Parameters()
    {
        const long MiB = 1 << 20;
        const int Others = 3;
        var parameters = new TypedParameterList(options.Disks.Count + Others)
            .Add("bandwidth"u8, options.BandwidthBytesPerSecond is { } limit ? (ulong)Math.Max(1, (limit + MiB - 1) / MiB) : null)
            .Add("destination_xml"u8, definitions?.Live)
            .Add("persistent_xml"u8, definitions?.Persistent);
        foreach (var disk in options.Disks)
        {
            parameters.Add("migrate_disks"u8, disk.Target);
        }

        return parameters;
    }
}
