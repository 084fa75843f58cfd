namespace Kumoi.Fleets.Journaling;

/// <summary>One change of which it is not known, or not yet, whether it has taken effect.</summary>
/// <param name="operation">The operation that it is of.</param>
/// <param name="host">The host that was asked.</param>
/// <param name="what">The change, with the VM and the host, as a person reads it.</param>
internal sealed class OpenOutcome(Guid operation, string host, string what)
{
    private string? _why;

    /// <summary>Raised once, when it has become known what became of the change.</summary>
    public event Action<OpenOutcome>? Closed;

    public Guid Operation => operation;

    public string VMHost => host;

    /// <summary>Why it is not known; null: the call is still under way.</summary>
    public string? Why => Volatile.Read(ref _why);

    /// <summary>The call has ended, and nobody knows how.</summary>
    public void Leave(string? why) => Volatile.Write(ref _why, why ?? "");

    /// <summary>It is known what became of it.</summary>
    public void Close() => Closed?.Invoke(this);

    public override string ToString() => Why switch
    {
        null => $"{what} is still under way",
        "" => $"{what} may have taken effect",
        var why => $"{what} may have taken effect: {why}",
    };
}
