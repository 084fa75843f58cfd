namespace Kumoi.Hypervisors.Libvirt.Native;

/// <summary>libvirt's event loop: registered once, before the first connection is opened, and run by one thread for ever.</summary>
internal static class EventLoop
{
    /// <summary>Called once, by <see cref="LibvirtLibrary"/>.</summary>
    public static void Start()
    {
        if (NativeEvents.virEventRegisterDefaultImpl() != 0)
        {
            var failure = NativeError.Last();
            throw new HypervisorException(
                $"Cannot start libvirt's event loop: {failure.Message.TrimEnd('.', ' ', '\n')}.", nativeCode: (int)failure.Code,
                recommendedAction: "Start a new pwsh; if it fails there too, reinstall libvirt's client library.");
        }

        new Thread(Run) { IsBackground = true, Name = "kumoi-libvirt-events" }.Start();
    }

    /// <summary>
    /// Completes when every callback that ran or was due when it was called is over. libvirt drops a deregistered callback's
    /// reference on its connection only then.
    /// </summary>
    public static Task PassAsync()
    {
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        return NativeEvents.PostToLoop(reached) ? reached.Task : Task.CompletedTask;
    }

    private static void Run()
    {
        // A round fails only if poll() does, for example for lack of memory; the next one may do.
        while (true)
        {
            if (NativeEvents.virEventRunDefaultImpl() != 0)
            {
                Thread.Yield();
            }
        }
    }
}
