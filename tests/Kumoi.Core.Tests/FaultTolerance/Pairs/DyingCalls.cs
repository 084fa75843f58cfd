using Kumoi.Fleets.Links;
using Kumoi.Hypervisors;

namespace Kumoi.Tests.FaultTolerance.Pairs;

/// <summary>
/// The calls of a process that is killed at a call that changes something: from there on nothing of it reaches a host any more.
/// </summary>
internal sealed class DyingCalls(ICallPolicyFactory usual) : ICallPolicyFactory, IDisposable
{
    private readonly CancellationTokenSource _death = new();
    private int _left = int.MaxValue;
    private bool _isDone;

    /// <summary>The process is dead.</summary>
    public CancellationToken Death => _death.Token;

    /// <summary>It dies at the n-th call from now on, 1 being the next, before or after it is done.</summary>
    public void DieAt(int call, bool isDone) => (_isDone, _left) = (isDone, call);

    public ICallPolicy ForHost(string host, FleetLimits limits) => new Policy(this, usual.ForHost(host, limits));

    public void Dispose() => _death.Dispose();

    private sealed class Policy(DyingCalls all, ICallPolicy usual) : ICallPolicy
    {
        public async ValueTask<T> RunAsync<TState, T>(
            CallKind kind, ICallGate gate, Func<TState, CancellationToken, ValueTask<T>> call, TState state,
            CancellationToken cancellationToken)
        {
            all.Death.ThrowIfCancellationRequested();
            var isLast = kind is not CallKind.Read && Interlocked.Decrement(ref all._left) == 0;
            if (isLast && !all._isDone)
            {
                await all._death.CancelAsync();
            }

            all.Death.ThrowIfCancellationRequested();
            var result = await usual.RunAsync(kind, gate, call, state, cancellationToken);
            if (isLast)
            {
                await all._death.CancelAsync();
            }

            all.Death.ThrowIfCancellationRequested();
            return result;
        }
    }
}
