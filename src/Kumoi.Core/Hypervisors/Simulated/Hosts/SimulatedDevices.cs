using System.Xml.Linq;

namespace Kumoi.Hypervisors.Simulated.Hosts;

/// <summary>The devices of simulated VMs, which are in their definitions.</summary>
internal static class SimulatedDevices
{
    /// <summary>A VM whose devices can be changed: while it is being migrated, it changes on neither host.</summary>
    public static SimulatedVM Staying(SimulatedLink link, Guid id)
    {
        var vm = link.Existing(id);
        return vm.IsMigrating ? throw SimulatedLink.WrongState(vm, "change") : vm;
    }

    /// <summary>A definition of its own to be changed: a snapshot may have the one that there is.</summary>
    public static XElement CopyOf(SimulatedVM vm)
    {
        var definition = vm.Definition is { } known ? new XElement(known) : new XElement("domain", new XAttribute("type", "simulated"));
        if (definition.Element("devices") is null)
        {
            definition.Add(new XElement("devices"));
        }

        return definition;
    }
}
