using System.Collections.Frozen;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Journal;

namespace Kumoi.Lineage;

/// <summary>
/// Which failures a lineage answers with a substitute. A failure of any other domain passes it and fails the element of the lineage
/// around it. <see cref="FaultDomain.Unknown"/> is always answered: the nearest lineage has it.
/// </summary>
public static class FaultDomains
{
    /// <summary>Another host may do where a host, its network or its storage failed; never where the VM itself did.</summary>
    public static IReadOnlySet<FaultDomain> OfHosts { get; } = Set(FaultDomain.Host, FaultDomain.Network, FaultDomain.Storage);

    /// <summary>Another VM may do where a VM, its network or its disk failed; never where the host did.</summary>
    public static IReadOnlySet<FaultDomain> OfVMs { get; } = Set(FaultDomain.VM, FaultDomain.Network, FaultDomain.Storage);

    public static IReadOnlySet<FaultDomain> All { get; } = Set(Enum.GetValues<FaultDomain>());

    /// <summary>What the failure is of.</summary>
    public static FaultDomain Of(Exception failure) => (failure as IFaultDomainSource)?.FaultDomain ?? FaultDomain.Unknown;

    /// <summary>
    /// No other element may take the place: what failed may have taken effect all the same (a second copy could run), or it is the
    /// journal, without which nothing is changed anywhere.
    /// </summary>
    internal static bool ConcernsNoElement(Exception failure) => failure switch
    {
        HypervisorException e => e.OutcomeUnknown,
        CompensationFailedException e => e.OutcomeUnknown,
        JournalException => true,
        _ => false,
    };

    /// <summary>What a lineage of such elements answers unless it is told otherwise.</summary>
    internal static IReadOnlySet<FaultDomain> For<T>() =>
        typeof(T) == typeof(KumoiHost) || typeof(T) == typeof(KumoiConnection) || typeof(T) == typeof(HostReading) ? OfHosts
        : typeof(T) == typeof(KumoiVM) || typeof(T) == typeof(VMReading) ? OfVMs
        : All;

    private static FrozenSet<FaultDomain> Set(params FaultDomain[] domains) => domains.ToFrozenSet();
}
