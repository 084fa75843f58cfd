using System.Collections.Concurrent;
using Kumoi.Fleets;
using Kumoi.Fleets.Journaling;
using Kumoi.Hypervisors;
using Kumoi.Journal;
using Kumoi.Workloads.Maintenance;

namespace Kumoi.Workloads.RollingUpgrades;

/// <summary>
/// A rolling upgrade (paper 002): one host after the other is emptied, upgraded by a script, verified, and taken back into service. VMs go
/// to upgraded hosts first, then to such as are not upgraded at all, then to those whose turn comes last: so they move as seldom as can be.
/// Every step is in the journal, and after an interruption the same name goes on where it was. Not safe for concurrent use.
/// </summary>
public sealed class RollingUpgrade
{
    /// <summary>Those that this process works on.</summary>
    private static readonly ConcurrentDictionary<(FleetJournal, string), bool> UnderWay = new();

    private readonly Fleet _fleet;
    private readonly FleetJournal _journal;
    private readonly RollingUpgradeOptions _rollingUpgrade;
    private readonly WorkloadOptions _options;
    private readonly TimeProvider _time;
    private readonly RollingUpgradeLog _log;
    private bool _isBegun;

    private RollingUpgrade(
        Fleet fleet, FleetJournal journal, IReadOnlyList<KumoiConnection> hosts, RollingUpgradeOptions rollingUpgrade,
        WorkloadOptions options, TimeProvider time, RollingUpgradeLog log)
    {
        _fleet = fleet;
        _journal = journal;
        _rollingUpgrade = rollingUpgrade;
        _options = options;
        _time = time;
        _log = log;
        // What was interrupted is in maintenance: its room is missed.
        Hosts = [.. hosts.OrderByDescending(host => log.StepOf(host) is not (RollingUpgradeStep.None or RollingUpgradeStep.Done))];
    }

    /// <summary>The hosts in their turn, those that are done already among them.</summary>
    public IReadOnlyList<KumoiConnection> Hosts { get; }

    /// <summary>When it was begun, if it goes on; null: it is a new one.</summary>
    public DateTimeOffset? OpenSince { get; private init; }

    /// <summary>Reads what the journal has of it.</summary>
    /// <param name="fleet">The fleet, where VMs go.</param>
    /// <param name="hosts">The hosts to upgrade, in the order of their turns.</param>
    /// <param name="rollingUpgrade">What is done with each.</param>
    /// <param name="options">How VMs are moved.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellationToken">Nothing was done.</param>
    /// <exception cref="HypervisorException">
    /// InvalidState: another session works on it, or on one of these hosts in another rolling upgrade; or there is no journal.
    /// </exception>
    /// <exception cref="JournalException">The journal cannot be read.</exception>
    public static async Task<RollingUpgrade> OpenAsync(
        Fleet fleet, IReadOnlyList<KumoiConnection> hosts, RollingUpgradeOptions rollingUpgrade, WorkloadOptions options, TimeProvider time,
        CancellationToken cancellationToken)
    {
        var journal = fleet.Journal ?? throw new HypervisorException(
            "A rolling upgrade needs a journal.", error: HypervisorError.NotSupported, recommendedAction: "Give the fleet a journal.");
        var log = await RollingUpgradeLog.ReadAsync(journal, rollingUpgrade.Name, cancellationToken);
        var opened = new RollingUpgrade(fleet, journal, hosts, rollingUpgrade, options, time, log) { OpenSince = log.OpenSince };
        return opened.WhyNot() is { } why ? throw why : opened;
    }

    /// <summary>All hosts of the fleet, those with the fewest running VMs first: most VMs then move to hosts that are upgraded.</summary>
    public static async Task<IReadOnlyList<KumoiConnection>> FewestVMsFirstAsync(Fleet fleet, CancellationToken cancellationToken)
    {
        var hosts = new List<(KumoiConnection Host, int VMs)>();
        await foreach (var outcome in fleet.ReadHostsAsync(fleet.Hosts, cancellationToken))
        {
            // One that cannot be read comes last, and fails then if it still cannot.
            hosts.Add((outcome.Element, outcome.Succeeded ? outcome.Result.RunningVMCount : int.MaxValue));
        }

        return [.. hosts.OrderBy(pair => pair.VMs).Select(pair => pair.Host)];
    }

