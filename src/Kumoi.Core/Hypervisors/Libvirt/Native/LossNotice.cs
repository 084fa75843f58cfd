namespace Kumoi.Hypervisors.Libvirt.Native;

/// <summary>Tells that a connection was lost. Holds no reference on the connection, which can so be collected.</summary>
internal sealed class LossNotice
{
    private readonly TaskCompletionSource<int> lost = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes with libvirt's virConnectCloseReason when the connection is lost.</summary>
    public Task<int> Lost => lost.Task;

    public void Post(int reason) => lost.TrySetResult(reason);
}
