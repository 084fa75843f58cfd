using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.PowerShell.Parameters;

namespace Kumoi.PowerShell.Cmdlets.Base;

/// <summary>A cmdlet that finds hosts and VMs by reference. What is not found, or cannot be read, is one error each.</summary>
public abstract partial class FleetCmdlet : KumoiCmdlet
{
    private VMFinder? _finder;

    /// <summary>Null: failures are not masked.</summary>
    private protected MaskedFailures? Masked { get; set; }

    /// <summary>An error for a host that could not be read, unless failures are masked.</summary>
    internal void WriteUnreadable(KumoiConnection host, Exception error)
    {
        if (Masked is not null && MaskedFailures.CanBeMasked(error))
        {
            Masked.Add(host.Name, error);
        }
        else
        {
            WriteFailure(error, host.Name);
        }
    }

    /// <summary>The connected hosts that the references name, in natural order, each once; all if there are no references.</summary>
    internal IReadOnlyList<KumoiConnection> FindHosts(IReadOnlyList<HostReference>? references) => FindHosts(references, out _);

    /// <inheritdoc cref="FindHosts(IReadOnlyList{HostReference})"/>
    /// <param name="references">Objects and names.</param>
    /// <param name="areAllThere">Each name was found. It is an error if not.</param>
    internal IReadOnlyList<KumoiConnection> FindHosts(IReadOnlyList<HostReference>? references, out bool areAllThere)
    {
        areAllThere = true;
        if (references is null || references.Count == 0)
        {
            return Fleet.Hosts;
        }

        var found = new SortedSet<KumoiConnection>();
        foreach (var reference in references)
        {
            switch (reference.Value)
            {
                case KumoiConnection connection:
                    found.Add(connection);
                    break;
                case KumoiHost host:
                    found.Add(host.Connection);
                    break;
                default:
                    var named = Names.Choose(Fleet.Hosts, host => host.Name, [reference.Name]);
                    found.UnionWith(named);
                    if (named.Count == 0 && !reference.Name.IsPattern)
                    {
                        areAllThere = false;
                        WriteError(NotConnected(reference.Name));
                    }

                    break;
            }
        }

        return [.. found];
    }

    /// <summary>
    /// The VMs that the references name, on the given hosts or on all. A name that several VMs have that differ by case only, and none
    /// exactly, is an error: nobody knows which is meant.
    /// </summary>
    internal IEnumerable<KumoiVM> FindVMs(
        IReadOnlyList<VMReference> references, IReadOnlyList<HostReference>? onHosts, bool withTemplates = false)
    {
        foreach (var given in references.Where(reference => reference.VM is not null))
        {
            yield return given.VM!;
        }

        var names = references.Where(reference => reference.VM is null).Select(reference => reference.Name).ToList();
        if (names.Count == 0)
        {
            yield break;
        }

        var hosts = FindHosts(onHosts, out var areAllThere);
        _finder ??= new VMFinder(this, withTemplates);
        foreach (var vm in _finder.Find(names, hosts, isWholeFleet: onHosts is null or [], areAllThere))
        {
            yield return vm;
        }
    }

    internal IEnumerable<Outcome<KumoiConnection, IReadOnlyList<KumoiVM>>> EnumerateReads(
        IReadOnlyList<KumoiConnection> hosts, bool withTemplates = false) =>
        Enumerate(token => Fleet.ReadVMsAsync(hosts, static _ => true, includeXml: false, token, withTemplates: withTemplates));

    internal IEnumerable<Outcome<KumoiConnection, KumoiVM?>> EnumerateLookups(IReadOnlyList<KumoiConnection> hosts, string name) =>
        Enumerate(token => Fleet.FindVMsAsync(hosts, name, token));

    internal IEnumerable<Outcome<KumoiVM, IReadOnlyList<KumoiSnapshot>>> EnumerateSnapshots(IReadOnlyList<KumoiVM> vms) =>
        Enumerate(token => FanOut.RunAsync(
            vms, Fleet.Limits.MaxCalls, VMSnapshots.ReadAsync, Fleet.PassingOf<KumoiVM>(static vm => vm.Connection), token));

    /// <summary>Nobody has such a VM, as far as all hosts were read; or, where a host has never been connected, nobody knows.</summary>
    internal void WriteMissing(string name, bool isWholeFleet)
    {
        if (isWholeFleet && Fleet.Unconnected is { Count: > 0 } unconnected)
        {
            var hosts = string.Join(", ", unconnected.Select(host => host.Name));
            WriteError(Errors.NotKnown(
                $"No connected host has a VM named '{name}', but {hosts} could not be connected, and may have it.", name,
                "Connect again with Connect-KumoiHost, or leave out for good a host that is gone: Disconnect-KumoiHost "
                    + $"{unconnected[0].Name}"));
            return;
        }

        WriteError(Errors.NotFound(
            $"No VM named '{name}' was found.", name,
            Fleet.Hosts.Count == 0 ? "Connect first with Connect-KumoiHost." : "Get-KumoiVM lists the VMs of all connected hosts."));
    }

    private static ErrorRecord NotConnected(NameText name) =>
        Names.Choose(Fleet.Unconnected, host => host.Name, [name]) is [var unconnected, ..]
            ? Errors.NotKnown(
                $"{unconnected.Name} could not be connected: {unconnected.Error.Message}", name.Text,
                $"Connect it again with Connect-KumoiHost, or leave it out for good: Disconnect-KumoiHost {unconnected.Name}")
            : Errors.NotFound(
                $"No connected host is named '{name}'.", name.Text,
                Fleet.Hosts.Count == 0 ? "Connect first with Connect-KumoiHost." : "Get-KumoiConnection lists the connected hosts.");
}
