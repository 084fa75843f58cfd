using Kumoi.FailureOblivious;
using Kumoi.Fleets;
using Kumoi.Fleets.Journaling;
using Kumoi.Fleets.Links;
using Kumoi.Fleets.Maintenance;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Faults;
using Kumoi.Journal;

namespace Kumoi.Composition;

/// <summary>The one place where a fleet, and the way of its calls, is put together.</summary>
public static class KumoiFleet
{
    /// <summary>
    /// A fleet without hosts. With a journal, which is asked for when there is something to write, every change is journaled; without one,
    /// none is.
    /// </summary>
    public static Fleet Create(
        IReadOnlyList<IHypervisorDriver> drivers, ICallPolicyFactory policies, FaultPlan faults, TimeProvider time,
        Func<IJournal>? journal = null)
    {
        var records = journal is null ? null : new FleetJournal(journal, time);
        var marks = records is null ? null : new MaintenanceMarks(records, time);
        return new Fleet(drivers, policies, faults, time, records, marks, host => new HostLink(host, Layers(host, faults, records, marks)));
    }

    /// <summary>
    /// The layers, outermost first. What was masked has been tried, and is journaled as what it was; what is journaled says whose failure
    /// it was; what is tried again meets the fault rules again.
    /// </summary>
    private static IReadOnlyList<LinkLayer> Layers(LinkedHost host, FaultPlan faults, FleetJournal? journal, MaintenanceMarks? marks)
    {
        IReadOnlyList<LinkLayer?> layers =
        [
            new MaskingLayer(host),
            new NamesLayer(host.VMNames),
            new TemplateLayer(host),
            marks is null ? null : new MaintenanceLayer(host, marks),
            journal is null ? null : new JournalLayer(host, journal),
            new BlameLayer(host),
            new ResilienceLayer(host.Driver),
            new FaultLayer(host.Name, faults),
        ];
        return [.. layers.OfType<LinkLayer>()];
    }
}
