using System.Runtime.CompilerServices;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.Tests.Fleets;

/// <summary>
/// A link whose calls wait until the test lets them end, and which counts them. Only reads, whereabouts, starts and migrations are there.
/// </summary>
internal sealed class GateLink(GateDriver driver, HostAddress address) : IHypervisorLink
{
    public string Uri => address.Uri;

    public string HostName => driver.ReportedName ?? address.ExpectedName;

    public bool IsClosed { get; private set; }

    public async ValueTask<T> SendAsync<T>(HostCall<T> call, CancellationToken cancellationToken)
    {
        await driver.CallAsync(HostName, cancellationToken);
        object result = call switch
        {
            ReadHost => new HostReading { CapturedAt = ManualTime.Start, HostName = HostName, HypervisorType = "Gate" },
            StartVM => default(Done),
            ReadWhereabouts => VMWhereabouts.Absent,
            MigrateVM migration => new VMReading { CapturedAt = ManualTime.Start, Id = migration.Id, Name = migration.Target.HostName },
            _ => throw new NotSupportedException(call.Name),
        };
        return (T)result;
    }

    public async IAsyncEnumerable<VMLifecycleEvent> WatchAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await driver.CallAsync(HostName, cancellationToken);
        yield break;
    }

    public ValueTask DisposeAsync()
    {
        IsClosed = true;
        return ValueTask.CompletedTask;
    }
}
