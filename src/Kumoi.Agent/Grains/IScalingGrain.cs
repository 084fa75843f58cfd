using Orleans;

namespace Kumoi.Agent.Grains;

/// <summary>One group that the agent scales, by its name. What goes in and out is JSON, as on the socket.</summary>
internal interface IScalingGrain : IGrainWithStringKey
{
    /// <summary>Scales the group from now on, also after a crash.</summary>
    /// <param name="order">A <see cref="Agents.ScalingOrder"/>.</param>
    /// <returns>A <see cref="KumoiScaling"/>; null: it is being scaled already.</returns>
    Task<string?> GiveAsync(string order);

    /// <summary>Goes on with what the journal has.</summary>
    Task ResumeAsync();

    /// <summary>A <see cref="KumoiScaling"/>; null: the agent does not scale it.</summary>
    Task<string?> StatusAsync();

    /// <summary>Ends it for good; as <see cref="StatusAsync"/>.</summary>
    Task<string?> StopAsync();
}
