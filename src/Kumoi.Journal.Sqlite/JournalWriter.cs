using System.Threading.Channels;

namespace Kumoi.Journal.Sqlite;

/// <summary>
/// The one thread that appends. While it waits for the disk others queue up, and all that waits goes into its next transaction: a hundred
/// appends at once cost a few waits for the disk.
/// </summary>
internal sealed class JournalWriter(JournalFile file, Action committed)
{
    private const int MaxWaiting = 4096;
    private const int MaxBatch = 1024;

    private readonly Channel<JournalWrite> _waiting = Channel.CreateBounded<JournalWrite>(
        new BoundedChannelOptions(MaxWaiting) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });

    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _gate = new();
    private Thread? _thread;
    private AppendConnection? _connection;

    /// <summary>How many transactions were committed.</summary>
    public long Commits { get; private set; }

    public async Task<long> AppendAsync(Func<AppendConnection, long> apply, CancellationToken cancellationToken)
    {
        Start();
        var write = new JournalWrite(apply);
        try
        {
            await _waiting.Writer.WriteAsync(write, cancellationToken);
        }
        catch (ChannelClosedException e)
        {
            throw new ObjectDisposedException("The journal is closed.", e);
        }

        await using var cancel = cancellationToken.UnsafeRegister(
            static (state, token) => ((JournalWrite)state!).Cancel(token), write);
        return await write.Task;
    }

    /// <summary>Appends what waits, and closes the file.</summary>
    public Task CloseAsync()
    {
        lock (_gate)
        {
            _waiting.Writer.TryComplete();
            if (_thread is null)
            {
                _ended.TrySetResult();
            }
        }

        return _ended.Task;
    }

    private void Start()
    {
        if (Volatile.Read(ref _thread) is not null)
        {
            return;
        }

        lock (_gate)
        {
            if (_thread is null && !_ended.Task.IsCompleted)
            {
                _thread = new Thread(Run) { IsBackground = true, Name = "Kumoi journal" };
                _thread.Start();
            }
        }
    }

    private void Run()
    {
        var batch = new List<JournalWrite>();
        while (_waiting.Reader.WaitToReadAsync().AsTask().GetAwaiter().GetResult())
        {
            batch.Clear();
            while (batch.Count < MaxBatch && _waiting.Reader.TryRead(out var write))
            {
                if (write.TryTake())
                {
                    batch.Add(write);
                }
            }

            if (batch.Count > 0)
            {
                Append(batch);
            }
        }

        Close();
        _ended.TrySetResult();
    }

    private void Append(List<JournalWrite> batch)
    {
        try
        {
            if (!file.Exists)
            {
                // Deleted or moved away under the open connection, which would go on writing to what nobody will read.
                Close();
            }

            _connection ??= new AppendConnection(file.OpenToAppend());
            _connection.Begin();
            batch.RemoveAll(write => !TryApply(write, _connection));
            _connection.Commit();
            Commits++;
        }
        catch (Exception e)
        {
            // Opened again by the next batch: the admin may have mended it meanwhile. Closing rolls back.
            Close();
            var failure = JournalFailures.IsOfTheFile(e) ? JournalFailures.Translate(file.Path, e) : e;
            batch.ForEach(write => write.Failed(failure));
            return;
        }

        batch.ForEach(write => write.Committed());
        committed();
    }

    /// <summary>False: it failed by itself, and left nothing in the transaction. What fails all of them is thrown.</summary>
    private bool TryApply(JournalWrite write, AppendConnection connection)
    {
        try
        {
            write.Apply(connection);
            return true;
        }
        catch (Exception e) when (JournalFailures.IsOfOneRecord(e))
        {
            write.Failed(JournalFailures.IsOfTheFile(e) ? JournalFailures.Translate(file.Path, e) : e);
            return false;
        }
    }

    private void Close()
    {
        try
        {
            _connection?.Dispose();
        }
        catch (Exception e) when (JournalFailures.IsOfTheFile(e))
        {
            // What was committed is in the file or in its log; the next to open it takes it in.
        }

        _connection = null;
    }
}
