using System.Globalization;
using System.Xml.Linq;

namespace Kumoi.Hypervisors.Simulated.Hosts;

/// <summary>One simulated VM. Guarded by its fleet's gate.</summary>
internal sealed class SimulatedVM
{
    private const double DefaultCpuLoad = 0.05;
    private const string SavedState = "savedState";
    private const string Autostart = "autostart";

    private static readonly XNamespace Kumoi = DomainDefinition.KumoiNamespace;

    public required Guid Id { get; init; }

    /// <summary>Its host knows it by it: so that only a rename changes both.</summary>
    public required string Name { get; set; }

    public required long MemoryBytes { get; set; }

    public required int CpuCount { get; set; }

    /// <summary>How many CPUs it can be given while it runs; 0: as it has.</summary>
    public int MaxCpuCount { get; set; }

    /// <summary>What it has of its memory; 0: all.</summary>
    public long AssignedMemoryBytes { get; set; }

    /// <summary>What it is from its next start on; null: as it is.</summary>
    public VMSizes? Next { get; set; }

    public VMSizes Sizes => new(
        CpuCount, Math.Max(CpuCount, MaxCpuCount), AssignedMemoryBytes > 0 ? AssignedMemoryBytes : MemoryBytes, MemoryBytes);

    /// <summary>How busy its CPUs are while it runs, 0..1. Its XML tells it, and may say what it shall be.</summary>
    public required double CpuLoad { get; init; }

    public required SimulatedTraffic Traffic { get; init; }

    /// <summary>The operation that defined it; null for those that the fleet came with.</summary>
    public OperationId? Operation { get; init; }

    /// <summary>Of the operation on several hosts that works on it, or has left it; null: none.</summary>
    public SpeculationMark? Mark { get; set; }

    /// <summary>
    /// Its memory is saved on its host, and does not go to another one with the definition. Its XML tells it, and may say so.
    /// </summary>
    public bool HasSavedState { get; set; }

    /// <summary>It was paused when it was saved, and is so when it is started.</summary>
    public bool IsSavedPaused { get; set; }

    /// <summary>As <see cref="HasSavedState"/>.</summary>
    public bool IsAutostart { get; set; }

    /// <summary>The definition that it was made from, if it was XML.</summary>
    public XElement? Definition { get; set; }

    /// <summary>The one that it has from its next start on; null: the same.</summary>
    public XElement? NextDefinition { get; set; }

    public List<SimulatedSnapshot> Snapshots { get; } = [];

    /// <summary>The name of the snapshot that what it has written since is based on; null: none.</summary>
    public string? CurrentSnapshot { get; set; }

    /// <summary>The paths of the volumes that were made for it.</summary>
    public IReadOnlyList<string> MadeImages { get; init; } = [];

    /// <summary>The volumes that were made for it alone to read.</summary>
    public IReadOnlyList<SimulatedVolume> Seeds { get; init; } = [];

    public PowerState State { get; private set; } = PowerState.Shutoff;

    /// <summary>It is on its host only as long as it is not shut off.</summary>
    public bool IsTransient { get; set; }

    /// <summary>What it plays of a QEMU.</summary>
    public SimulatedQemu Qemu => field ??= new SimulatedQemu(this);

    /// <summary>Set while it is being migrated: one job at a time.</summary>
    public bool IsMigrating { get; set; }

    /// <summary>Paused by a migration: the copy on a target before it is started, or the source's when it was handed over.</summary>
    public bool IsHeldByMigration { get; set; }

    /// <summary>A copy that was started before it had the whole state: its guest is broken.</summary>
    public bool IsTorn { get; set; }

    /// <summary>Which run of the guest its memory is from, as <see cref="SimulatedFleet.LetRun"/> counts them.</summary>
    public long Run { get; set; }

    /// <summary>How long it ran, up to <see cref="RunningSince"/>, since it was started on its host or arrived there.</summary>
    public TimeSpan PastRunningTime { get; private set; }

    public DateTimeOffset? RunningSince { get; private set; }

