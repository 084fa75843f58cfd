using Microsoft.Extensions.Hosting;

namespace Kumoi.Agent.Process;

/// <summary>When the agent ends is its own affair: <see cref="AgentLife"/>, and the signals in <see cref="AgentProcess"/>.</summary>
internal sealed class NoLifetime : IHostLifetime
{
    public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
