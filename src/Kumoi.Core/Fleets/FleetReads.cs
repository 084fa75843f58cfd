using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.Fleets;

/// <summary>
/// Reads of many hosts at once. Outcomes come in the order of the hosts, each as soon as those before it are settled; a host that is silent is
/// passed (<see cref="Links.FleetLimits.SilencePatience"/>).
/// </summary>
public static class FleetReads
{
    /// <summary>Every host with its VMs.</summary>
    public static IAsyncEnumerable<Outcome<KumoiConnection, KumoiHost>> ReadHostsAsync(
        this Fleet fleet, IReadOnlyList<KumoiConnection> hosts, CancellationToken cancellationToken, int? limit = null) =>
        FanOut.RunAsync(hosts, limit ?? fleet.Limits.MaxCalls, ReadHostAsync, fleet.Passing, cancellationToken);

    /// <summary>
    /// Every host's VMs, in natural order of their names, without its templates; with <paramref name="includeXml"/> one more call for each
    /// VM that is wanted.
    /// </summary>
    public static IAsyncEnumerable<Outcome<KumoiConnection, IReadOnlyList<KumoiVM>>> ReadVMsAsync(
        this Fleet fleet,
        IReadOnlyList<KumoiConnection> hosts,
        Func<KumoiVM, bool> isWanted,
        bool includeXml,
        CancellationToken cancellationToken,
        int? limit = null,
        bool withTemplates = false) =>
        FanOut.RunAsync(
            hosts, limit ?? fleet.Limits.MaxCalls, (host, token) => ReadVMsAsync(host, isWanted, includeXml, withTemplates, token),
            fleet.Passing,
            cancellationToken);

    /// <summary>The VM with exactly this name on each host; null where there is none.</summary>
    public static IAsyncEnumerable<Outcome<KumoiConnection, KumoiVM?>> FindVMsAsync(
        this Fleet fleet, IReadOnlyList<KumoiConnection> hosts, string name, CancellationToken cancellationToken) =>
        FanOut.RunAsync(
            hosts, fleet.Limits.MaxCalls,
            async (host, token) => await host.Link.SendAsync(new FindVMByName(name), token) is { } reading
                ? new KumoiVM(host, reading) : null, fleet.Passing, cancellationToken);

    /// <summary>The VMs with their own definitions: one call for each. One that is not there any more is null.</summary>
    public static IAsyncEnumerable<Outcome<KumoiVM, KumoiVM?>> ReadXmlAsync(
        this Fleet fleet, IReadOnlyList<KumoiVM> vms, CancellationToken cancellationToken) =>
        FanOut.RunAsync(vms, fleet.Limits.MaxCalls, ReadXmlAsync, fleet.PassingOf<KumoiVM>(static vm => vm.Connection), cancellationToken);

    /// <summary>What the VM's screen shows.</summary>
    public static async Task<KumoiVMScreenshot> ReadScreenAsync(KumoiVM vm, CancellationToken cancellationToken) =>
        new(vm, await vm.Connection.Link.SendAsync(new ReadScreen(vm.Id), cancellationToken));

    /// <summary>The same host, read now.</summary>
    internal static async Task<KumoiHost> ReadHostAsync(KumoiConnection host, CancellationToken cancellationToken)
    {
        var reading = await host.Link.SendAsync(new ReadHost(IncludeVMs: true), cancellationToken);
        if (host.Maintenance is { } marks)
        {
            await marks.TryRefreshAsync(cancellationToken);
        }

        // What stands in for a reading is no reading.
        host.LastReading = reading.IsMasked ? host.LastReading : reading;
        return new KumoiHost(host, reading);
    }

    /// <summary>The same VM, read now on the host where it was; null if it is not there any more.</summary>
    internal static async Task<KumoiVM?> ReadVMAsync(KumoiVM vm, CancellationToken cancellationToken) =>
        await vm.Connection.Link.SendAsync(new FindVM(vm.Id), cancellationToken) is { } reading
            ? new KumoiVM(vm.Connection, reading, xml: vm.Xml is null ? null : await vm.Connection.Link.SendAsync(
                new ReadXml(vm.Id), cancellationToken))
            : null;

    internal static async Task<IReadOnlyList<KumoiVM>> ReadVMsAsync(
        KumoiConnection host, Func<KumoiVM, bool> isWanted, bool includeXml, bool withTemplates, CancellationToken cancellationToken)
    {
        var readings = await host.Link.SendAsync(new ReadVMs(withTemplates), cancellationToken);
        var vms = new List<KumoiVM>(readings.Count);
        var isSorted = true;
        foreach (var reading in readings)
        {
            var vm = new KumoiVM(host, reading);
            if (isWanted(vm))
            {
                isSorted = isSorted && (vms.Count == 0 || vms[^1].CompareTo(vm) <= 0);
                vms.Add(vm);
            }
        }

        if (!isSorted)
        {
            vms.Sort();
        }

        for (var i = 0; includeXml && i < vms.Count; i++)
        {
            if (await ReadXmlAsync(vms[i], cancellationToken) is { } vm)
            {
                vms[i] = vm;
            }
            else
            {
                vms.RemoveAt(i--);
            }
        }

        return vms;
    }

    private static async Task<KumoiVM?> ReadXmlAsync(KumoiVM vm, CancellationToken cancellationToken)
    {
        try
        {
            return new KumoiVM(vm.Connection, vm.Reading, xml: await vm.Connection.Link.SendAsync(new ReadXml(vm.Id), cancellationToken));
        }
        catch (HypervisorException e) when (e.Error is HypervisorError.VMNotFound)
        {
            // It was removed or moved since the list was read: then it is not one of this host's VMs.
            return null;
        }
    }
}
