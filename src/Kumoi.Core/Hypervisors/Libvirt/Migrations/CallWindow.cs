namespace Kumoi.Hypervisors.Libvirt.Migrations;

/// <summary>
/// Is open while a migration's call runs. Aborts go through it, since one that went out later would hit another job of the VM, and so do
/// reports of the progress, which nobody expects later. What does not get as far as that, because the host is silent, is not waited for.
/// </summary>
internal sealed class CallWindow
{
    private readonly Lock _gate = new();
    private readonly TaskCompletionSource _empty = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _inside;
    private bool _isClosed;

    /// <summary>Does something, if the window is open.</summary>
    public void Pass(Action act)
    {
        lock (_gate)
        {
            if (_isClosed)
            {
                return;
            }

            _inside++;
        }

        try
        {
            act();
        }
        finally
        {
            lock (_gate)
            {
                _inside--;
                CompleteIfOver();
            }
        }
    }

    /// <summary>Lets nothing through any more, and waits for what is.</summary>
    public Task CloseAsync()
    {
        lock (_gate)
        {
            _isClosed = true;
            CompleteIfOver();
        }

        return _empty.Task;
    }

    private void CompleteIfOver()
    {
        if (_isClosed && _inside == 0)
        {
            _empty.TrySetResult();
        }
    }
}
