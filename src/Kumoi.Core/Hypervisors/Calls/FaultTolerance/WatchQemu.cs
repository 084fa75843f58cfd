using System.Text.Json.Serialization;

namespace Kumoi.Hypervisors.Calls;

/// <summary>Reports what a VM's QEMU itself reports, until the result is disposed.</summary>
/// <param name="Id">The VM.</param>
/// <param name="Happened">Is called at once, on the thread that all events come from: it must not wait.</param>
public sealed record WatchQemu(Guid Id, [property: JsonIgnore] Action<QemuEvent>? Happened) : HostCall<IAsyncDisposable>
{
    public override CallKind Kind => CallKind.Read;

    public override string FaultOperation => Faults.FaultOperation.Read;

    public override Guid? VMId => Id;
}
