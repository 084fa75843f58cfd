using System.Security.Cryptography;
using System.Text;

namespace Kumoi.FaultTolerance.Engines;

/// <summary>
/// The domains of a pair: the VM that is protected, and its standbys, which are domains of their own to libvirt. Their ids follow from the
/// VM's, so that every controller knows them.
/// </summary>
internal static class PairDomains
{
    /// <summary>One serves after a failover, one has the last checkpoint, one gets the next, and one is for a host that keeps one.</summary>
    public const int Standbys = 4;

    /// <summary>The id of a standby; null: of the VM itself.</summary>
    public static Guid Of(Guid vm, int? standby)
    {
        if (standby is not { } number)
        {
            return vm;
        }

        var bytes = SHA256.HashData(Encoding.ASCII.GetBytes(FormattableString.Invariant($"kumoi standby {number} of {vm:D}")))[..16];
        bytes[6] = (byte)((bytes[6] & 0x0f) | 0x80); // RFC 9562: version 8, made by its user
        bytes[8] = (byte)((bytes[8] & 0x3f) | 0x80);
        return new Guid(bytes, bigEndian: true);
    }

    /// <summary>All that may run as the VM.</summary>
    public static IReadOnlyList<Guid> All(Guid vm) => [vm, .. Enumerable.Range(0, Standbys).Select(number => Of(vm, number))];
}
