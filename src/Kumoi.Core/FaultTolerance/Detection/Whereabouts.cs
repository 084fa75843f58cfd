using Kumoi.Hypervisors;

namespace Kumoi.FaultTolerance.Detection;

/// <summary>What an answer of a host proves.</summary>
internal static class Whereabouts
{
    /// <summary>The host has answered, and does not run the VM; nor does it hold a run of it that can go on.</summary>
    public static bool IsNotRunning(this VMWhereabouts place) => place is VMWhereabouts.Absent or VMWhereabouts.Off;
}
