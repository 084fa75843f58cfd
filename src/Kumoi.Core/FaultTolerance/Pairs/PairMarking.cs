using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Journal;

namespace Kumoi.FaultTolerance.Pairs;

/// <summary>
/// Puts a pair's marks on its hosts, and takes them off. A host has one for a VM: to put it there is to be the first or to be refused, so
/// it keeps others out that do not share this user's journal. It does not expire: who takes over another one's pair says so.
/// </summary>
internal static class PairMarking
{
    /// <summary>
    /// Marks the primary, which must succeed, and all other hosts that answer. A mark of the same pair, or of one of this user's that is
    /// known to be over, gives way. Nothing is left where it fails.
    /// </summary>
    /// <param name="fleet">Has the hosts.</param>
    /// <param name="order">The pair.</param>
    /// <param name="isOver">Whether a pair is known to be over, by its id.</param>
    /// <param name="force">A mark of another owner gives way too.</param>
    /// <param name="cancellationToken">Nothing is left.</param>
    /// <exception cref="HypervisorException">Somebody else protects the VM, or the primary cannot be marked.</exception>
    public static async Task PutAsync(
        Fleet fleet, PairOrder order, Func<Guid, bool> isOver, bool force, CancellationToken cancellationToken)
    {
        try
        {
            var others = order.Hosts.Select(host => host.Name).Where(name => name != order.Primary);
            foreach (var host in others.Prepend(order.Primary).Select(fleet.Find).OfType<KumoiConnection>())
            {
                try
                {
                    await PutAsync(host, order, isOver, force, cancellationToken);
                }
                catch (HypervisorException e) when (host.Name != order.Primary && e.Error is not HypervisorError.InvalidState)
                {
                    // It does not answer, say: it serves without a mark, which the others have.
                }
            }
        }
        catch
        {
            await TakeOffAsync(fleet, order);
            throw;
        }
    }

    /// <summary>Takes off the marks of this pair. The names of the hosts that may still have one.</summary>
    public static async Task<IReadOnlyList<string>> TakeOffAsync(Fleet fleet, PairOrder order)
    {
        List<string> left = [];
        foreach (var name in order.Hosts.Select(host => host.Name))
        {
            try
            {
                if (fleet.Find(name) is not { } host)
                {
                    left.Add(name);
                    continue;
                }

                using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(10));
                await RemoveAsync(host, order.Id, patience.Token);
            }
            catch (Exception e) when (e is HypervisorException or OperationCanceledException)
            {
                left.Add(name);
            }
        }

        return left;
    }

    /// <summary>The marks of all real hosts that answer in time; null: one that cannot be read, of the VM that its name tells.</summary>
    public static async Task<IReadOnlyList<(string Host, Guid VM, PairMark? Mark)>> FindAsync(
        Fleet fleet, CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(TimeSpan.FromSeconds(2));
        var found = await Task.WhenAll(fleet.Hosts.Where(static host => !host.IsSimulated).Select(ReadAsync));
        cancellationToken.ThrowIfCancellationRequested();
        return [.. found.SelectMany(static marks => marks)];

        async Task<List<(string, Guid, PairMark?)>> ReadAsync(KumoiConnection host)
        {
            try
            {
                var marks = await host.Link.SendAsync(new ReadPairMarks(), patience.Token);
                return [.. marks.Select(mark => (host.Name, PairMarks.VMOf(mark.Name), PairMark.TryRead(mark)))];
            }
            catch (Exception e) when (e is HypervisorException or OperationCanceledException)
            {
                return []; // what it has is not known, and the others may have the same
            }
        }
    }

    private static async Task PutAsync(
        KumoiConnection host, PairOrder order, Func<Guid, bool> isOver, bool force, CancellationToken cancellationToken)
    {
        while (true)
        {
            var spec = new VMSpec
            {
                Name = PairMarks.NameOf(order.VM),
                MemoryBytes = 1 << 20,
                Description = PairMark.Of(order).ToText(),
            };
            try
            {
                await host.Link.SendAsync(new DefineVM(spec) { Operation = new OperationId(order.Id) }, cancellationToken);
                return;
            }
            catch (HypervisorException e) when (e.Error is HypervisorError.VMExists)
            {
                var marks = await host.Link.SendAsync(new ReadPairMarks(), cancellationToken);
                if (marks.FirstOrDefault(mark => mark.Name == spec.Name) is not { } found)
                {
                    continue; // it has gone meanwhile
                }

                var other = PairMark.TryRead(found);
                if (other?.Order.Id == order.Id)
                {
                    return;
                }

                if (other is null || !(force || isOver(other.Order.Id)))
                {
                    throw new HypervisorException(
                        $"'{order.VMName}' is protected by {other?.Whose ?? "somebody else"} already: {host.Name} has the mark of "
                            + "that pair.",
                        FaultDomain.VM,
                        error: HypervisorError.InvalidState,
                        recommendedAction: "End that pair where it was begun, with Stop-KumoiFtPair. If its owner is known to be gone for "
                            + "good, Start-KumoiFtPair -Force takes it over.");
                }

                await RemoveAsync(host, other.Order.Id, cancellationToken);
            }
        }
    }

    private static async Task RemoveAsync(KumoiConnection host, Guid pair, CancellationToken cancellationToken) =>
        await host.Link.SendAsync(new UndoDefineVM(new OperationId(pair)), cancellationToken);
}
