using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Kumoi.Hypervisors.Calls;

/// <summary>
/// Moves a running VM to another host, a link of the same driver. Cancellation aborts the hypervisor's job and leaves the VM where it was.
/// Gives the VM as read on the target.
/// </summary>
/// <param name="Id">The VM.</param>
/// <param name="Target">The host that it goes to.</param>
/// <param name="Options">How it is done.</param>
public sealed record MigrateVM(Guid Id, [property: JsonIgnore] IHypervisorLink Target, MigrationOptions Options) : VMChange<VMReading>(Id)
{
    /// <summary>The VM's name, for errors; null: as the link knows it.</summary>
    public string? KnownName { get; init; }

    [JsonIgnore]
    public IProgress<MigrationProgress>? Progress { get; init; }

    public override CallKind Kind => CallKind.Job;

    public override string JournalKind => "Migrate";

    public override string FaultOperation => Faults.FaultOperation.Migrate;

    public override MaskPolicy Masking => MaskPolicy.TypedDefault;

    public override string? VMName => KnownName;

    public override bool BringsVM => true;

    public override IHypervisorLink? OtherHost => Target;

    public override bool IsUndoneByCancellation => true;

    public override JsonObject? Details => new()
    {
        ["peerToPeer"] = Options.PeerToPeer,
        ["allowUnsafe"] = Options.AllowUnsafe,
        ["bandwidthBytesPerSecond"] = Options.BandwidthBytesPerSecond,
        ["targetUri"] = WithoutSecrets(Options.TargetUri),
        [JournalDetails.Disks] = Options.Disks.Count == 0 ? null : new JsonArray([.. Options.Disks.Select(disk => new JsonObject
        {
            ["target"] = disk.Target,
            ["path"] = disk.Path,
            ["targetPath"] = disk.TargetPath,
        })]),
    };

    /// <summary>How long a migration takes depends on the VM's memory.</summary>
    public override JsonObject? DetailsOf(VMReading result)
    {
        var details = Details!;
        details[JournalDetails.MemoryBytes] = result.MemoryBytes;
        return details;
    }

    public override HostCall<VMReading> WithOtherHost(IHypervisorLink link) => this with { Target = link };

    /// <summary>Neither a password of the authority nor parameters, which can hold anything.</summary>
    private static string? WithoutSecrets(string? uri) =>
        Uri.TryCreate(uri, UriKind.Absolute, out var parsed) ? $"{parsed.Scheme}://{parsed.Authority}{parsed.AbsolutePath}" : null;
}
