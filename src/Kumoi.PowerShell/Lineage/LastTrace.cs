using System.Management.Automation.Runspaces;
using System.Runtime.CompilerServices;
using Kumoi.Lineage;

namespace Kumoi.PowerShell.Lineage;

/// <summary>The trace of the last pipeline of each runspace.</summary>
internal static class LastTrace
{
    private static readonly ConditionalWeakTable<Runspace, LineageTrace> ReplicaRemains = new();

    public static void Set(LineageTrace trace) => ReplicaRemains.AddOrUpdate(Runspace.DefaultRunspace, trace);

    public static LineageTrace? Get() => ReplicaRemains.TryGetValue(Runspace.DefaultRunspace, out var trace) ? trace : null;
}
