using System.Text.Json;
using System.Text.Json.Nodes;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.Tests.FaultTolerance.Engines.LogReplay;

/// <summary>What a QEMU that records or replays says, as fast as a test lets it. It takes commands, and has no guest.</summary>
internal sealed class ScriptedQemu : IHypervisorLink
{
    private readonly Lock _lock = new();
    private long _count;
    private long _break = long.MaxValue;
    private bool _isRunning;
    private int _asked;

    public string Uri => "test:///";

    public string HostName => "k1";

    /// <summary>How many instructions it carries out from one question to the next while it runs.</summary>
    public int Pace { get; init; }

    /// <summary>So many of the next commands fail, and have no effect.</summary>
    public Dictionary<string, int> Failures { get; } = [];

    /// <summary>How often it was asked where it is.</summary>
    public int Asked => Volatile.Read(ref _asked);

    public long Count => Volatile.Read(ref _count);

    public bool IsRunning
    {
        get => Volatile.Read(ref _isRunning);
        set => Volatile.Write(ref _isRunning, value);
    }

    public ValueTask<T> SendAsync<T>(HostCall<T> call, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (_lock)
        {
            return new ValueTask<T>((T)(object)Answer((QemuCommand)(object)call));
        }
    }

    public IAsyncEnumerable<VMLifecycleEvent> WatchAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private JsonElement Answer(QemuCommand command)
    {
        if (Failures.GetValueOrDefault(command.Command) is > 0 and var left)
        {
            Failures[command.Command] = left - 1;
            throw new HypervisorException(
                $"{HostName} does not answer.", FaultDomain.Host, isTransient: true, error: HypervisorError.TimedOut);
        }

        switch (command.Command)
        {
            case "query-replay":
                _asked++;
                if (_isRunning)
                {
                    _count = Math.Min(_count + Pace, _break);
                    _isRunning = _count < _break;
                }

                return JsonSerializer.SerializeToElement(new JsonObject { ["icount"] = _count });
            case "query-status":
                if (_isRunning)
                {
                    _count = Math.Min(_count + Pace, _break);
                    _isRunning = _count < _break;
                }

                return JsonSerializer.SerializeToElement(new JsonObject { ["running"] = _isRunning });
            case "replay-break":
                _break = (long)command.Arguments!["icount"]!;
                break;
            case "cont":
                _isRunning = true;
                break;
            case "stop":
                _isRunning = false;
                break;
            default:
                throw new NotSupportedException(command.Command);
        }

        return JsonSerializer.SerializeToElement(new JsonObject());
    }
}
