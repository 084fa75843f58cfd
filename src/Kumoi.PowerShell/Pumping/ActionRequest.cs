using Kumoi.Fleets;
using Kumoi.PowerShell.Lineage;

namespace Kumoi.PowerShell.Pumping;

/// <summary>One thing to do with one element, bound and ready.</summary>
internal sealed record ActionRequest
{
    /// <summary>The element, as errors name it.</summary>
    public required object Target { get; init; }

    /// <summary>What ShouldProcess shows as its target and action.</summary>
    public required string ShouldProcessTarget { get; init; }

    public required string Verb { get; init; }

    /// <summary>The element's place in its lineage; null: it has none.</summary>
    public LineageOrigin? Origin { get; init; }

    /// <summary>Does it, on a worker. Either it takes effect or it leaves nothing behind, also when it is cancelled.</summary>
    public Func<ActionProgress, CancellationToken, Task<ActionResult>>? Work { get; init; }

    /// <summary>The work itself finds out what became of its calls, and says so by its failure: one that is open in the midst of it counts for nothing.</summary>
    public bool SettlesItsCalls { get; init; }

    /// <summary>Does it on the pipeline thread: script blocks. Instead of <see cref="Work"/>.</summary>
    public Func<ActionResult>? InlineWork { get; init; }

    /// <summary>
    /// The element is this host, and nothing is done with it alone: a later request is for all hosts that came, of which one wins. Instead of
    /// <see cref="Work"/>.
    /// </summary>
    public KumoiConnection? Candidate { get; init; }

    /// <summary>Of a request that is for several hosts: the same for others, since none of these has won.</summary>
    public Func<IReadOnlyList<KumoiConnection>, ActionRequest>? ForOthers { get; init; }
}