    public VMReading Read(DateTimeOffset now)
    {
        var running = RunningTime(now);
        return new()
        {
            CapturedAt = now,
            Id = Id,
            Name = Name,
            State = State,
            IsPersistent = !IsTransient,
            HasSavedState = HasSavedState,
            IsAutostart = IsAutostart,
            CpuCount = CpuCount,
            MaxCpuCount = Sizes.MaxCpuCount,
            AssignedMemoryBytes = Sizes.MemoryBytes,
            CpuTime = running * (CpuLoad * CpuCount),
            CpuRatio = State is PowerState.Running ? CpuLoad : 0,
            MemoryBytes = MemoryBytes,
            DiskReadBytes = (long)(Traffic.DiskRead * running.TotalSeconds),
            DiskWrittenBytes = (long)(Traffic.DiskWritten * running.TotalSeconds),
            NetworkReceivedBytes = (long)(Traffic.NetworkReceived * running.TotalSeconds),
            NetworkSentBytes = (long)(Traffic.NetworkSent * running.TotalSeconds),
        };
    }

    /// <summary>It has these.</summary>
    public void Take(VMSizes sizes) => (CpuCount, MaxCpuCount, AssignedMemoryBytes, MemoryBytes) =
        (sizes.CpuCount, sizes.MaxCpuCount, sizes.MemoryBytes, sizes.MaxMemoryBytes);

    public void ChangeState(PowerState state, DateTimeOffset now)
    {
        if (state is PowerState.Shutoff && Next is { } next)
        {
            Next = null;
            Take(next);
        }

        if (state is PowerState.Shutoff && NextDefinition is { } nextDefinition)
        {
            (Definition, NextDefinition) = (nextDefinition, null);
        }

        PastRunningTime = state is PowerState.Shutoff ? TimeSpan.Zero : RunningTime(now);
        RunningSince = state is PowerState.Running ? now : null;
        State = state;
    }

    /// <summary>It as it is, paused: for another host, or for later.</summary>
    public SimulatedVM Copy(SpeculationMark? mark) => new()
    {
        Id = Id,
        Name = Name,
        MemoryBytes = MemoryBytes,
        CpuCount = CpuCount,
        MaxCpuCount = MaxCpuCount,
        AssignedMemoryBytes = AssignedMemoryBytes,
        Next = Next,
        CpuLoad = CpuLoad,
        Traffic = Traffic,
        Operation = Operation,
        Mark = mark,
        IsAutostart = IsAutostart,
        Definition = Definition,
        NextDefinition = NextDefinition,
        MadeImages = MadeImages,
        Seeds = Seeds,
        State = PowerState.Paused,
        Run = Run,
    };

    /// <summary>On another host: what runs there is a new QEMU, whose counters begin at zero.</summary>
    public void Arrive(DateTimeOffset now)
    {
        PastRunningTime = TimeSpan.Zero;
        RunningSince = State is PowerState.Running ? now : null;
    }

    /// <summary>A VM as it is defined, shut off.</summary>
    /// <exception cref="HypervisorException"><see cref="HypervisorError.InvalidSpecification"/>.</exception>
    public static SimulatedVM From(SimulatedHost host, VMSpec spec, OperationId operation)
    {
        VMSpecCheck.Ensure(spec);
        var xml = spec.Xml is null ? null : DomainDefinition.Parse(spec.Xml);
        var name = spec.Name.Length > 0 ? spec.Name : (string)xml!.Element("name")!;

        var memory = xml is null ? spec.MemoryBytes : DomainDefinition.MemoryBytes(xml);
        if (memory <= 0)
        {
            throw Refuse(
                $"'{name}' has no memory.", "Give its memory in bytes, such as 1GB, or in the XML as <memory unit='GiB'>1</memory>.");
        }

        var cpus = xml?.Element("vcpu") is not { } vcpu ? spec.CpuCount
            : int.TryParse(vcpu.Value.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var given) ? given : 0;
        if (cpus <= 0)
        {
            throw Refuse($"'{name}' has no CPU.", "Give how many CPUs it has, 1 or more.");
        }

        if (xml is not null && spec.Name.Length > 0)
        {
            DomainCopy.Rename(xml, name, spec.MacAddress);
        }

        if (spec.CopyDisks)
        {
            SimulatedCopies.Make(
                host,
                spec,
                xml ?? throw Refuse("Only the disks of XML can be copied.", "Give the XML of the VM whose disks are to be copied."),
                name);
        }

        // Another VM made from its XML has no state of its.
        var isItself = xml is not null && spec.Name.Length == 0;
        IReadOnlyList<string> made = [];
        IReadOnlyList<SimulatedVolume> seeds = [];
        var definition = xml;
        if (xml is null)
        {
            (definition, made, seeds) = SimulatedImages.Build(host, spec, operation);
        }
        else
        {
            seeds = SimulatedCopies.InsertSeeds(host, spec, xml, operation);
            if (spec.IsTemplate)
            {
                TemplateMark.Set(xml);
            }
        }

        return new SimulatedVM
        {
            Id = (isItself || spec.IsTemplate) && Guid.TryParse((string?)xml!.Element("uuid"), out var id) ? id : spec.Id ?? Guid.NewGuid(),
            Name = name,
            MemoryBytes = memory,
            CpuCount = cpus,
            CpuLoad = xml is null ? DefaultCpuLoad : CpuLoadOf(xml),
            Traffic = SimulatedTraffic.Light,
            Operation = operation,
            Mark = spec.Mark,
            HasSavedState = isItself && IsSet(xml!, SavedState),
            IsAutostart = spec.IsAutostart || (isItself && IsSet(xml!, Autostart)),
            Definition = definition,
            MadeImages = made,
            Seeds = seeds,
        };
    }

