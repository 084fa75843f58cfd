using Kumoi.Hypervisors.Libvirt.Connections;

namespace Kumoi.Hypervisors.Libvirt.Power;

/// <summary>A job of libvirt's on a VM that can be aborted, and then leaves the VM as it was.</summary>
/// <param name="Operation">
/// libvirt's virDomainJobOperation: only such a job is aborted. Which one of them it is, libvirt does not tell.
/// </param>
/// <param name="Doing">For errors, such as <c>saving the VM</c>.</param>
/// <param name="Look">What to do where nobody knows what became of it.</param>
internal sealed record AbortableJob(long Operation, string Doing, string Look)
{
    /// <summary>How long libvirt may take to abort.</summary>
    private static readonly TimeSpan AbortPatience = TimeSpan.FromSeconds(20);

    private static readonly TimeSpan BetweenReports = TimeSpan.FromMilliseconds(500);

    private static readonly TimeSpan BetweenAborts = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// Runs it on a connection of its own (libvirt-domain: virDomainAbortJob). Cancelled, it waits until it is known what became of it: it
    /// may have been complete before it was aborted.
    /// </summary>
    /// <exception cref="HypervisorException">Also when it was cancelled, and libvirt did not say what became of it.</exception>
    public async Task<T> RunAsync<T>(
        LibvirtLink host, Guid id, Func<LibvirtConnection, T> work, CancellationToken cancellationToken,
        IProgress<CopyProgress>? progress = null)
    {
        var job = host.RunJobAsync(work);
        do
        {
            await Task.WhenAny(job, Task.Delay(progress is null ? Timeout.InfiniteTimeSpan : BetweenReports, cancellationToken));
            await ReportAsync(host, id, job, progress, cancellationToken);
        }
        while (!job.IsCompleted && !cancellationToken.IsCancellationRequested);

        using var limit = new CancellationTokenSource(AbortPatience);
        while (!job.IsCompleted && !limit.IsCancellationRequested) // it may not have begun when it was aborted first
        {
            await AbortAsync(host, id, limit.Token);
            await Task.WhenAny(job, Task.Delay(BetweenAborts, limit.Token));
        }

        if (!job.IsCompleted)
        {
            throw new HypervisorException(
                $"{host.HostName} did not stop {Doing} within {AbortPatience.TotalSeconds:0} s.", FaultDomain.Host,
                outcomeUnknown: true, error: HypervisorError.TimedOut, recommendedAction: Look);
        }

        try
        {
            return await job;
        }
        catch (HypervisorException e) when (cancellationToken.IsCancellationRequested && e.Error is HypervisorError.Aborted)
        {
            throw new OperationCanceledException($"The VM goes on: {Doing} was stopped.", e, cancellationToken);
        }
    }

    private static async Task ReportAsync(
        LibvirtLink host, Guid id, Task job, IProgress<CopyProgress>? progress, CancellationToken cancellationToken)
    {
        if (progress is null || job.IsCompleted)
        {
            return;
        }

        try
        {
            if (await host.ReadAsync(connection => DomainJob.Find(connection, id), cancellationToken) is { } now)
            {
                progress.Report(new CopyProgress(now.BytesTotal, now.BytesTotal - now.BytesRemaining));
            }
        }
        catch (Exception e) when (e is HypervisorException or OperationCanceledException)
        {
            // How far it is, is not told this time.
        }
    }

    private async Task AbortAsync(LibvirtLink host, Guid id, CancellationToken cancellationToken)
    {
        try
        {
            await host.ChangeAsync(
                id,
                (connection, domain) =>
                {
                    if (DomainJob.OperationOf(connection, domain) == Operation)
                    {
                        DomainJob.Abort(connection, domain);
                    }
                },
                cancellationToken);
        }
        catch (Exception e) when (e is HypervisorException or OperationCanceledException)
        {
            // What became of it, the job itself tells.
        }
    }
}
