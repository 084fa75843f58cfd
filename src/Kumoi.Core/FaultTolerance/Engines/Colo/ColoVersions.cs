using System.Text.Json;

namespace Kumoi.FaultTolerance.Engines.Colo;

/// <summary>Which versions of QEMU make COLO. That they say so of themselves does not count: the broken ones do too.</summary>
internal static class ColoVersions
{
    /// <summary>The oldest that it was tried with.</summary>
    private static readonly Version Oldest = new(7, 2, 0);

    private static readonly Version Broken = new(10, 0, 0);
    private static readonly Version Mended = new(10, 0, 7);
    private static readonly Version Unclear = new(10, 1, 0);
    private static readonly Version MendedAgain = new(10, 2, 0);

    /// <summary>Why COLO is not made with it; null: it may be, and is tried out.</summary>
    public static string? Judge(Version version) =>
        version < Oldest ? $"COLO was not tried with QEMU {version}"
        : version >= Broken && version < Mended ? $"COLO of QEMU {version} loses the state of devices at a checkpoint"
        : version >= Unclear && version < MendedAgain ? $"whether COLO of QEMU {version} keeps the state of devices is not known"
        : null;

    /// <summary>What to do about one that is refused.</summary>
    public const string Remedy =
        "Take QEMU 7.2 to 9.2, 10.0.7 or a newer 10.0, or 10.2 or newer, on both hosts, and start the VM anew; or take -Mode Checkpoint with "
        + "another engine.";

    /// <summary>Of QEMU's answer to query-version.</summary>
    public static Version Of(JsonElement answer)
    {
        var version = answer.GetProperty("qemu");
        return new Version(
            version.GetProperty("major").GetInt32(), version.GetProperty("minor").GetInt32(), version.GetProperty("micro").GetInt32());
    }
}
