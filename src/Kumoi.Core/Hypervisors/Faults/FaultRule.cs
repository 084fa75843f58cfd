namespace Kumoi.Hypervisors.Faults;

/// <summary>Which calls fail, how often, and how.</summary>
public sealed record FaultRule
{
    /// <summary>Set by the plan, 1, 2, ….</summary>
    public int Id { get; init; }

    /// <summary>The host's name matches; for a migration the source's or the target's.</summary>
    public required Func<string, bool> HostMatches { get; init; }

    /// <summary>The pattern that <see cref="HostMatches"/> was made from, for display.</summary>
    public required string HostPattern { get; init; }

    /// <summary>A group of calls (<see cref="FaultOperation"/>), or the name of one call, in any case.</summary>
    public string Operation { get; init; } = FaultOperation.Any;

    /// <summary>Null: whatever the VM, and calls that concern none.</summary>
    public Func<string, bool>? VMMatches { get; init; }

    public string? VMPattern { get; init; }

    /// <summary>So many calls that match pass unharmed before the rule begins to hit, 0 or more.</summary>
    public int After { get; init; }

    /// <summary>After so many hits the rule is spent; null: never.</summary>
    public int? Count { get; init; }

    /// <summary>0..1, drawn for each call that matches.</summary>
    public double Probability { get; init; } = 1;

    public string Message { get; init; } = "injected fault";

    public FaultDomain FaultDomain { get; init; }

    /// <summary>The failure says that the same call may succeed if it is made again, which the fleet then does.</summary>
    public bool IsTransient { get; init; }

    /// <summary>The call takes effect, and is then reported as failed with an unknown outcome.</summary>
    public bool OutcomeUnknown { get; init; }

    /// <summary>The call is held for so long first.</summary>
    public TimeSpan Delay { get; init; }

    /// <summary>The call is only held, and then goes through.</summary>
    public bool OnlyDelays { get; init; }
}