    /// <summary>Whether an earlier run of it has upgraded the host.</summary>
    public bool IsDone(KumoiConnection host) => _log.StepOf(host) is RollingUpgradeStep.Done;

    /// <summary>Upgrades one host, or goes on with it. A failure is in the result, and leaves the host in maintenance.</summary>
    /// <returns>The result, and the failure; null: it is upgraded.</returns>
    /// <exception cref="OperationCanceledException">The host stays in maintenance, and its VMs where they are whole.</exception>
    /// <exception cref="HypervisorException">InvalidState: another session has begun it meanwhile, or has taken it over.</exception>
    /// <exception cref="JournalException">The journal cannot be written: nothing was begun.</exception>
    public async Task<(KumoiHostUpdate Update, Exception? Failure)> UpdateAsync(KumoiConnection host, CancellationToken cancellationToken)
    {
        // Also the maintenance of the host, and the moves, are where the upgrade is, whatever its script sets.
        _journal.Keep(_log.Journal);
        await BeginAsync(cancellationToken);
        var turn = new Turn(host, _time.GetUtcNow());
        Exception? failure = null;
        try
        {
            await UpdateAsync(turn, cancellationToken);
        }
        catch (Exception e) when (e is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            failure = e;
            if (turn.UnderWay is { } step)
            {
                turn.Steps.Add(step with { State = PlanStepState.Failed, Error = e.Message });
            }
        }

        return (
            new KumoiHostUpdate
            {
                VMHost = host.Name,
                RollingUpgrade = _rollingUpgrade.Name,
                State = failure is null ? HostUpdateState.Updated : HostUpdateState.Failed,
                Steps = [.. turn.Steps.Select((step, i) => step with { Order = i + 1 })],
                Output = turn.Output,
                Error = failure?.Message,
                StartedAt = turn.StartedAt,
                EndedAt = _time.GetUtcNow(),
            },
            failure);
    }

    /// <summary>
    /// What would be done with the hosts that are not done yet, by what is known now. A VM for which there is no room is a step that has
    /// failed: it ends the plan, as it would end the upgrade.
    /// </summary>
    /// <exception cref="HypervisorException">A host whose turn it is could not be read.</exception>
    public Task<IReadOnlyList<KumoiPlanStep>> PlanAsync(CancellationToken cancellationToken) =>
        new RollingUpgradePlan(_fleet, Hosts, _rollingUpgrade, _options, _log, TierOf).MakeAsync(cancellationToken);

    /// <summary>
    /// Ends this run, however it went: it is complete if all its hosts are done, also those of earlier runs; else it waits for the next.
    /// </summary>
    /// <returns>The hosts that are not done, by their names, or by their URIs where they are not connected; none: it is complete.</returns>
    public async Task<IReadOnlyList<string>> EndAsync()
    {
        var names = _fleet.Hosts.ToLookup(host => host.Identity, host => host.Name, StringComparer.Ordinal);
        var unfinished = _log.Unfinished(_fleet.Hosts).Select(identity => names[identity].FirstOrDefault(identity)).ToList();
        if (!_isBegun && (OpenSince is null || unfinished.Count > 0))
        {
            return unfinished;
        }

        try
        {
            await (unfinished.Count == 0 ? _log.CompleteAsync() : _log.PauseAsync());
        }
        catch (JournalException)
        {
            // It stays open; the next run finds all its hosts done, and ends it.
        }
        finally
        {
            _isBegun = false;
            UnderWay.TryRemove((_journal, _rollingUpgrade.Name), out _);
        }

        return unfinished;
    }

    private static HypervisorException IsUnderWay(string what, string where, string advice) => new(
        $"{what} is under way in {where}.", error: HypervisorError.InvalidState,
        recommendedAction: $"Wait for its end or stop it there; {advice}.");

