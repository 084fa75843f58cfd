using Kumoi.PowerShell.Lineage;

namespace Kumoi.PowerShell.Actions;

/// <summary>One thing to do with one element, bound and ready. It has one of four shapes, and there are no others.</summary>
internal abstract record ActionRequest
{
    private ActionRequest()
    {
    }

    /// <summary>The element, as errors name it.</summary>
    public required object Target { get; init; }

    /// <summary>What ShouldProcess shows as its target and action.</summary>
    public required string ShouldProcessTarget { get; init; }

    public required string Verb { get; init; }

    /// <summary>The element's place in its lineage; null: it has none.</summary>
    public ElementOrigin? Origin { get; init; }

    /// <summary>A worker does it.</summary>
    public sealed record OnWorker : ActionRequest
    {
        /// <summary>Either it takes effect or it leaves nothing behind, also when it is cancelled.</summary>
        public required Func<ActionProgress, CancellationToken, Task<ActionResult>> Work { get; init; }

        /// <summary>
        /// The work itself finds out what became of its calls, and its failure says so: one that is open in the midst of it counts for
        /// nothing.
        /// </summary>
        public bool SettlesItsCalls { get; init; }

        /// <summary>The same as a request that can be made again for other hosts.</summary>
        public ForSeveralHosts OrForOthers(Func<IReadOnlyList<KumoiConnection>, ForSeveralHosts> forOthers) => new()
        {
            Target = Target,
            ShouldProcessTarget = ShouldProcessTarget,
            Verb = Verb,
            Work = Work,
            ForOthers = forOthers,
        };
    }

    /// <summary>The pipeline thread does it, to which script blocks belong.</summary>
    public sealed record OnPipelineThread : ActionRequest
    {
        public required Func<ActionResult> Work { get; init; }
    }

    /// <summary>
    /// The element is a host with which nothing is done alone: a later request is for all hosts that came, of which one wins.
    /// </summary>
    public sealed record Candidate : ActionRequest
    {
        public required KumoiConnection Host { get; init; }
    }

    /// <summary>A worker does it on one of the hosts that came as candidates. The work itself finds out what became of its calls.</summary>
    public sealed record ForSeveralHosts : ActionRequest
    {
        public required Func<ActionProgress, CancellationToken, Task<ActionResult>> Work { get; init; }

        /// <summary>The same for others, where none of these has won.</summary>
        public required Func<IReadOnlyList<KumoiConnection>, ForSeveralHosts> ForOthers { get; init; }
    }
}
