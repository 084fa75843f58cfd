namespace Kumoi.Hypervisors.Libvirt.Native;

/// <summary>Tells that a connection was lost. Holds no reference on the connection, which can so be collected.</summary>
internal sealed class LossNotice
{
    private readonly TaskCompletionSource<object> _lost = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes with the <see cref="ConnectionLoss"/> when the connection is lost.</summary>
    public Task<object> Lost => _lost.Task;

    public void Post(ConnectionLoss reason) => _lost.TrySetResult(reason);
}
