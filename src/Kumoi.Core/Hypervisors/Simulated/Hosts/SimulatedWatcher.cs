using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace Kumoi.Hypervisors.Simulated.Hosts;

/// <summary>
/// The events that one reader has yet to read. Bounded: what does not fit is replaced by one <see cref="VMLifecycle.Gap"/>.
/// </summary>
internal sealed class SimulatedWatcher
{
    private readonly Channel<VMLifecycleEvent> _events;
    private bool _missedSome;

    public SimulatedWatcher() => _events = Channel.CreateBounded<VMLifecycleEvent>(
        new BoundedChannelOptions(1024) { FullMode = BoundedChannelFullMode.DropOldest }, _ => Volatile.Write(ref _missedSome, true));

    public void Tell(VMLifecycleEvent happened) => _events.Writer.TryWrite(happened);

    /// <summary>Ends the reading with this failure.</summary>
    public void Close(HypervisorException failure) => _events.Writer.TryComplete(failure);

    public async IAsyncEnumerable<VMLifecycleEvent> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var happened in _events.Reader.ReadAllAsync(cancellationToken))
        {
            if (Interlocked.Exchange(ref _missedSome, false))
            {
                yield return new VMLifecycleEvent(happened.At, Guid.Empty, "", VMLifecycle.Gap);
            }

            yield return happened;
        }
    }
}
