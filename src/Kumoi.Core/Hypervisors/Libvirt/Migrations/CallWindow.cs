namespace Kumoi.Hypervisors.Libvirt.Migrations;

/// <summary>
/// Is open while a migration's call runs. Aborts go through it, since one that went out later would hit another job of the VM, and so do
/// reports of the progress, which nobody expects later. What does not get as far as that, because the host is silent, is not waited for.
/// </summary>
internal sealed class CallWindow
{
    private readonly Lock gate = new();
    private readonly TaskCompletionSource empty = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int inside;
    private bool isClosed;

    /// <summary>Does something, if the window is open.</summary>
    public void Pass(Action act)
    {
        lock (gate)
        {
            if (isClosed)
            {
                return;
            }

            inside++;
        }

        try
        {
            act();
        }
        finally
        {
            lock (gate)
            {
                inside--;
                CompleteIfOver();
            }
        }
    }

    /// <summary>Lets nothing through any more, and waits for what is.</summary>
    public Task CloseAsync()
    {
        lock (gate)
        {
            isClosed = true;
            CompleteIfOver();
        }

        return empty.Task;
    }

    private void CompleteIfOver()
    {
        if (isClosed && inside == 0)
        {
            empty.TrySetResult();
        }
    }
}
