using Kumoi.Hypervisors;

namespace Kumoi.Tests.Lab;

/// <summary>Tells when a migration has sent some of the guest's memory.</summary>
internal sealed class Midway : IProgress<MigrationProgress>
{
    private readonly TaskCompletionSource _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public void Report(MigrationProgress value)
    {
        if (value.BytesProcessed > 0)
        {
            _reached.TrySetResult();
        }
    }

    /// <summary>Returns when it is midway, or over.</summary>
    public async Task ReachAsync(Task migration)
    {
        await Task.WhenAny(_reached.Task, migration);
        if (!_reached.Task.IsCompleted)
        {
            await migration; // its failure says more than ours
            throw new InvalidOperationException("The migration was over before it was seen under way.");
        }
    }
}
