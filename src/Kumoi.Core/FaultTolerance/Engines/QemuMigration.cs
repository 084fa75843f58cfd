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
    /// <summary>How long a guest may take to go on, over a restart of its host's daemon too.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>How long the report may take that it goes on.</summary>
    private static readonly TimeSpan ReportPatience = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan BetweenTries = TimeSpan.FromMilliseconds(1);

    // QEMU's own; libvirt sets another bandwidth for each of its migrations.
    private static readonly TimeSpan DefaultDowntime = TimeSpan.FromMilliseconds(300);
    private const long DefaultBandwidth = 128L << 20;

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

    /// <summary>Listens to the VM, and lets it go on if an earlier checkpoint has left it standing.</summary>
    public static async Task<QemuMigration> BeginAsync(
        IHypervisorLink host, Guid domain, TimeProvider time, CancellationToken cancellationToken)
    {
        var migration = new QemuMigration(host, domain, time);
        migration._watch = await host.SendAsync(new WatchQemu(domain, migration.Note), cancellationToken);
        try
        {
            var state = await migration.AskAsync("query-status", null, cancellationToken);
            if (state.GetProperty("status").GetString() is "postmigrate")
            {
                await migration.GoOnAsync(); // an earlier checkpoint was sent, and nobody could tell the guest to go on
            }

            return migration;
        }
        catch
        {
            await migration.DisposeAsync();
            throw;
        }
    }

    /// <summary>Sends the state. When this returns the guest stands still, and must be told to go on.</summary>
    /// <exception cref="HypervisorException">It was not sent, and the guest goes on.</exception>
    public async Task SendAsync(string address, CancellationToken cancellationToken)
    {
        _ended = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        _goesOn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously); // no report has come since it stood still
        try
        {
            await TellAsync("migrate", new JsonObject { ["uri"] = address });
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

    /// <summary>
    /// How long the guest may stand still, by QEMU's own estimate, and that all of the network is for it; null: as QEMU has it by itself.
    /// Never longer than it is needed: migrations by libvirt would have it too.
    /// </summary>
    public Task LimitDowntimeAsync(TimeSpan? downtime) => TellAsync("migrate-set-parameters", new JsonObject
    {
        ["downtime-limit"] = (int)(downtime ?? DefaultDowntime).TotalMilliseconds,
        ["max-bandwidth"] = downtime is null ? DefaultBandwidth : 1L << 34,
    });

    /// <summary>The guest stands still, and must be told to go on.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        _goesOn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await TellAsync("stop", null);
        cancellationToken.ThrowIfCancellationRequested();
    }

    /// <summary>Whether memory that is in a shared file is left out of what is sent. Never longer than it is needed.</summary>
    public Task LeaveOutSharedAsync(bool isOut) => TellAsync("migrate-set-capabilities", LeavingOutShared(isOut));

    public static JsonObject LeavingOutShared(bool isOut) => new()
    {
        ["capabilities"] = new JsonArray(new JsonObject { ["capability"] = "x-ignore-shared", ["state"] = isOut }),
    };

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
            catch (HypervisorException e) when (e.Error is not HypervisorError.VMNotFound && !limit.IsCancellationRequested)
            {
                await Task.Delay(BetweenTries, _time, limit.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    /// <summary>The bytes that were sent the last time; its pause is known then too.</summary>
    public async Task<long> MeasureAsync(CancellationToken cancellationToken)
    {
        var info = await AskAsync("query-migrate", null, cancellationToken);
        await Task.WhenAny(_goesOn.Task, Task.Delay(ReportPatience, _time, cancellationToken));
        return info.TryGetProperty("ram", out var ram) && ram.TryGetProperty("transferred", out var bytes) ? bytes.GetInt64() : 0;
    }

    public ValueTask DisposeAsync() => _watch?.DisposeAsync() ?? ValueTask.CompletedTask;

    /// <summary>The guest goes on whatever has become of it.</summary>
    private async Task CancelAsync()
    {
        using var limit = new CancellationTokenSource(Patience, _time);
        while (!limit.IsCancellationRequested)
        {
            try
            {
                if (await IsOverAsync(limit.Token))
                {
                    return;
                }
            }
            catch (Exception e) when (e is OperationCanceledException or HypervisorException { Error: HypervisorError.VMNotFound })
            {
                return; // the host or the VM is gone, or is soon known to be
            }
            catch (HypervisorException)
            {
                // The daemon may be back in a moment.
            }

            await Task.Delay(BetweenTries, _time, limit.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>The migration is cancelled, and the guest runs.</summary>
    private async Task<bool> IsOverAsync(CancellationToken cancellationToken)
    {
        await AskAsync("migrate_cancel", null, cancellationToken);
        var migration = await AskAsync("query-migrate", null, cancellationToken);
        var isUnderWay = migration.TryGetProperty("status", out var word) && word.GetString() is not
            ("none" or "completed" or "failed" or "cancelled");
        var state = await AskAsync("query-status", null, cancellationToken);
        if (isUnderWay)
        {
            return false;
        }

        if (state.GetProperty("status").GetString() is "postmigrate")
        {
            await GoOnAsync();
        }

        return true;
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

    /// <summary>Is not given up on the way: what comes after it must not overtake it.</summary>
    private async Task TellAsync(string command, JsonObject? arguments)
    {
        using var limit = new CancellationTokenSource(Patience, _time);
        try
        {
            await AskAsync(command, arguments, limit.Token);
        }
        catch (OperationCanceledException)
        {
            throw new HypervisorException(
                $"QEMU on {Host.HostName} does not answer.", FaultDomain.Host, isTransient: true, outcomeUnknown: true,
                error: HypervisorError.TimedOut, recommendedAction: "See whether the VM runs: Get-KumoiVM.");
        }
    }

    private async Task<JsonElement> AskAsync(string command, JsonObject? arguments, CancellationToken cancellationToken) =>
        await Host.SendAsync(new QemuCommand(Domain, command, arguments), cancellationToken);
}
