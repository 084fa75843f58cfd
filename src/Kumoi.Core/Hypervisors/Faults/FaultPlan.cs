namespace Kumoi.Hypervisors.Faults;

/// <summary>All fault rules of a session. The first rule that matches a call, has begun and is not spent hits it. Safe for concurrent use.</summary>
public sealed class FaultPlan(Random random, TimeProvider time)
{
    private readonly Lock _gate = new();
    private readonly List<Entry> _rules = [];
    private int _lastId;
    private volatile bool _any;

    /// <summary>Cheap: without rules, links pay nothing.</summary>
    public bool IsEmpty => !_any;

    internal TimeProvider Time => time;

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
    internal FaultRule? Hit(FaultOperation operation, string host, string? otherHost, string? vm)
    {
        lock (_gate)
        {
            foreach (var entry in _rules)
            {
                var rule = entry.Rule;
                if ((rule.Operation == FaultOperation.Any || rule.Operation == operation)
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

    /// <summary>Applies the rule that hits, if any, around a call.</summary>
    internal async Task<T> RunAsync<T>(
        FaultOperation operation, string host, string? otherHost, string? vm, Func<Task<T>> call, CancellationToken cancellationToken)
    {
        if (Hit(operation, host, otherHost, vm) is not { } rule)
        {
            return await call();
        }

        if (rule.Delay > TimeSpan.Zero)
        {
            await Task.Delay(rule.Delay, time, cancellationToken);
        }

        if (rule.OnlyDelays)
        {
            return await call();
        }

        if (rule.OutcomeUnknown)
        {
            await call();
        }

        throw new HypervisorException(
            rule.Message,
            rule.FaultDomain,
            rule.IsTransient,
            outcomeUnknown: rule.OutcomeUnknown,
            error: operation is FaultOperation.Connect ? HypervisorError.ConnectionFailed : HypervisorError.Other,
            recommendedAction: $"This is injected fault {rule.Id} (Add-KumoiFault): remove it with 'Clear-KumoiFault -Id {rule.Id}'.");
    }

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
