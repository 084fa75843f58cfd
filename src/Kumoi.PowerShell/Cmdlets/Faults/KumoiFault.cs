using Kumoi.Hypervisors.Faults;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>An injected fault as Get-KumoiFault shows it.</summary>
public sealed class KumoiFault
{
    internal KumoiFault(FaultRule rule, int hits)
    {
        Rule = rule;
        Hits = hits;
    }

    public int Id => Rule.Id;

    public string VMHost => Rule.HostPattern;

    public string Operation => Rule.Operation;

    public string? VM => Rule.VMPattern;

    /// <summary>How many calls that match pass before it begins to hit.</summary>
    public int After => Rule.After;

    public int? Count => Rule.Count;

    /// <summary>How many calls it has hit.</summary>
    public int Hits { get; }

    public double Probability => Rule.Probability;

    public string? Message => Rule.OnlyDelays ? null : Rule.Message;

    public FaultDomain FaultDomain => Rule.FaultDomain;

    public bool IsTransient => Rule.IsTransient;

    public bool OutcomeUnknown => Rule.OutcomeUnknown;

    public TimeSpan Delay => Rule.Delay;

    private FaultRule Rule { get; }

    public override string ToString() => $"{Operation} on {VMHost}";
}
