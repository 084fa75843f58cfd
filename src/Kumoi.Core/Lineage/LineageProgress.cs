namespace Kumoi.Lineage;

/// <summary>How far a function got with each element.</summary>
internal sealed class LineageProgress
{
    private State[] _states = [];

    private enum State : byte
    {
        None = 0,
        Begun,
        Done,
    }

    /// <summary>There are so many elements now.</summary>
    public void Reserve(int count)
    {
        if (_states.Length < count)
        {
            Array.Resize(ref _states, count);
        }
    }

    public void Begin(LineageItem item) => _states[item.Index] = State.Begun;

    public void End(LineageItem item) => _states[item.Index] = State.Done;

    /// <summary>What the function did has been undone.</summary>
    public void Forget(LineageItem item) => _states[item.Index] = State.None;

    public bool IsDone(LineageItem item) => Of(item) is State.Done;

    /// <summary>The function was run on it, to the end or not.</summary>
    public bool WasBegun(LineageItem item) => Of(item) is not State.None;

    private State Of(LineageItem item) => item.Index < _states.Length ? _states[item.Index] : State.None;
}
