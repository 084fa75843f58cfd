using Kumoi.Hypervisors;

namespace Kumoi.Fleets.Links;

/// <summary>Every call goes through the host's policy and throttle, to a link that is opened if need be.</summary>
internal sealed class ResilienceLayer(DriverSlot slot) : LinkLayer
{
    public override ValueTask<T> SendAsync<T>(HostCall<T> call, Next next, CancellationToken cancellationToken) => call switch
    {
        { Kind: CallKind.Step } => next.To(slot.Latest!).SendAsync(call, cancellationToken),
        { OtherHost: HostLink other } => new(SendWithOtherAsync(call, other.Host.Driver, next, cancellationToken)),
        _ => Run(call, next, cancellationToken),
    };

    /// <summary>Another host that cannot be reached fails here, as that host, before this one's policy sees anything.</summary>
    private async Task<T> SendWithOtherAsync<T>(HostCall<T> call, DriverSlot other, Next next, CancellationToken cancellationToken)
    {
        await other.OpenAsync(cancellationToken);
        return await Run(call, next, cancellationToken);
    }

    private ValueTask<T> Run<T>(HostCall<T> call, Next next, CancellationToken cancellationToken)
    {
        var sent = SentCall<T>.Of(slot, call, next);
        var running = slot.Policy.RunAsync(sent, cancellationToken);
        if (!running.IsCompletedSuccessfully)
        {
            return EndAsync(call, sent, running);
        }

        slot.IsSilent = false;
        var answer = sent.Answer;
        sent.Close();
        return new(answer);
    }

    /// <summary>Not a task: each call that waits comes here, and the framework builds this one cheaper.</summary>
    private async ValueTask<T> EndAsync<T>(HostCall<T> call, SentCall<T> sent, Task running)
    {
        try
        {
            await running;
            slot.IsSilent = false;
            return sent.Answer;
        }
        catch (HypervisorException e) when (call.Kind is not CallKind.Job) // a job may have lost its target
        {
            slot.IsSilent = e.Error is HypervisorError.TimedOut or HypervisorError.ConnectionFailed or HypervisorError.CircuitOpen;
            throw;
        }
        finally
        {
            sent.Close();
        }
    }

    /// <summary>A call on its way through the policy. It is used again after its end: a call that is answered at once allocates nothing.</summary>
    private sealed class SentCall<T> : PolicyCall
    {
        [ThreadStatic]
        private static SentCall<T>? _spare;

        private DriverSlot? _slot;
        private HostCall<T>? _call;
        private Next _next;
        private T? _answer;

        public override CallKind Kind => _call!.Kind;

        public override ICallGate Gate => Kind is CallKind.Job ? _slot!.Throttle.Jobs : _slot!.Throttle.Calls;

        /// <summary>Of the last try, which succeeded.</summary>
        public T Answer => _answer!;

        public static SentCall<T> Of(DriverSlot slot, HostCall<T> call, Next next)
        {
            var sent = _spare ?? new();
            _spare = null;
            (sent._slot, sent._call, sent._next) = (slot, call, next);
            return sent;
        }

        /// <summary>Nobody needs it any more. It keeps nothing of the call.</summary>
        public void Close()
        {
            (_slot, _call, _next, _answer) = (null, null, default, default);
            _spare = this;
        }

        public override async Task TryAsync(CancellationToken cancellationToken)
        {
            var link = await _slot!.CurrentAsync(cancellationToken);
            try
            {
                _answer = await _next.To(link).SendAsync(_call!, cancellationToken);
            }
            catch (HypervisorException e) when (e.Error is HypervisorError.ConnectionFailed && Kind is not CallKind.Job)
            {
                // A job may have lost its target, and closing this link would end all other jobs on it. The next call tells.
                await _slot.DropAsync(link, e);
                throw;
            }
        }
    }
}
