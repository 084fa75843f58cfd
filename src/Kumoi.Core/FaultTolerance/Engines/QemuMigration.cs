using System.Text.Json;
using System.Text.Json.Nodes;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.FaultTolerance.Engines;

/// <summary>
/// Migrations of a VM by QEMU's own commands, after each of which the VM goes on where it was. Their courses are QEMU's events: asking it
/// again and again would lengthen the pause.
/// </summary>
internal sealed class QemuMigration : IAsyncDisposable
{
    /// <summary>How long a VM may take to go on.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan BetweenTries = TimeSpan.FromMilliseconds(1);

    private readonly TimeProvider _time;
    private IAsyncDisposable? _watch;
    private TaskCompletionSource<string> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource _goesOn = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private DateTimeOffset _stopped;

    private QemuMigration(IHypervisorLink host, Guid domain, TimeProvider time)
    {
        Host = host;
        Domain = domain;
        _time = time;
    }

    public IHypervisorLink Host { get; }

    public Guid Domain { get; }

    /// <summary>How long the guest stood still the last time.</summary>
    public TimeSpan Pause { get; private set; }

    /// <summary>Makes the VM ready for it.</summary>
    /// <param name="host">Where it runs.</param>
    /// <param name="domain">The VM.</param>
    /// <param name="downtime">How long the guest may stand still, by QEMU's own estimate.</param>
    /// <param name="time">The clock of all waits.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static async Task<QemuMigration> BeginAsync(
        IHypervisorLink host, Guid domain, TimeSpan downtime, TimeProvider time, CancellationToken cancellationToken)
    {
        var migration = new QemuMigration(host, domain, time);
        migration._watch = await host.SendAsync(new WatchQemu(domain, migration.Note), cancellationToken);
        await migration.AskAsync(
            "migrate-set-parameters",
            new JsonObject { ["downtime-limit"] = (int)downtime.TotalMilliseconds, ["max-bandwidth"] = 1L << 34 },
            cancellationToken);
        return migration;
    }

    /// <summary>Sends the state. When this returns the guest stands still, and must be told to go on.</summary>
    /// <exception cref="HypervisorException">It was not sent, and the guest goes on.</exception>
    public async Task SendAsync(string address, CancellationToken cancellationToken)
    {
        _ended = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        _goesOn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        try
        {
            await AskAsync("migrate", new JsonObject { ["uri"] = address }, cancellationToken);
            var status = await _ended.Task.WaitAsync(cancellationToken);
            if (status is not "completed")
            {
                throw new HypervisorException(
                    $"QEMU on {Host.HostName} could not send a checkpoint: {status}.", FaultDomain.Network, isTransient: true,
                    error: HypervisorError.Aborted, recommendedAction: "Check the network between the two hosts.");
            }
        }
        catch
        {
            await CancelAsync();
            throw;
        }
    }

    /// <summary>The guest goes on. QEMU refuses for a moment after the state is sent.</summary>
    public async Task GoOnAsync()
    {
        using var limit = new CancellationTokenSource(Patience, _time);
        while (true)
        {
            try
            {
                await AskAsync("cont", null, limit.Token);
                break;
            }
            catch (HypervisorException e) when (e.Error is HypervisorError.InvalidState && !limit.IsCancellationRequested)
            {
                await Task.Delay(BetweenTries, _time, limit.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    /// <summary>The bytes that were sent the last time; its pause is known then too.</summary>
    public async Task<long> MeasureAsync(CancellationToken cancellationToken)
    {
        var info = await AskAsync("query-migrate", null, cancellationToken);
        await Task.WhenAny(_goesOn.Task, Task.Delay(Patience, _time, cancellationToken));
        return info.TryGetProperty("ram", out var ram) && ram.TryGetProperty("transferred", out var bytes) ? bytes.GetInt64() : 0;
    }

    public ValueTask DisposeAsync() => _watch?.DisposeAsync() ?? ValueTask.CompletedTask;

    /// <summary>The guest goes on whatever has become of it.</summary>
    private async Task CancelAsync()
    {
        using var limit = new CancellationTokenSource(Patience, _time);
        try
        {
            await AskAsync("migrate_cancel", null, limit.Token);
            while (true)
            {
                var status = await AskAsync("query-migrate", null, limit.Token);
                var isUnderWay = status.TryGetProperty("status", out var word) && word.GetString() is not
                    ("none" or "completed" or "failed" or "cancelled");
                var state = await AskAsync("query-status", null, limit.Token);
                if (state.GetProperty("running").GetBoolean())
                {
                    return;
                }

                if (!isUnderWay)
                {
                    await GoOnAsync();
                    return;
                }

                await Task.Delay(BetweenTries, _time, limit.Token);
            }
        }
        catch (Exception e) when (e is HypervisorException or OperationCanceledException)
        {
            // The host or the VM is gone, or is soon known to be.
        }
    }

    private void Note(QemuEvent happened)
    {
        switch (happened.Name)
        {
            case "STOP":
                _stopped = happened.At;
                break;
            case "RESUME":
                Pause = happened.At - _stopped;
                _goesOn.TrySetResult();
                break;
            case "MIGRATION" when StatusOf(happened.Details) is ("completed" or "failed" or "cancelled") and { } status:
                _ended.TrySetResult(status);
                break;
        }
    }

    private static string? StatusOf(string details)
    {
        using var parsed = JsonDocument.Parse(details.Length == 0 ? "{}" : details);
        return parsed.RootElement.TryGetProperty("status", out var status) ? status.GetString() : null;
    }

    private async Task<JsonElement> AskAsync(string command, JsonObject? arguments, CancellationToken cancellationToken) =>
        await Host.SendAsync(new QemuCommand(Domain, command, arguments), cancellationToken);
}
