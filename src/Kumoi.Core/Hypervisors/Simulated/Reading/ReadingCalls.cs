using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Simulated.Hosts;

namespace Kumoi.Hypervisors.Simulated.Reading;

/// <summary>Calls that read hosts and VMs.</summary>
internal static class ReadingCalls
{
    public static void AddTo(CallTable<SimulatedLink> calls) => calls
        .Add(static (SimulatedLink link, ReadHost call, CancellationToken token) => link.Call(
            () => link.Host.Read(call.IncludeVMs, link.Now), token))
        .Add(static (SimulatedLink link, ReadVMs call, CancellationToken token) => link.Call(
            () => ReadAll(link, call.WithTemplates), token))
        .Add(static (SimulatedLink link, FindVM call, CancellationToken token) => link.Call(
            () => link.Host.Find(call.Id)?.Read(link.Now), token))
        .Add(static (SimulatedLink link, FindVMByName call, CancellationToken token) =>
            link.Call(() => link.Host.VMs.GetValueOrDefault(call.Given)?.Read(link.Now), token))
        .Add(static (SimulatedLink link, ReadXml call, CancellationToken token) => link.Call(
            () => link.Existing(call.Id).ToXml().ToString(), token))
        .Add(static (SimulatedLink link, ReadDefinition call, CancellationToken token) => link.Call(
            () => link.Existing(call.Id).ToNextXml().ToString(), token))
        .Add(static (SimulatedLink link, ReadGuestAgent call, CancellationToken token) => link.Call(
            () => SimulatedGuest.Agent(link.Existing(call.Id), link.Now), token))
        // A simulated VM is its definition, but for a saved state.
        .Add(static (SimulatedLink link, FindHostBoundState call, CancellationToken token) =>
            link.Call(
                () => link.Existing(call.Id) is var vm && vm.HasSavedState ? "a saved state (managed save)"
                    : vm.Snapshots.Count > 0 ? "snapshots" : null,
                token))
        .Add(static (SimulatedLink link, ReadPools _, CancellationToken token) => link.Call<IReadOnlyList<StoragePoolReading>>(
            static () => [], token));

    private static IReadOnlyList<VMReading> ReadAll(SimulatedLink link, bool withTemplates)
    {
        var now = link.Now;
        return [.. link.Host.VMs.Values.Where(vm => withTemplates || !TemplateMark.IsOf(vm.Id)).Select(vm => vm.Read(now))];
    }
}
