namespace Kumoi.Fleets.Links;

/// <summary>A place among the calls under way. It is to be disposed once.</summary>
public readonly struct CallPlace : IDisposable
{
    private readonly SemaphoreSlim _first;
    private readonly SemaphoreSlim? _second;

    internal CallPlace(SemaphoreSlim first, SemaphoreSlim? second = null)
    {
        _first = first;
        _second = second;
    }

    public void Dispose()
    {
        _first.Release();
        _second?.Release();
    }
}
