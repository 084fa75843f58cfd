using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Native;

namespace Kumoi.Hypervisors.Libvirt.Migrations;

/// <summary>The phases of libvirt's migration protocol, each one blocking call. See <see cref="NativeMigrationPhases"/>.</summary>
internal static unsafe class MigrationPhases
{
    // virDomainMigrateFlags
    private const uint Live = 1 << 0;
    private const uint PersistOnTarget = 1 << 3;
    private const uint UndefineOnSource = 1 << 4;
    private const uint Paused = 1 << 5;
    private const uint ChangeProtection = 1 << 8;
    private const uint Unsafe = 1 << 9;
    private const uint CopyDisks = 1 << 6; // VIR_MIGRATE_NON_SHARED_DISK

    /// <summary>
    /// With change protection the source keeps the VM's job from Begin to Confirm. A persistent VM moves with its definition.
    /// </summary>
    public static uint SourceFlags(MigrationOptions options, bool isPersistent, bool isPaused) =>
        ChangeProtection | TargetFlags(options, isPersistent, isPaused);

    public static uint TargetFlags(MigrationOptions options, bool isPersistent, bool isPaused) =>
        Live
        | (isPersistent ? PersistOnTarget | UndefineOnSource : 0)
        | (isPaused ? Paused : 0)
        | (options.AllowUnsafe ? Unsafe : 0)
        | (options.WithStorage ? CopyDisks : 0);

    /// <summary>On the source. Returns the definition to prepare, and the cookie for the targets.</summary>
    public static (string Definition, byte[] Cookie) Begin(LibvirtConnection connection, DomainHandle domain, uint flags)
    {
        byte* cookie = null;
        var length = 0;
        var definition = NativeMigrationPhases.virDomainMigrateBegin3Params(domain, null, 0, &cookie, &length, flags);
        if (definition == null)
        {
            var failure = NativeError.Last();
            Take(cookie, length);
            throw connection.ToException(failure, $"begin the migration of VM '{domain.Name}'", CallKind.Write);
        }

        return (NativeString.Take(definition)!, Take(cookie, length));
    }

    /// <summary>On a target. Returns where it waits for the stream, and the cookie for the source.</summary>
    public static (string Uri, byte[] Cookie) Prepare(
        LibvirtConnection connection, string name, string definition, byte[] cookieIn, uint flags)
    {
        using var parameters = new TypedParameterList();
        parameters.Add("destination_xml"u8, definition);
        byte* cookie = null;
        var length = 0;
        byte* uri = null;
        int result;
        fixed (byte* given = cookieIn)
        {
            result = NativeMigrationPhases.virDomainMigratePrepare3Params(
                connection.Handle, parameters.First, parameters.Count, given, cookieIn.Length, &cookie, &length, &uri, flags);
        }

        LibvirtFailure failure = result == 0 ? default : NativeError.Last();
        var cookieOut = Take(cookie, length);
        var where = NativeString.Take(uri);
        return result != 0 ? throw connection.ToException(failure, $"prepare for VM '{name}'", CallKind.Write)
            : where is null ? throw new HypervisorException(
                $"Cannot prepare for VM '{name}' on {connection.Label}: it does not report the address at which it waits for the VM.",
                FaultDomain.Host)
            : (where, cookieOut);
    }

    /// <summary>On the source: sends the VM to <paramref name="uri"/>.</summary>
    public static PhaseOutcome Perform(
        LibvirtConnection connection, DomainHandle domain, string uri, byte[] cookieIn, long? bandwidthBytesPerSecond, uint flags)
    {
        const long MiB = 1 << 20;
        using var parameters = new TypedParameterList();
        parameters
            .Add("migrate_uri"u8, uri)
            .Add("destination_name"u8, domain.Name)
            .Add("bandwidth"u8, bandwidthBytesPerSecond is { } limit ? (ulong)Math.Max(1, (limit + MiB - 1) / MiB) : null);
        byte* cookie = null;
        var length = 0;
        int result;
        fixed (byte* given = cookieIn)
        {
            result = NativeMigrationPhases.virDomainMigratePerform3Params(
                domain, null, parameters.First, parameters.Count, given, cookieIn.Length, &cookie, &length, flags);
        }

        return Outcome(connection, result == 0, cookie, length);
    }

    /// <summary>On a target: lets the VM run, or, with <paramref name="cancelled"/>, removes it (then it never succeeds).</summary>
    public static PhaseOutcome Finish(LibvirtConnection connection, string name, string uri, byte[] cookieIn, uint flags, bool cancelled)
    {
        using var parameters = new TypedParameterList();
        parameters.Add("destination_name"u8, name).Add("migrate_uri"u8, uri);
        byte* cookie = null;
        var length = 0;
        nint domain;
        fixed (byte* given = cookieIn)
        {
            domain = NativeMigrationPhases.virDomainMigrateFinish3Params(
                connection.Handle, parameters.First, parameters.Count, given, cookieIn.Length, &cookie, &length, flags, cancelled ? 1 : 0);
        }

        var outcome = Outcome(connection, domain != 0, cookie, length);
        if (domain != 0)
        {
            _ = NativeDomain.virDomainFree(domain);
        }

        return outcome;
    }

    /// <summary>On the source: gives the VM up, or, with <paramref name="cancelled"/>, lets it go on.</summary>
    public static PhaseOutcome Confirm(LibvirtConnection connection, DomainHandle domain, byte[] cookieIn, uint flags, bool cancelled)
    {
        int result;
        fixed (byte* given = cookieIn)
        {
            result = NativeMigrationPhases.virDomainMigrateConfirm3Params(
                domain, null, 0, given, cookieIn.Length, flags, cancelled ? 1 : 0);
        }

        return Outcome(connection, result == 0, null, 0);
    }

    private static PhaseOutcome Outcome(LibvirtConnection connection, bool isDone, byte* cookie, int length)
    {
        LibvirtFailure? failure = isDone ? null : NativeError.Last();
        return new PhaseOutcome(failure, isDone ? null : connection.Loss, Take(cookie, length));
    }

    private static byte[] Take(byte* cookie, int length)
    {
        if (cookie == null)
        {
            return [];
        }

        var copy = new Span<byte>(cookie, length).ToArray();
        NativeTypedParameters.Free(cookie);
        return copy;
    }
}