    /// <summary>
    /// What keeps this session from beginning, by what the journal has: another one works on it, or, under another name, on one of its
    /// hosts. A session of which nobody can tell whether it runs counts as one that does.
    /// </summary>
    private HypervisorException? WhyNot()
    {
        var hosts = Hosts.Where(host => !IsDone(host)).Select(host => host.Identity).ToHashSet(StringComparer.Ordinal);
        foreach (var (name, other) in _log.All)
        {
            var isThis = string.Equals(name, _rollingUpgrade.Name, StringComparison.Ordinal);
            if (other.Owner is not { } owner
                || !(isThis || other.Steps.Any(step => step.Value is not RollingUpgradeStep.Done && hosts.Contains(step.Key)))
                || !IsWorking(owner, name))
            {
                continue;
            }

            var advice = owner.IsAlive is null ? "if that process does not run any more, say so with -Force"
                : isThis ? "or give this one another name"
                : "or leave its hosts out";
            return IsUnderWay(
                isThis ? $"The rolling upgrade '{name}'" : $"The rolling upgrade '{name}' of the same hosts", $"{owner}", advice);
        }

        return null;
    }

    private bool IsWorking(OperationOwner owner, string name) => owner == OperationOwner.Current
        ? UnderWay.ContainsKey((_journal, name)) && !(_isBegun && string.Equals(name, _rollingUpgrade.Name, StringComparison.Ordinal))
        : owner.IsAlive ?? !_rollingUpgrade.IsOwnerKnownDead;

    private async Task BeginAsync(CancellationToken cancellationToken)
    {
        if (_isBegun)
        {
            return;
        }

        if (!UnderWay.TryAdd((_journal, _rollingUpgrade.Name), true))
        {
            throw IsUnderWay($"The rolling upgrade '{_rollingUpgrade.Name}'", "this session", "or give this one another name");
        }

        try
        {
            _isBegun = true;
            await _log.BeginAsync(Hosts, WhyNot, cancellationToken);
        }
        catch
        {
            _isBegun = false;
            UnderWay.TryRemove((_journal, _rollingUpgrade.Name), out _);
            throw;
        }
    }

    private async Task StepAsync(KumoiConnection host, RollingUpgradeStep step, string message)
    {
        if (!await _log.StepAsync(host, step, message))
        {
            throw new HypervisorException(
                $"The rolling upgrade '{_rollingUpgrade.Name}' was taken over by another session: this one does nothing more.",
                error: HypervisorError.InvalidState,
                recommendedAction: "Get-KumoiEvent -Kind RollingUpgrade shows which one it is.");
        }
    }

    private async Task UpdateAsync(Turn turn, CancellationToken cancellationToken)
    {
        var host = turn.Host;
        if (_log.StepOf(host) < RollingUpgradeStep.Ran)
        {
            await StepAsync(host, RollingUpgradeStep.Upgrading, $"{host.Name} is being upgraded.");
            await DoAsync(
                turn, PlanAction.SuspendHost, token => HostMaintenance.SuspendAsync(host, _rollingUpgrade.Name, token), cancellationToken);
            await EvacuateAsync(turn, cancellationToken);
            var empty = await ReadEmptyAsync(host, cancellationToken);
            turn.Output = await DoAsync(turn, PlanAction.RunScript, token => _rollingUpgrade.Script(empty, token), cancellationToken);
            await StepAsync(host, RollingUpgradeStep.Ran, $"The script has run on {host.Name}.");
        }

        if (_log.StepOf(host) < RollingUpgradeStep.Verified)
        {
            await DoAsync(turn, PlanAction.VerifyHost, token => VerifyAsync(host, token), cancellationToken);
            await StepAsync(host, RollingUpgradeStep.Verified, $"{host.Name} is verified.");
        }

        var stay = await MaintenanceStay.ReadAsync(host, cancellationToken);
        // An admin who has put it into maintenance before has reasons of his own.
        if (stay?.RollingUpgrade is not null)
        {
            await DoAsync(turn, PlanAction.ResumeHost, token => HostMaintenance.ResumeAsync(host, token), cancellationToken);
            if (_rollingUpgrade.ReturnVMs)
            {
                await ReturnAsync(turn, stay, cancellationToken);
            }
        }

        await StepAsync(host, RollingUpgradeStep.Done, $"{host.Name} is upgraded.");
    }

