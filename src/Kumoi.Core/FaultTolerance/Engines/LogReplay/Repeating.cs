using Kumoi.Hypervisors;

namespace Kumoi.FaultTolerance.Engines.LogReplay;

/// <summary>What is done again and again, as to look at a VM.</summary>
internal static class Repeating
{
    /// <summary>
    /// Until it is cancelled, or a step fails for good. A host that does not answer is found out by whoever hears it; one that does not now
    /// and then is slow.
    /// </summary>
    public static async Task RunAsync(Func<Task> step, TimeSpan pause, TimeProvider time, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                await step();
            }
            catch (HypervisorException e) when (e.IsTransient)
            {
                // It is tried again.
            }

            await Task.Delay(pause, time, cancellationToken);
        }
    }
}
