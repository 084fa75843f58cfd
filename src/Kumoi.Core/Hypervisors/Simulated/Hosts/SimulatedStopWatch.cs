namespace Kumoi.Hypervisors.Simulated.Hosts;

/// <summary>Somebody who is told when a guest stops and goes on.</summary>
internal sealed class SimulatedStopWatch(Guid vm, Action<GuestStop> happened, Action<SimulatedStopWatch> remove) : IAsyncDisposable
{
    public Guid VM => vm;

    public void Tell(GuestStop stop) => happened(stop);

    public ValueTask DisposeAsync()
    {
        remove(this);
        return ValueTask.CompletedTask;
    }
}
