namespace Kumoi.Fleets.Links;

/// <summary>Bounds the calls that are under way.</summary>
public interface ICallGate
{
    /// <summary>Waits for a place; disposing it leaves.</summary>
    ValueTask<CallPlace> EnterAsync(CancellationToken cancellationToken);
}
