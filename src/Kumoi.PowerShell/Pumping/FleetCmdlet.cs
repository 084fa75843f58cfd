using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.PowerShell.Parameters;

namespace Kumoi.PowerShell.Pumping;

/// <summary>A cmdlet that finds hosts and VMs by reference. What is not found, or cannot be read, is one error each.</summary>
public abstract class FleetCmdlet : KumoiCmdlet
{
    /// <summary>Null: failures are not masked.</summary>
    private protected MaskedFailures? Masked { get; set; }

    /// <summary>An error for a host that could not be read, unless failures are masked.</summary>
    private protected void WriteUnreadable(KumoiConnection host, Exception error)
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
    internal IReadOnlyList<KumoiConnection> FindHosts(IReadOnlyList<HostReference>? references)
    {
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
                case string name when Names.HasWildcards(name):
                    found.UnionWith(Fleet.Hosts.Where(host => Names.Matcher([name])(host.Name)));
                    break;
                case string name when Fleet.Find(name) is { } host:
                    found.Add(host);
                    break;
                default:
                    WriteError(Errors.NotFound(
                        $"No connected host is named '{reference}'.", reference.Value,
                        Fleet.Hosts.Count == 0 ? "Connect first with Connect-KumoiHost." : "Get-KumoiConnection lists the connected hosts."));
                    break;
            }
        }

        return [.. found];
    }

    /// <summary>The VMs that the references name, on the given hosts or on all.</summary>
    internal IEnumerable<KumoiVM> FindVMs(IReadOnlyList<VMReference> references, IReadOnlyList<HostReference>? onHosts)
    {
        var names = references.Where(reference => reference.VM is null).Select(reference => (string)reference.Value).ToList();
        foreach (var given in references.Where(reference => reference.VM is not null))
        {
            yield return given.VM!;
        }

        if (names.Count == 0)
        {
            yield break;
        }

        var matches = Names.Matcher(names);
        var missing = names.Where(name => !Names.HasWildcards(name)).ToHashSet(StringComparer.OrdinalIgnoreCase);
        foreach (var vm in ReadVMs(FindHosts(onHosts), vm => matches(vm.Name)))
        {
            missing.Remove(vm.Name);
            yield return vm;
        }

        WriteMissing(missing);
    }

    private protected void WriteMissing(IEnumerable<string> names)
    {
        foreach (var name in names)
        {
            WriteError(Errors.NotFound(
                $"No VM named '{name}' was found.", name,
                Fleet.Hosts.Count == 0 ? "Connect first with Connect-KumoiHost." : "Get-KumoiVM lists the VMs of all connected hosts."));
        }
    }

    private IEnumerable<KumoiVM> ReadVMs(IReadOnlyList<KumoiConnection> hosts, Func<KumoiVM, bool> isWanted)
    {
        foreach (var outcome in Enumerate(token => Fleet.ReadVMsAsync(hosts, isWanted, includeXml: false, token)))
        {
            if (outcome.Succeeded)
            {
                foreach (var vm in outcome.Result)
                {
                    yield return vm;
                }
            }
            else
            {
                WriteUnreadable(outcome.Element, outcome.Error!);
            }
        }
    }
}
