namespace Kumoi.Hypervisors.Libvirt.Native;

/// <summary>Tells that a connection was lost. Holds no reference on the connection, which can so be collected.</summary>
internal sealed class LossNotice
{
    private readonly TaskCompletionSource<int> _lost = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes with libvirt's virConnectCloseReason when the connection is lost.</summary>
    public Task<int> Lost => _lost.Task;

    public void Post(int reason) => _lost.TrySetResult(reason);
}
