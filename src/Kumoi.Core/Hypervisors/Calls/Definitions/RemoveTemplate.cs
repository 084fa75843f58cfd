using System.Text.Json.Nodes;

namespace Kumoi.Hypervisors.Calls;

/// <summary>
/// Removes a template; with <paramref name="RemoveVolumes"/> also the volumes of its disks. While a disk is built on one of them it fails
/// with <see cref="HypervisorError.InvalidState"/>, and nothing has changed. Each disk that stays although it was to go is told by
/// <see cref="CallWarnings"/>.
/// </summary>
public sealed record RemoveTemplate(Guid Id, bool RemoveVolumes = false) : VMChange<Done>(Id)
{
    public override string JournalKind => "RemoveTemplate";

    public override string FaultOperation => Faults.FaultOperation.Define;

    public override MaskPolicy Masking => MaskPolicy.TypedDefault;

    public override bool IsForTemplates => true;

    public override JsonObject? Details => RemoveVolumes ? new JsonObject { ["removeVolumes"] = true } : null;

    /// <summary>For a template on whose disk another is built.</summary>
    internal static HypervisorException IsUsed(string name, string host, string disk, string use) => new(
        $"The template '{name}' on {host} cannot be removed: of its disk '{disk}' {use}.", FaultDomain.VM,
        error: HypervisorError.InvalidState,
        recommendedAction: "Remove its linked copies first (Remove-KumoiVM -RemoveDisk), or keep the template as long as they are there.");
}
