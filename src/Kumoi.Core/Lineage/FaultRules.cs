using System.Collections.Frozen;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Journal;
using Kumoi.Speculation;

namespace Kumoi.Lineage;

/// <summary>
/// Which element is to be replaced after a failure, and after which failures nothing is substituted. The list in C# and the cmdlets go by
/// these rules, and by no others. A failure that concerns no element of a lineage passes it, and fails the element of the lineage around
/// it.
/// </summary>
public static class FaultRules
{
    internal const string WithoutJournal = "without the journal nothing is changed on any host";
    internal const string NotUndone = "what was done could not be undone, and a substitute could be a second copy";
    internal const string InDoubt = "it may have taken effect, and a substitute could be a second copy";
    internal const string WrongRequest = "the request is wrong, and another VM is not what was meant";

    /// <summary>
    /// Another host may do where a host, its network or its storage failed. If the VM itself is at fault, no other host is tried.
    /// </summary>
    public static IReadOnlySet<FaultDomain> OfHosts { get; } = Set(FaultDomain.Host, FaultDomain.Network, FaultDomain.Storage);

    /// <summary>Another VM may do where a VM, its network or its disk failed. If the host is at fault, no other VM is tried.</summary>
    public static IReadOnlySet<FaultDomain> OfVMs { get; } = Set(FaultDomain.VM, FaultDomain.Network, FaultDomain.Storage);

    public static IReadOnlySet<FaultDomain> All { get; } = Set(Enum.GetValues<FaultDomain>());

    /// <summary>What the failure is of.</summary>
    public static FaultDomain DomainOf(Exception failure) => (failure as IFaultDomainSource)?.FaultDomain ?? FaultDomain.Unknown;

    /// <summary>The failures that elements of this type are replaced after.</summary>
    internal static IReadOnlySet<FaultDomain> Of(Type elements) =>
        elements == typeof(KumoiHost) || elements == typeof(KumoiConnection) || elements == typeof(HostReading) ? OfHosts
        : elements == typeof(KumoiVM) || elements == typeof(VMReading) ? OfVMs
        : All;

    /// <summary>The failure is of one of these domains, or nobody knows of which: then the nearest lineage replaces its element.</summary>
    internal static bool IsOf(IReadOnlySet<FaultDomain> domains, Exception failure) =>
        DomainOf(failure) is var domain && (domain is FaultDomain.Unknown || domains.Contains(domain));

    /// <summary>
    /// What a failure of a pair is to each of its sides; null: nothing. One that names no side may be of both, and each goes by its own
    /// rule:
    /// of a VM and a host that is the VM, the host, or, where the domain says neither, the two of them.
    /// </summary>
    internal static (Exception? Left, Exception? Right) OfPair(Exception failure) => failure switch
    {
        PairFailureException { Side: PairSide.Left } named => (named.InnerException, null),
        PairFailureException named => (null, named.InnerException),
        _ => (failure, failure),
    };

    /// <summary>To start a VM that runs already is a mistake in the request: another VM is not what was meant.</summary>
    internal static bool IsOfRequest(object? target, Exception failure) =>
        target is KumoiVM or VMReading
        && failure is HypervisorException { Error: HypervisorError.InvalidState or HypervisorError.InvalidSpecification };

    /// <summary>Why no other element takes the place of this one, by all that the failure says; null: another may.</summary>
    internal static string? WhyNot(IReadOnlySet<FaultDomain> domains, object? target, Exception failure) =>
        IsOfJournal(failure) ? WithoutJournal
        : IsNotUndone(failure) ? NotUndone
        : MayHaveTakenEffect(failure) ? InDoubt
        : IsOfRequest(target, failure) ? WrongRequest
        : !IsOf(domains, failure) ? OfOtherDomain(failure)
        : null;

    internal static string OfOtherDomain(Exception failure) =>
        $"the failure is of fault domain {DomainOf(failure)}, which others would meet alike";

    /// <summary>Without the journal nothing is changed anywhere, so no other element can help.</summary>
    internal static bool IsOfJournal(Exception failure) => Says(failure, static one => one is JournalException ? true : null);

    /// <summary>By what the failure says, the change may have taken effect all the same: a substitute could be a second copy.</summary>
    internal static bool MayHaveTakenEffect(Exception failure) => Says(failure, static one => one switch
    {
        // It is the last word: where its own cause left the outcome open, that was found out.
        HypervisorException e => e.OutcomeUnknown,
        CompensationFailedException e => e.OutcomeUnknown,
        // Before the call, or after all calls were settled.
        JournalException or OperationCanceledException or SpeculationFailedException => false,
        _ => null,
    });

    /// <summary>
    /// The same of what an operation of Kumoi's fails with, and not the author's own code: a failure of a kind that nobody has thought of
    /// says nothing, so the change may have taken effect.
    /// </summary>
    internal static bool OperationMayHaveTakenEffect(Exception failure) =>
        failure is not (HypervisorException or CompensationFailedException or JournalException or OperationCanceledException
            or SpeculationFailedException
            or IFailureOfSeveral)
        || MayHaveTakenEffect(failure);

    /// <summary>
    /// What was done to the element is still there, or nobody knows that it is gone: a substitute could be a second copy.
    /// </summary>
    internal static bool IsNotUndone(Exception failure) => Says(failure, static one => one is CompensationFailedException ? true : null);

    /// <summary>What the failure says itself; where it says nothing, what one of its causes says.</summary>
    private static bool Says(Exception failure, Func<Exception, bool?> ask) =>
        ask(failure) ?? CausesOf(failure).Any(cause => Says(cause, ask));

    private static IEnumerable<Exception> CausesOf(Exception failure) => failure switch
    {
        IFailureOfSeveral several => several.Failures,
        AggregateException several => several.InnerExceptions,
        { InnerException: { } cause } => [cause],
        _ => [],
    };

    private static FrozenSet<FaultDomain> Set(params FaultDomain[] domains) => domains.ToFrozenSet();
}
