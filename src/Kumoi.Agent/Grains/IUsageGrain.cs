using Orleans;

namespace Kumoi.Agent.Grains;

/// <summary>The accounting of what VMs use: there is one.</summary>
internal interface IUsageGrain : IGrainWithStringKey
{
    /// <summary>The key of the only one.</summary>
    const string Key = "usage";

    /// <summary>Accounts from now on, also after a crash.</summary>
    /// <param name="order">A <see cref="Agents.UsageOrder"/> as JSON.</param>
    /// <returns>False: it accounts already.</returns>
    Task<bool> GiveAsync(string order);

    /// <summary>Goes on with what the journal has.</summary>
    Task ResumeAsync();

    /// <summary>Ends it for good. False: it does not account.</summary>
    Task<bool> StopAsync();
}
