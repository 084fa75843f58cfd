using Kumoi.Fleets;
using Kumoi.PowerShell.Parameters;

namespace Kumoi.PowerShell.Cmdlets.Base;

/// <summary>Finds snapshots of VMs by their names.</summary>
internal static class SnapshotFinder
{
    /// <summary>All hosts at once; a VM that could not be read is an error each.</summary>
    /// <param name="cmdlet">Reads, and writes the errors.</param>
    /// <param name="vms">The VMs.</param>
    /// <param name="names">Of the snapshots; none: all.</param>
    /// <param name="missing">Called for each VM, with each name that none of its snapshots has.</param>
    public static IEnumerable<KumoiSnapshot> Find(
        FleetCmdlet cmdlet, IReadOnlyList<KumoiVM> vms, IReadOnlyList<NameText> names, Action<KumoiVM, NameText> missing)
    {
        foreach (var outcome in cmdlet.EnumerateSnapshots(vms))
        {
            if (!outcome.Succeeded)
            {
                cmdlet.WriteFailure(outcome.Error!, outcome.Element);
                continue;
            }

            var chosen = Names.Choose(outcome.Result, static snapshot => snapshot.Name, names);
            foreach (var snapshot in chosen)
            {
                yield return snapshot;
            }

            var index = new NameIndex<KumoiSnapshot>(chosen, static snapshot => snapshot.Name);
            foreach (var name in names.Where(
                name => !name.IsPattern && NameIndex<KumoiSnapshot>.Find(name, [index]).Found.Count == 0))
            {
                missing(outcome.Element, name);
            }
        }
    }
}
