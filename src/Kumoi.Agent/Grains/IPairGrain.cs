using Orleans;

namespace Kumoi.Agent.Grains;

/// <summary>The pair of one VM, by the VM's id. What goes in and out is JSON, as on the socket.</summary>
internal interface IPairGrain : IGrainWithGuidKey
{
    /// <summary>Protects the VM.</summary>
    /// <param name="start">A <see cref="Agents.PairStart"/>.</param>
    /// <param name="cancellationToken">Nothing is left.</param>
    /// <returns>A <see cref="KumoiFtPair"/>.</returns>
    Task<string> StartAsync(string start, CancellationToken cancellationToken);

    /// <summary>Goes on with what the journal has.</summary>
    Task ResumeAsync();

    /// <summary>Ends the protection. A <see cref="KumoiFtPair"/>; null: the agent does not keep it, here and below.</summary>
    Task<string?> StopAsync();

    /// <summary>Lets the backup take over. A <see cref="KumoiFtPair"/>.</summary>
    Task<string?> SwitchAsync(CancellationToken cancellationToken);

    /// <summary>Tries out what the backup would do. A <see cref="KumoiFtDrill"/>.</summary>
    Task<string?> DrillAsync(CancellationToken cancellationToken);
}
