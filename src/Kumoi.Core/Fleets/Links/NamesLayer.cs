using Kumoi.Hypervisors;

namespace Kumoi.Fleets.Links;

/// <summary>Remembers the names of VMs that pass by, for what knows only their ids.</summary>
internal sealed class NamesLayer(VMNames names) : LinkLayer
{
    public override ValueTask<T> SendAsync<T>(HostCall<T> call, Next next, CancellationToken cancellationToken)
    {
        var sent = next.SendAsync(call, cancellationToken);
        if (typeof(T).IsValueType || typeof(T) == typeof(string))
        {
            return sent;
        }

        if (!sent.IsCompletedSuccessfully)
        {
            return RememberAsync(sent);
        }

        var result = sent.Result;
        Remember(result);
        return new ValueTask<T>(result);
    }

    /// <summary>Not a task: each call that waits comes here, and the framework builds this one cheaper.</summary>
    private async ValueTask<T> RememberAsync<T>(ValueTask<T> sent)
    {
        var result = await sent;
        Remember(result);
        return result;
    }

    private void Remember<T>(T result)
    {
        switch (result)
        {
            case HostReading host:
                names.Remember(host.VMs);
                break;
            case IReadOnlyList<VMReading> vms:
                names.Remember(vms);
                break;
            case VMReading vm:
                names.Remember(vm);
                break;
            case MigrationNeeds needs:
                names.Remember(needs.VM);
                break;
        }
    }
}
