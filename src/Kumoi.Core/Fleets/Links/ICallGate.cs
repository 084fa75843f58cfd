namespace Kumoi.Fleets.Links;

/// <summary>Bounds the calls that are under way.</summary>
public interface ICallGate
{
    /// <summary>Waits for a place.</summary>
    Task EnterAsync(CancellationToken cancellationToken);

    /// <summary>Gives it back, once.</summary>
    void Leave();
}
