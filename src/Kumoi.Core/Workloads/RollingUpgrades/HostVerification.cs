using Kumoi.Fleets;
using Kumoi.Hypervisors;

namespace Kumoi.Workloads.RollingUpgrades;

/// <summary>Waits until a host answers and is what it should be. The script may have restarted its daemon, or the host.</summary>
internal sealed class HostVerification(RollingUpgradeOptions rollingUpgrade, TimeProvider time)
{
    /// <summary>How often a host that does not answer yet is asked.</summary>
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromSeconds(2);

    /// <summary>
    /// Null: it is verified. Else why not, with the last failure as the inner exception: a HypervisorException if it did not answer.
    /// </summary>
    public async Task<HypervisorException?> WhyNotAsync(KumoiConnection host, CancellationToken cancellationToken)
    {
        var began = time.GetTimestamp();
        while (true)
        {
            Exception? failure = null;
            try
            {
                var now = await FleetReads.ReadHostAsync(host, cancellationToken);
                if (!now.IsMasked && (rollingUpgrade.Verify is null || await rollingUpgrade.Verify(now, cancellationToken)))
                {
                    return null;
                }
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                failure = e;
            }

            if (time.GetElapsedTime(began) >= rollingUpgrade.Patience)
            {
                return Describe(host, failure);
            }

            await Task.Delay(BetweenLooks, time, cancellationToken);
        }
    }

    private HypervisorException Describe(KumoiConnection host, Exception? failure)
    {
        var why = failure is null ? "its verification did not give true" : failure.Message.TrimEnd('.');
        return new HypervisorException(
            FormattableString.Invariant($"{host.Name} was not verified within {rollingUpgrade.Patience.TotalSeconds:0.#} s: {why}."),
            FaultDomain.Host,
            error: HypervisorError.TimedOut, innerException: failure,
            recommendedAction: "Find out what is wrong with the host, and run the same command again: it goes on there. Wait "
                + "longer with -TimeoutSec.");
    }
}
