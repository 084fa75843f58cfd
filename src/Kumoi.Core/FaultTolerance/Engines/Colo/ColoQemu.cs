using System.Text.Json;
using System.Text.Json.Nodes;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.FaultTolerance.Engines.Colo;

/// <summary>One side of COLO: a QEMU, its commands for COLO, and what it reports.</summary>
internal sealed class ColoQemu : IAsyncDisposable
{
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(3);

    /// <summary>How long a step of QEMU's may take that changes nothing at the other side.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly TimeProvider _time;
    private IAsyncDisposable? _watch;
    private TaskCompletionSource<QemuEvent> _goesOn = Fresh();
    private DateTimeOffset _stoppedAt;
    private volatile bool _hasReset;

    private ColoQemu(IHypervisorLink host, Guid domain, TimeProvider time) => (Host, Domain, _time) = (host, domain, time);

    public IHypervisorLink Host { get; }

    public Guid Domain { get; }

    /// <summary>Its machine has been reset, by its guest or by somebody, since it is listened to.</summary>
    public bool HasReset => _hasReset;

    /// <summary>Begins to listen to it.</summary>
    public static async Task<ColoQemu> BeginAsync(IHypervisorLink host, Guid domain, TimeProvider time, CancellationToken cancellationToken)
    {
        var qemu = new ColoQemu(host, domain, time);
        qemu._watch = await host.SendAsync(new WatchQemu(domain, qemu.Note), cancellationToken);
        return qemu;
    }

    public async Task<Version> VersionAsync(CancellationToken cancellationToken) =>
        ColoVersions.Of(await AskAsync("query-version", null, cancellationToken));

    /// <summary>QEMU's RunState, such as running, paused, colo.</summary>
    public async Task<string> StatusAsync(CancellationToken cancellationToken) =>
        (await AskAsync("query-status", null, cancellationToken)).GetProperty("status").GetString() ?? "";

    /// <summary>QEMU's COLOMode: none, primary or secondary.</summary>
    public async Task<string> ModeAsync(CancellationToken cancellationToken) =>
        (await AskAsync("query-colo-status", null, cancellationToken)).GetProperty("mode").GetString() ?? "";

    /// <summary>How far the migration is that leads to COLO; null: there is none.</summary>
    public async Task<string?> MigrationAsync(CancellationToken cancellationToken) =>
        (await AskAsync("query-migrate", null, cancellationToken)).TryGetProperty("status", out var status) ? status.GetString() : null;

    public Task AllowColoAsync(bool isAllowed, CancellationToken cancellationToken) => TellAsync(
        "migrate-set-capabilities",
        new JsonObject { ["capabilities"] = new JsonArray(new JsonObject { ["capability"] = "x-colo", ["state"] = isAllowed }) },
        cancellationToken);

    /// <summary>
    /// QEMU makes a checkpoint when it is told how long it is to wait for the next one, which is for ever: whoever controls the pair alone
    /// makes checkpoints. While there is no COLO yet it is only the latter.
    /// </summary>
    public Task CheckpointAsync(CancellationToken cancellationToken) =>
        TellAsync("migrate-set-parameters", new JsonObject { ["x-checkpoint-delay"] = uint.MaxValue }, cancellationToken);

    public Task MigrateAsync(string address, CancellationToken cancellationToken) =>
        TellAsync("migrate", new JsonObject { ["uri"] = address }, cancellationToken);

    public Task StopAsync(CancellationToken cancellationToken) => TellAsync("stop", null, cancellationToken);

    public Task ContinueAsync(CancellationToken cancellationToken) => TellAsync("cont", null, cancellationToken);

    /// <summary>When this is called, what the guest did before does not count.</summary>
    public void Expect() => _goesOn = Fresh();

    /// <summary>
    /// When the guest goes on since <see cref="Expect"/>: by COLO alone, since nobody else lets it. How long it stood still.
    /// </summary>
    public async Task<TimeSpan> GoesOnAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var happened = await _goesOn.Task.WaitAsync(cancellationToken);
            if (await StatusAsync(cancellationToken) is "running")
            {
                return happened.At - _stoppedAt;
            }

            _goesOn = Fresh(); // the report of what was before
            if (await StatusAsync(cancellationToken) is "running")
            {
                return _time.GetUtcNow() - _stoppedAt;
            }
        }
    }

    /// <summary>Leaves COLO, whatever the other side does, so that the guest goes on. The other side must not: that is the caller's.</summary>
    /// <returns>False: it was not in COLO.</returns>
    public async Task<bool> LeaveAsync(CancellationToken cancellationToken)
    {
        if (await ModeAsync(cancellationToken) is "none")
        {
            return false;
        }

        await TellAsync("x-colo-lost-heartbeat", null, cancellationToken);
        await UntilAsync(async token => await ModeAsync(token) is "none", "leave COLO", cancellationToken);
        await UntilAsync(async token => await StatusAsync(token) is "running", "go on without COLO", cancellationToken);
        return true;
    }

    /// <summary>Looks again and again.</summary>
    /// <exception cref="HypervisorException">It did not come true in time.</exception>
    public async Task UntilAsync(Func<CancellationToken, Task<bool>> isSo, string what, CancellationToken cancellationToken)
    {
        var since = _time.GetTimestamp();
        while (!await isSo(cancellationToken))
        {
            if (_time.GetElapsedTime(since) > Patience)
            {
                throw new HypervisorException(
                    FormattableString.Invariant($"QEMU on {Host.HostName} did not {what} within {Patience.TotalSeconds:0} s."),
                    FaultDomain.Host, isTransient: true, error: HypervisorError.TimedOut,
                    recommendedAction: "See QEMU's log of the VM in /var/log/libvirt/qemu on its host.");
            }

            await Task.Delay(BetweenLooks, _time, cancellationToken);
        }
    }

    public ValueTask DisposeAsync() => _watch?.DisposeAsync() ?? ValueTask.CompletedTask;

    private static TaskCompletionSource<QemuEvent> Fresh() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private void Note(QemuEvent happened)
    {
        switch (happened.Name)
        {
            case "STOP":
                _stoppedAt = happened.At;
                break;
            case "RESUME":
                _goesOn.TrySetResult(happened);
                break;
            case "RESET":
                _hasReset = true;
                break;
        }
    }

    private async Task TellAsync(string command, JsonObject? arguments, CancellationToken cancellationToken) =>
        await AskAsync(command, arguments, cancellationToken);

    private async Task<JsonElement> AskAsync(string command, JsonObject? arguments, CancellationToken cancellationToken) =>
        await Host.SendAsync(new QemuCommand(Domain, command, arguments), cancellationToken);
}
