using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.Tests.FailureOblivious;

/// <summary>A link whose calls have succeeded at once, with the same result each time: it allocates nothing.</summary>
internal sealed class ReadyLink : IHypervisorLink
{
    private static readonly HostReading Host = new() { CapturedAt = ManualTime.Start, HostName = "kvm01", HypervisorType = "Ready" };
    private static readonly VMReading VM = new() { CapturedAt = ManualTime.Start, Id = Guid.Empty, Name = "web" };
    private static readonly IReadOnlyList<VMReading> VMs = [VM];

    public string Uri => "ready:";

    public string HostName => "kvm01";

    public ValueTask<T> SendAsync<T>(HostCall<T> call, CancellationToken cancellationToken)
    {
        if (typeof(T).IsValueType)
        {
            return new ValueTask<T>(default(T)!);
        }

        object result = call switch
        {
            ReadHost => Host,
            ReadVMs => VMs,
            FindVM or FindVMByName or DefineVM or MigrateVM => VM,
            ReadXml => "<domain/>",
            _ => throw new NotSupportedException(call.Name),
        };
        return new ValueTask<T>((T)result);
    }

    public IAsyncEnumerable<VMLifecycleEvent> WatchAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
