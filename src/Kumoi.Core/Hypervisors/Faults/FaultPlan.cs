namespace Kumoi.Hypervisors.Faults;

/// <summary>
/// All fault rules of a session. The first rule that matches a call, has begun and is not spent hits it. Safe for concurrent use.
/// </summary>
public sealed class FaultPlan(Random random, TimeProvider time)
{
    private readonly Lock _gate = new();
    private readonly List<Entry> _rules = [];
    private int _lastId;
    private volatile bool _any;

    /// <summary>Cheap: without rules, links pay nothing.</summary>
    public bool IsEmpty => !_any;

    public FaultRule Add(FaultRule rule)
    {
        lock (_gate)
        {
            rule = rule with { Id = ++_lastId };
            _rules.Add(new Entry(rule));
            _any = true;
            return rule;
        }
    }

    /// <summary>The rules in the order in which they were added, with how often each has hit.</summary>
    public IReadOnlyList<(FaultRule Rule, int Hits)> Rules
    {
        get
        {
            lock (_gate)
            {
                return [.. _rules.Select(entry => (entry.Rule, entry.Hits))];
            }
        }
    }

    /// <summary>Returns false if there is no such rule.</summary>
    public bool Remove(int id)
    {
        lock (_gate)
        {
            var removed = _rules.RemoveAll(entry => entry.Rule.Id == id) > 0;
            _any = _rules.Count > 0;
            return removed;
        }
    }

    /// <summary>The rule that hits this call, or null; counts the hit.</summary>
    /// <param name="operation">The call's group.</param>
    /// <param name="call">The call's name; null: it has none.</param>
    /// <param name="host">The host that is called.</param>
    /// <param name="otherHost">The second host that is concerned.</param>
    /// <param name="vm">The VM that is concerned.</param>
    internal FaultRule? Hit(string operation, string? call, string host, string? otherHost, string? vm)
    {
        lock (_gate)
        {
            foreach (var entry in _rules)
            {
                var rule = entry.Rule;
                if ((rule.Operation is FaultOperation.Any || IsNamed(rule, operation) || IsNamed(rule, call))
                    && (rule.Count is not { } count || entry.Hits < count)
                    && (rule.HostMatches(host) || (otherHost is not null && rule.HostMatches(otherHost)))
                    && (rule.VMMatches is not { } matches || (vm is not null && matches(vm)))
                    && !entry.LetsPass()
                    && (rule.Probability >= 1 || random.NextDouble() < rule.Probability))
                {
                    entry.Hits++;
                    return rule;
                }
            }

            return null;
        }
    }

    internal bool NeedsVMNames
    {
        get
        {
            lock (_gate)
            {
                return _rules.Exists(entry => entry.Rule.VMMatches is not null);
            }
        }
    }

    /// <summary>Applies the rule that hits, if any, to the opening of a link.</summary>
    internal Task<T> OpenAsync<T>(string host, Func<Task<T>> open, CancellationToken cancellationToken) =>
        IsEmpty ? open() : HitOpeningAsync(host, open, cancellationToken);

    private async Task<T> HitOpeningAsync<T>(string host, Func<Task<T>> open, CancellationToken cancellationToken)
    {
        if (Hit(FaultOperation.Connect, call: null, host, otherHost: null, vm: null) is not { } rule)
        {
            return await open();
        }

        await HoldAsync(rule, cancellationToken);
        if (!rule.OnlyDelays)
        {
            throw Failure(rule, HypervisorError.ConnectionFailed);
        }

        return await open();
    }

    internal Task HoldAsync(FaultRule rule, CancellationToken cancellationToken) =>
        rule.Delay > TimeSpan.Zero ? Task.Delay(rule.Delay, time, cancellationToken) : Task.CompletedTask;

    internal static HypervisorException Failure(FaultRule rule, HypervisorError error) => new(
        rule.Message, rule.FaultDomain, rule.IsTransient, outcomeUnknown: rule.OutcomeUnknown, error,
        recommendedAction: $"This is injected fault {rule.Id} (Add-KumoiFault): remove it with 'Clear-KumoiFault -Id {rule.Id}'.");

    private static bool IsNamed(FaultRule rule, string? name) => string.Equals(rule.Operation, name, StringComparison.OrdinalIgnoreCase);

    /// <summary>A rule, and what has come of it. Guarded by the plan's gate.</summary>
    private sealed class Entry(FaultRule rule)
    {
        private int _passed;

        public FaultRule Rule => rule;

        public int Hits { get; set; }

        /// <summary>Whether a call that matches is one of the first, which pass; counts it.</summary>
        public bool LetsPass()
        {
            if (_passed >= rule.After)
            {
                return false;
            }

            _passed++;
            return true;
        }
    }
}
