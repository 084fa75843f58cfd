namespace Kumoi.Journal.Sqlite;

/// <summary>One append that waits for the writer. Cancelled before the writer has taken it, it is not made; after that, it is.</summary>
internal sealed class JournalWrite(Func<AppendConnection, long> apply)
{
    private readonly TaskCompletionSource<long> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _isSettled;
    private long _sequence;

    public Task<long> Task => _done.Task;

    /// <summary>Whether the writer may make it; from then on it cannot be cancelled.</summary>
    public bool TryTake() => Interlocked.Exchange(ref _isSettled, 1) == 0;

    public void Cancel(CancellationToken cancellationToken)
    {
        if (TryTake())
        {
            _done.TrySetCanceled(cancellationToken);
        }
    }

    public void Apply(AppendConnection connection) => _sequence = apply(connection);

    public void Committed() => _done.TrySetResult(_sequence);

    public void Failed(Exception error) => _done.TrySetException(error);
}
