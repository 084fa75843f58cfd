using System.Collections.Concurrent;
using System.Threading.Channels;
using Kumoi.Hypervisors;

namespace Kumoi.Tests.Fleets;

/// <summary>Opens <see cref="GateLink"/>s: <c>gate://a,b,c</c> is the hosts a, b and c.</summary>
internal sealed class GateDriver : IHypervisorDriver
{
    private readonly Channel<TaskCompletionSource> _waiting = Channel.CreateUnbounded<TaskCompletionSource>();
    private readonly ConcurrentDictionary<string, int> _under = new();
    private readonly Lock _gate = new();

    public string Name => "gate";

    public bool IsSimulated => true;

    /// <summary>What hosts call themselves; null: as they are expected to.</summary>
    public string? ReportedName { get; init; }

    /// <summary>
    /// The failures of the next calls, in order; null lets one through. Calls beyond wait for <see cref="LetOneEndAsync"/>, or end at once.
    /// </summary>
    public ConcurrentQueue<Exception?> Script { get; } = new();

    /// <summary>The failures of the next openings.</summary>
    public ConcurrentQueue<Exception?> Openings { get; } = new();

    public bool HoldsCalls { get; set; }

    public List<GateLink> Opened { get; } = [];

    public int Calls { get; private set; }

    public int MostOnOneHost { get; private set; }

    public int MostAtOnce { get; private set; }

    public bool Handles(string uri) => uri.StartsWith("gate://", StringComparison.Ordinal);

    public IReadOnlyList<HostAddress> Resolve(string uri) =>
        [.. uri["gate://".Length..].Split(',').Select(name => new HostAddress("gate://" + name, name))];

    public Task<IHypervisorLink> OpenAsync(HostAddress address, CancellationToken cancellationToken)
    {
        if (Openings.TryDequeue(out var failure) && failure is not null)
        {
            throw failure;
        }

        var link = new GateLink(this, address);
        lock (_gate)
        {
            Opened.Add(link);
        }

        return Task.FromResult<IHypervisorLink>(link);
    }

    /// <summary>Waits until a call waits, and lets the first of them end.</summary>
    public async Task LetOneEndAsync() => (await _waiting.Reader.ReadAsync()).TrySetResult();

    /// <summary>Waits until a call waits.</summary>
    public async Task CallWaitsAsync() => await _waiting.Reader.WaitToReadAsync();

    public async Task CallAsync(string host, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            Calls++;
            MostOnOneHost = Math.Max(MostOnOneHost, _under.AddOrUpdate(host, 1, (_, count) => count + 1));
            MostAtOnce = Math.Max(MostAtOnce, _under.Values.Sum());
        }

        try
        {
            if (Script.TryDequeue(out var failure))
            {
                if (failure is not null)
                {
                    throw failure;
                }
            }
            else if (HoldsCalls)
            {
                var turn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                _waiting.Writer.TryWrite(turn);
                await turn.Task.WaitAsync(cancellationToken);
            }
        }
        finally
        {
            lock (_gate)
            {
                _under.AddOrUpdate(host, 0, (_, count) => count - 1);
            }
        }
    }
}
