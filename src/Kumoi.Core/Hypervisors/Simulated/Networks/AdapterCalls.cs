using System.Xml.Linq;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Simulated.Hosts;

namespace Kumoi.Hypervisors.Simulated.Networks;

/// <summary>
/// Calls on the network adapters of VMs. Simulated hosts have each network and each bridge that is named; guests let go of adapters at
/// once.
/// </summary>
internal static class AdapterCalls
{
    public static void AddTo(CallTable<SimulatedLink> calls) => calls
        .Add(static (SimulatedLink link, ReadAdapters call, CancellationToken token) => link.Call(() => Read(link, call), token))
        .Add(static (SimulatedLink link, AddAdapter call, CancellationToken token) => link.Call(() => Add(link, call), token))
        .Add(static (SimulatedLink link, SetAdapter call, CancellationToken token) => link.Call(() => Set(link, call), token))
        .Add(static (SimulatedLink link, RemoveAdapter call, CancellationToken token) => link.Call(() => Remove(link, call), token));

    private static IReadOnlyList<AdapterReading> Read(SimulatedLink link, ReadAdapters call) =>
        SimulatedGuest.Adapters(link, link.Existing(call.Id), call.Sources);

    private static AdapterReading Add(SimulatedLink link, AddAdapter call)
    {
        var vm = SimulatedDevices.Staying(link, call.Id);
        var definition = SimulatedDevices.CopyOf(vm);
        if (AdapterDefinition.Find(definition, call.MacAddress) is not null)
        {
            throw AdapterDefinition.Exists(vm.Name, call.MacAddress);
        }

        var adapter = AdapterDefinition.Build(call.MacAddress, call.Adapter, call.Model);
        definition.Element("devices")!.Add(adapter);
        vm.Definition = definition;
        return AdapterDefinition.Read(adapter);
    }

    private static AdapterReading Set(SimulatedLink link, SetAdapter call)
    {
        var vm = SimulatedDevices.Staying(link, call.Id);
        var definition = SimulatedDevices.CopyOf(vm);
        var adapter = AdapterDefinition.Find(definition, call.MacAddress)
            ?? throw AdapterDefinition.NoAdapter(vm.Name, call.MacAddress);
        var changed = AdapterDefinition.With(adapter, call.Settings);
        adapter.ReplaceWith(changed);
        vm.Definition = definition;
        return AdapterDefinition.Read(changed);
    }

    private static Done Remove(SimulatedLink link, RemoveAdapter call)
    {
        var vm = SimulatedDevices.Staying(link, call.Id);
        var definition = SimulatedDevices.CopyOf(vm);
        AdapterDefinition.Find(definition, call.MacAddress)?.Remove();
        vm.Definition = definition;
        return default;
    }
}
