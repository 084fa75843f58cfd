using Orleans;

namespace Kumoi.Agent.Grains;

/// <summary>
/// The pair of one VM, by the VM's id. What goes in and out is JSON, as it comes from the socket and goes there: an answer, or, where
/// something is in the way, an <see cref="Agents.AgentFailure"/>.
/// </summary>
internal interface IPairGrain : IGrainWithGuidKey
{
    /// <summary>Protects the VM from now on, also after a crash of the agent. When it is cancelled, nothing is left.</summary>
    /// <param name="start">A <see cref="Agents.PairStart"/>.</param>
    /// <param name="cancellationToken">Ends the pair again.</param>
    /// <returns>A <see cref="KumoiFtPair"/>.</returns>
    Task<(bool IsDone, string Json)> StartAsync(string start, CancellationToken cancellationToken);

    /// <summary>Goes on with a pair that the journal has, and that nobody keeps.</summary>
    Task ResumeAsync();

    /// <summary>Ends the protection; a <see cref="KumoiFtPair"/>.</summary>
    Task<(bool IsDone, string Json)> StopAsync();

    /// <summary>Lets the backup take over; a <see cref="KumoiFtPair"/>.</summary>
    Task<(bool IsDone, string Json)> SwitchAsync(CancellationToken cancellationToken);

    /// <summary>Tries out what the backup would do; a <see cref="KumoiFtDrill"/>.</summary>
    Task<(bool IsDone, string Json)> DrillAsync(CancellationToken cancellationToken);
}