    /// <summary>What of it stands in the way of a migration, as its definition tells.</summary>
    public IEnumerable<MigrationObstacle> Judge() =>
        Definition is null ? [] : MigrationJudge.JudgeVM(Definition).Concat(MigrationJudge.JudgeListening(Definition));

    public XElement ToXml() => ToXml(Definition, Sizes);

    /// <summary>As it is from its next start on.</summary>
    public XElement ToNextXml() => ToXml(NextDefinition ?? Definition, Next ?? Sizes);

    private XElement ToXml(XElement? known, VMSizes sizes)
    {
        var xml = known is { } definition ? new XElement(definition) : new XElement("domain", new XAttribute("type", "simulated"));
        foreach (var name in new[] { "name", "uuid", "memory", "vcpu" })
        {
            xml.Element(name)?.Remove();
        }

        xml.AddFirst(
            new XElement("name", Name),
            new XElement("uuid", Id.ToString("D")),
            new XElement("memory", new XAttribute("unit", "b"), sizes.MaxMemoryBytes),
            new XElement("vcpu", sizes.CpuCount));
        if (xml.Element("metadata") is not { } metadata)
        {
            xml.Add(metadata = new XElement("metadata"));
        }

        SpeculationMetadata.Set(xml, Mark);
        metadata.Elements(Kumoi + "simulated").Remove();
        metadata.Add(new XElement(
            Kumoi + "simulated",
            new XAttribute(XNamespace.Xmlns + "kumoi", Kumoi.NamespaceName),
            new XAttribute("cpuLoad", CpuLoad),
            HasSavedState ? new XAttribute(SavedState, "yes") : null,
            IsAutostart ? new XAttribute(Autostart, "yes") : null));
        return xml;
    }

    private static bool IsSet(XElement domain, string attribute) =>
        (string?)domain.Element("metadata")?.Element(Kumoi + "simulated")?.Attribute(attribute) is "yes";

    private static double CpuLoadOf(XElement domain)
    {
        var given = (string?)domain.Element("metadata")?.Element(Kumoi + "simulated")?.Attribute("cpuLoad");
        return given is null ? DefaultCpuLoad
            : double.TryParse(given, NumberStyles.Float, CultureInfo.InvariantCulture, out var load) && load is >= 0 and <= 1 ? load
            : throw Refuse($"'{given}' is no simulated CPU load.", "Give cpuLoad as the busy share of the VM's CPUs, 0 to 1, such as 0.4.");
    }

    /// <summary>Since it was started, or arrived, without the time in which it was paused.</summary>
    public TimeSpan RunningTime(DateTimeOffset now) => PastRunningTime + (RunningSince is { } since ? now - since : TimeSpan.Zero);

    private static HypervisorException Refuse(string message, string recommendedAction) =>
        new(message, FaultDomain.VM, error: HypervisorError.InvalidSpecification, recommendedAction: recommendedAction);
}
