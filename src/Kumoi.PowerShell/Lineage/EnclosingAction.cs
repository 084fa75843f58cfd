using System.Management.Automation.Runspaces;
using System.Runtime.CompilerServices;

namespace Kumoi.PowerShell.Lineage;

/// <summary>
/// Whether the current statement is run, in this runspace, by an Invoke-KumoiAction that works on hosts which can be replaced: then a
/// failure of the host is for that outer lineage, not for an inner one of VMs.
/// </summary>
internal static class EnclosingAction
{
    private static readonly ConditionalWeakTable<Runspace, StrongBox<int>> Depth = new();

    public static bool IsWithinHosts => Runspace.DefaultRunspace is { } runspace && Depth.TryGetValue(runspace, out var depth) && depth.Value > 0;

    public static IDisposable Enter(bool worksOnReplaceableHosts)
    {
        var depth = Depth.GetOrCreateValue(Runspace.DefaultRunspace);
        var step = worksOnReplaceableHosts ? 1 : 0;
        depth.Value += step;
        return new Leave(depth, step);
    }

    private sealed class Leave(StrongBox<int> depth, int step) : IDisposable
    {
        public void Dispose() => depth.Value -= step;
    }
}
