using System.Runtime.InteropServices;
using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Native;

namespace Kumoi.Hypervisors.Libvirt.Power;

/// <summary>A domain's job, as seen and ended from another connection than the one that started it. Its methods block.</summary>
internal static unsafe class DomainJob
{
    /// <summary>Progress of the active job; null if there is none (libvirt-domain: virDomainGetJobStats).</summary>
    public static MigrationProgress? Read(LibvirtConnection connection, DomainHandle domain) => Read(connection, domain, out _);

    /// <summary>The same; null also if there is no such VM.</summary>
    public static MigrationProgress? Find(LibvirtConnection connection, Guid id)
    {
        using var domain = connection.FindDomain(id);
        return domain is null ? null : Read(connection, domain);
    }

    /// <summary>What the active job does (virDomainJobOperation); null: there is none, as far as the driver tells.</summary>
    public static long? OperationOf(LibvirtConnection connection, DomainHandle domain) =>
        Read(connection, domain, out var operation) is not null ? operation : null;

    /// <summary>False if there was no job to abort (libvirt-domain: virDomainAbortJob).</summary>
    public static bool Abort(LibvirtConnection connection, DomainHandle domain)
    {
        if (NativeMigration.virDomainAbortJob(domain) == 0)
        {
            return true;
        }

        var failure = NativeError.Last();
        return failure.Code is LibvirtCode.OperationInvalid or LibvirtCode.NoDomain or LibvirtCode.NoSupport
            ? false
            : throw connection.ToException(failure, $"abort the job of VM '{domain.Name}'", CallKind.Write);
    }

    private static MigrationProgress? Read(LibvirtConnection connection, DomainHandle domain, out long operation)
    {
        operation = 0;
        var type = 0;
        var count = 0;
        VirTypedParameter* parameters = null;
        if (NativeMigration.virDomainGetJobStats(domain, &type, &parameters, &count, 0) != 0)
        {
            var failure = NativeError.Last();
            return failure.Code is LibvirtCode.NoSupport or LibvirtCode.OperationInvalid or LibvirtCode.NoDomain
                ? null
                : throw connection.ToException(failure, $"read the job of VM '{domain.Name}'", CallKind.Read);
        }

        try
        {
            return type == 0 ? null : Decode(parameters, count, out operation);
        }
        finally
        {
            NativeTypedParameters.Free(parameters, count);
        }
    }

    private static MigrationProgress Decode(VirTypedParameter* parameters, int count, out long operation)
    {
        operation = 0;
        long total = 0;
        long processed = 0;
        long remaining = 0;
        long milliseconds = 0;
        long rounds = 0;
        for (var i = 0; i < count; i++)
        {
            var name = MemoryMarshal.CreateReadOnlySpanFromNullTerminated(parameters[i].Field);
            var value = parameters[i].AsInt64;
            if (name.SequenceEqual("data_total"u8))
            {
                total = value;
            }
            else if (name.SequenceEqual("data_processed"u8))
            {
                processed = value;
            }
            else if (name.SequenceEqual("data_remaining"u8))
            {
                remaining = value;
            }
            else if (name.SequenceEqual("time_elapsed"u8))
            {
                milliseconds = value;
            }
            else if (name.SequenceEqual("memory_iteration"u8))
            {
                rounds = value;
            }
            else if (name.SequenceEqual("operation"u8))
            {
                operation = value;
            }
        }

        return new MigrationProgress(total, processed, remaining, TimeSpan.FromMilliseconds(milliseconds)) { Rounds = rounds };
    }
}
