using Kumoi.Hypervisors;

namespace Kumoi;

/// <summary>A template as it was read at <see cref="CapturedAt"/>: what VMs are made of. It never starts and never changes.</summary>
public sealed class KumoiTemplate
{
    internal KumoiTemplate(KumoiVM vm) => VM = vm;

    public string Name => VM.Name;

    /// <summary>The name of the host that has it.</summary>
    public string VMHost => VM.VMHost;

    public int CpuCount => VM.CpuCount;

    public long MemoryBytes => VM.MemoryBytes;

    public Guid Id => VM.Id;

    public DateTimeOffset CapturedAt => VM.CapturedAt;

    /// <summary>What its host has of it.</summary>
    internal KumoiVM VM { get; }

    internal KumoiConnection Connection => VM.Connection;

    /// <inheritdoc cref="KumoiHost.Origin"/>
    internal KumoiTemplate WithOrigin(object? origin) => new(VM.WithOrigin(origin));

    public override string ToString() => Name;
}
