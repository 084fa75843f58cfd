namespace Kumoi.Hypervisors.Simulated.Power;

/// <summary>A change of a VM's power state.</summary>
/// <param name="Verb">For errors.</param>
/// <param name="IsAllowed">From which states it is possible.</param>
/// <param name="Next">The state after it.</param>
/// <param name="Event">What watchers are told.</param>
internal sealed record PowerChange(string Verb, Func<PowerState, bool> IsAllowed, PowerState Next, VMLifecycle Event)
{
    /// <summary>The host must have the VM's memory free.</summary>
    public bool NeedsMemory { get; init; }
}