    private async Task EvacuateAsync(Turn turn, CancellationToken cancellationToken)
    {
        var evacuation = new Evacuation(_fleet, turn.Host, _fleet.Hosts, host =>
            TierOf(turn.Host, host.Connection), _rollingUpgrade.Limits, _options)
        {
            Time = _time,
        };
        await RunAsync(turn, evacuation, static _ => true, cancellationToken);
    }

    private async Task ReturnAsync(Turn turn, MaintenanceStay stay, CancellationToken cancellationToken)
    {
        var homecoming = new VMReturn(_fleet, turn.Host, _fleet.Hosts, stay, _rollingUpgrade.Limits, _options) { Time = _time };
        // A VM whose room was taken meanwhile runs well where it is. One that cannot be moved to the upgraded host says something about
        // that.
        await RunAsync(turn, homecoming, static failure =>
            failure is not HypervisorException { Error: HypervisorError.ResourceUnavailable }, cancellationToken);
    }

    /// <summary>All moves, and then the first failure that counts.</summary>
    private async Task RunAsync(Turn turn, HostMoves moves, Func<Exception, bool> counts, CancellationToken cancellationToken)
    {
        Exception? first = null;
        foreach (var outcome in await moves.RunAsync(_rollingUpgrade.Begun, cancellationToken))
        {
            turn.Steps.Add(outcome.Succeeded ? outcome.Result : outcome.Element);
            first ??= outcome.Error is { } error && counts(error) ? error : null;
        }

        if (first is not null)
        {
            throw first;
        }
    }

    /// <summary>Where VMs of the one host are better put: lower is better.</summary>
    private int TierOf(KumoiConnection source, KumoiConnection target)
    {
        // One that is not in the upgrade, or not any more, is not emptied: the VM moves only once.
        var turns = Hosts.ToList();
        return _log.StepOf(target) is RollingUpgradeStep.Done ? 0
            : !turns.Contains(target) && !_log.Has(target) ? 1
            : 2 + turns.Count - turns.IndexOf(target);
    }

    /// <summary>The script may switch the host off: nothing that runs may be left, whatever moves have reported.</summary>
    private static async Task<KumoiHost> ReadEmptyAsync(KumoiConnection host, CancellationToken cancellationToken)
    {
        var now = await FleetReads.ReadHostAsync(host, cancellationToken);
        return !now.IsMasked && !now.VMs.Any(vm => vm.State.HoldsHost())
            ? now
            : throw new HypervisorException(
                $"{host.Name} is not empty: {string.Join(", ", now.VMs.Where(vm => vm.State.HoldsHost()))}.",
                FaultDomain.Host, error: HypervisorError.InvalidState, recommendedAction: "Move or stop these VMs, and run it again.");
    }

    private async Task<bool> VerifyAsync(KumoiConnection host, CancellationToken cancellationToken)
    {
        if (await new HostVerification(_rollingUpgrade, _time).WhyNotAsync(host, cancellationToken) is not { } why)
        {
            return true;
        }

        if (why.InnerException is not HypervisorException)
        {
            // The host answers, and is not what the script should have made of it: next time the script is run again.
            await StepAsync(host, RollingUpgradeStep.Upgrading, $"{host.Name} is not what it should be.");
        }

        throw why;
    }

    private async Task<T> DoAsync<T>(
        Turn turn, PlanAction action, Func<CancellationToken, Task<T>> act, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        turn.UnderWay = RollingUpgradePlan.StepOf(turn.Host, action, _rollingUpgrade.Name);
        _rollingUpgrade.Begun?.Invoke(turn.UnderWay);
        var result = await act(cancellationToken);
        turn.Steps.Add(turn.UnderWay with { State = PlanStepState.Done });
        turn.UnderWay = null;
        return result;
    }

    /// <summary>What is done with one host.</summary>
    private sealed class Turn(KumoiConnection host, DateTimeOffset startedAt)
    {
        public KumoiConnection Host => host;

        public DateTimeOffset StartedAt => startedAt;

        public List<KumoiPlanStep> Steps { get; } = [];

        public IReadOnlyList<object> Output { get; set; } = [];

        public KumoiPlanStep? UnderWay { get; set; }
    }
}
