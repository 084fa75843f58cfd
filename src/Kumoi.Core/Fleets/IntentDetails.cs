using System.Text.Json.Nodes;
using System.Xml;
using Kumoi.Hypervisors;

namespace Kumoi.Fleets;

/// <summary>
/// What was asked for, as the journal keeps it. An allow-list: a VM's XML and a kernel's arguments can hold passwords, and stay out.
/// </summary>
internal static class IntentDetails
{
    public const string None = "{}";

    /// <summary>The size of a VM that moved.</summary>
    public const string MemoryBytes = "memoryBytes";

    /// <summary>What a failure was of: a name of <see cref="Kumoi.FaultDomain"/>.</summary>
    public const string FaultDomain = "faultDomain";

    /// <summary>What kind of failure it was: a name of <see cref="HypervisorError"/>.</summary>
    public const string ErrorCode = "errorCode";

    public static string Of(VMSpec spec)
    {
        if (spec.Xml is not null)
        {
            return new JsonObject { ["fromXml"] = true, ["copyDisks"] = spec.CopyDisks }.ToJsonString();
        }

        var details = new JsonObject
        {
            [MemoryBytes] = spec.MemoryBytes,
            ["cpuCount"] = spec.CpuCount,
            ["disks"] = new JsonArray([.. spec.Disks.Select(Of)]),
            ["networks"] = new JsonArray([.. spec.Networks.Select(network => (JsonNode)network)]),
        };
        if (spec.Kernel is not null)
        {
            details["kernel"] = spec.Kernel;
        }

        return details.ToJsonString();
    }

    public static string Of(MigrationOptions options) => new JsonObject
    {
        ["peerToPeer"] = options.PeerToPeer,
        ["allowUnsafe"] = options.AllowUnsafe,
        ["bandwidthBytesPerSecond"] = options.BandwidthBytesPerSecond,
        ["targetUri"] = WithoutSecrets(options.TargetUri),
    }.ToJsonString();

    /// <summary>Details with one more.</summary>
    public static string With(string details, string name, JsonNode value)
    {
        var node = JsonNode.Parse(details)!.AsObject();
        node[name] = value;
        return node.ToJsonString();
    }

    /// <summary>Details with what a failure was of: who reads them later must not have to guess it from its text.</summary>
    public static string With(string details, HypervisorException failure) =>
        With(With(details, FaultDomain, failure.FaultDomain.ToString()), ErrorCode, failure.Error.ToString());

    /// <summary>The name that the VM is going to have; null where it cannot be told.</summary>
    public static string? NameOf(VMSpec spec)
    {
        if (spec.Name.Length > 0 || spec.Xml is null)
        {
            return spec.Name;
        }

        try
        {
            return SafeXml.Parse(spec.Xml).Element("name")?.Value;
        }
        catch (XmlException)
        {
            // The driver is going to say so.
            return null;
        }
    }

    /// <summary>The id that the VM's XML brings; null: it has none, or cannot be read.</summary>
    public static Guid? IdOf(VMSpec spec)
    {
        try
        {
            return spec.Xml is { } xml && Guid.TryParse(SafeXml.Parse(xml).Element("uuid")?.Value.Trim(), out var id) ? id : null;
        }
        catch (XmlException)
        {
            // The driver is going to say so.
            return null;
        }
    }

    /// <summary>Neither a password of the authority nor parameters, which can hold anything.</summary>
    private static string? WithoutSecrets(string? uri) =>
        Uri.TryCreate(uri, UriKind.Absolute, out var parsed) ? $"{parsed.Scheme}://{parsed.Authority}{parsed.AbsolutePath}" : null;

    private static JsonNode Of(DiskSpec disk)
    {
        var node = new JsonObject();
        if (disk.Path is not null)
        {
            node["path"] = disk.Path;
        }
        else
        {
            if (disk.TemplatePath is null)
            {
                node["newVolumeBytes"] = disk.NewVolumeBytes;
            }
            else
            {
                node["template"] = disk.TemplatePath;
            }

            node["storagePool"] = disk.StoragePool;
        }

        return node;
    }
}
