using Kumoi.Fleets;
using Kumoi.PowerShell.Parameters;

namespace Kumoi.PowerShell.Cmdlets.Base;

/// <content>Finds disks, storage pools and volumes by their names, all hosts at once.</content>
public abstract partial class FleetCmdlet
{
    /// <summary>
    /// The disks of VMs; with names those that have one of them. A VM that could not be read, or has no disk of a name, is an error each.
    /// </summary>
    private protected IEnumerable<KumoiDisk> FindDisks(IReadOnlyList<KumoiVM> vms, IReadOnlyList<string> targets) => Find(
        vms, static vm => vm.Connection, VMDisks.ReadAsync, static disk => disk.Target, targets,
        static (vm, name) => Errors.NotFound(
            $"'{vm.Name}' on {vm.VMHost} has no disk '{name}'.", name, $"Get-KumoiDisk '{vm.Name}' lists its disks."));

    /// <summary>
    /// The storage pools of hosts, by their names. A host that could not be read is an error each; so is one that has none of a name, or,
    /// with <paramref name="anywhere"/>, a name that none has.
    /// </summary>
    private protected IEnumerable<KumoiPool> FindPools(
        IReadOnlyList<KumoiConnection> hosts, IReadOnlyList<string> names, bool anywhere = false) => Find(
        hosts, static host => host, HostStorage.ReadPoolsAsync, static pool => pool.Name, names,
        static (host, name) => Errors.NotFound(
            $"{host.Name} has no storage pool '{name}'.", name, $"Get-KumoiPool -VMHost {host.Name} lists its storage pools."), anywhere);

    /// <summary>
    /// The templates of hosts, by their names. A host that could not be read is an error each, and so is a name that none has.
    /// </summary>
    private protected IEnumerable<KumoiTemplate> FindTemplates(IReadOnlyList<KumoiConnection> hosts, IReadOnlyList<string> names) => Find(
        hosts, static host => host, VMActions.ReadTemplatesAsync, static template => template.Name, names,
        static (host, name) => Errors.NotFound(
            $"{host.Name} has no template '{name}'.", name, "Get-KumoiTemplate lists the templates of all connected hosts."),
        anywhere: true);

    /// <summary>The volumes of pools, by their names, with the same errors.</summary>
    private protected IEnumerable<KumoiVolume> FindVolumes(
        IReadOnlyList<KumoiPool> pools, IReadOnlyList<string> names, bool anywhere = false) => Find(
        pools, static pool => pool.Connection, HostStorage.ReadVolumesAsync, static volume => volume.Name, names,
        static (pool, name) => Errors.NotFound(
            $"The storage pool '{pool.Name}' of {pool.VMHost} has no volume '{name}'.", name,
            "Get-KumoiVolume lists the volumes of storage pools."), anywhere);

    private IEnumerable<T> Find<TOwner, T>(
        IReadOnlyList<TOwner> owners, Func<TOwner, KumoiConnection> hostOf,
        Func<TOwner, CancellationToken, Task<IReadOnlyList<T>>> read, Func<T, string> nameOf,
        IReadOnlyList<string> given, Func<TOwner, string, System.Management.Automation.ErrorRecord> missing, bool anywhere = false)
        where TOwner : class
        where T : class
    {
        var names = Names.Typed(given);
        var found = new HashSet<string>(StringComparer.Ordinal);
        foreach (var outcome in Enumerate(token => FanOut.RunAsync(
            owners, Fleet.Limits.MaxCalls, read, Fleet.PassingOf(hostOf), token)))
        {
            if (!outcome.Succeeded)
            {
                WriteFailure(outcome.Error!, outcome.Element);
                continue;
            }

            var chosen = Names.Choose(outcome.Result, nameOf, names);
            foreach (var one in chosen)
            {
                yield return one;
            }

            var index = new NameIndex<T>(chosen, nameOf);
            foreach (var name in names.Where(static name => !name.IsPattern))
            {
                if (NameIndex<T>.Find(name, [index]).Found.Count > 0)
                {
                    found.Add(name.Text);
                }
                else if (!anywhere)
                {
                    WriteError(missing(outcome.Element, name.Text));
                }
            }
        }

        foreach (var name in names.Where(name => anywhere && owners.Count > 0 && !name.IsPattern && !found.Contains(name.Text)))
        {
            WriteError(owners.Count == 1
                ? missing(owners[0], name.Text)
                : Errors.NotFound(
                    $"'{name.Text}' was found nowhere.", name.Text,
                    "Leave out the name to see what there is, or give it with a wildcard."));
        }
    }
}
