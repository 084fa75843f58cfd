using Kumoi.Hypervisors;

namespace Kumoi.Fleets;

/// <summary>
/// Looks for other copies of VMs on all hosts of the fleet: VMs of the same id. Who asks while a reading is under way gets the next one,
/// and shares it with all who ask meanwhile: what was read before somebody asked may have changed by then.
/// </summary>
internal sealed class OtherCopies(Fleet fleet)
{
    private readonly Lock _gate = new();
    private Task _under = Task.CompletedTask;
    private Task<Reading>? _next;

    /// <summary>Fails if a copy of the VM on another host runs, or may: two of them would write to the same disks.</summary>
    /// <param name="id">The VM's id.</param>
    /// <param name="name">Its name.</param>
    /// <param name="host">Its host, where it is to run.</param>
    /// <param name="resumes">It has a process already: then a paused copy elsewhere is no second one that runs.</param>
    /// <param name="cancellationToken">Of the caller; the reading goes on for others.</param>
    /// <returns>The hosts that could not be read, and of which nothing tells that they have a copy.</returns>
    /// <exception cref="HypervisorException">RunsElsewhere, of domain VM.</exception>
    public async Task<IReadOnlyList<string>> EnsureNoneRunsAsync(
        Guid id, string name, KumoiConnection host, bool resumes, CancellationToken cancellationToken)
    {
        if (fleet.Hosts.All(other => IsSame(other, host)))
        {
            return [];
        }

        var reading = await NextAsync().WaitAsync(cancellationToken);
        foreach (var copy in reading.Copies[id].Where(copy => !IsSame(copy.Connection, host)))
        {
            if (copy.State.HoldsHost() && !(resumes && copy.State is PowerState.Paused))
            {
                throw Refused(
                    $"'{name}' is {copy.State} on {copy.VMHost}: a second copy on {host.Name} would write to the same disks.", copy.VMHost);
            }
        }

        var unread = reading.Unread.Where(other => !IsSame(other, host)).ToList();
        var last = unread.Find(other => other.LastReading?.VMs?.Any(vm => vm.Id == id && vm.State.HoldsHost()) == true);
        return last is null
            ? [.. unread.Select(other => other.Name)]
            : throw Refused(
                $"'{name}' was on {last.Name} at its last reading, and may still run there: {last.Name} cannot be read now.", last.Name);
    }

    private static HypervisorException Refused(string message, string host) => new(
        message, FaultDomain.VM, error: HypervisorError.RunsElsewhere,
        recommendedAction: "Look at both with Get-KumoiVM, and remove the one that is left over. -Force runs it here anyway: use it only "
            + $"if the one on {host} is known to be dead.");

    /// <summary>
    /// One host may be connected under several names. By another URI its VMs are seen in the same state: off, or paused, and so they do not
    /// stand in the way of themselves.
    /// </summary>
    private static bool IsSame(KumoiConnection one, KumoiConnection other) => ReferenceEquals(one, other) || one.Uri == other.Uri;

    private Task<Reading> NextAsync()
    {
        lock (_gate)
        {
            return _next ??= ReadAfterAsync(_under);
        }
    }

    private async Task<Reading> ReadAfterAsync(Task before)
    {
        await Task.WhenAny(before).ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        Task<Reading> reading;
        lock (_gate)
        {
            _next = null;
            _under = reading = StartReading();
        }

        return await reading;
    }

    /// <summary>With nobody's masks: what stands in for a host that could not be read has no VMs.</summary>
    private Task<Reading> StartReading()
    {
        if (ExecutionContext.IsFlowSuppressed())
        {
            return Task.Run(ReadAsync);
        }

        using (ExecutionContext.SuppressFlow())
        {
            return Task.Run(ReadAsync);
        }
    }

    private async Task<Reading> ReadAsync()
    {
        var vms = new List<KumoiVM>();
        var unread = new List<KumoiConnection>();
        await foreach (var outcome in fleet.ReadVMsAsync(fleet.Hosts, static _ => true, includeXml: false, CancellationToken.None))
        {
            if (outcome.Succeeded)
            {
                vms.AddRange(outcome.Result);
            }
            else
            {
                unread.Add(outcome.Element);
            }
        }

        return new Reading(vms.ToLookup(vm => vm.Id), unread);
    }

    private sealed record Reading(ILookup<Guid, KumoiVM> Copies, IReadOnlyList<KumoiConnection> Unread);
}
