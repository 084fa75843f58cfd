using System.Text.Json.Nodes;
using System.Xml.Linq;

namespace Kumoi.Hypervisors.Simulated.Hosts;

/// <summary>What a simulated VM plays of a QEMU: as much as COLO needs. Guarded by its fleet's gate.</summary>
internal sealed class SimulatedQemu(SimulatedVM vm)
{
    private static readonly XName Version = XName.Get("qemu", DomainDefinition.KumoiNamespace);

    public SimulatedVM VM => vm;

    /// <summary>Where it takes a VM's state; null: nowhere.</summary>
    public int? Port { get; set; }

    /// <summary>QEMU's status of a migration; null: there was none.</summary>
    public string? Migration { get; set; }

    /// <summary>QEMU's COLOMode.</summary>
    public string Colo { get; set; } = "none";

    /// <summary>The other side of COLO.</summary>
    public SimulatedQemu? Peer { get; set; }

    /// <summary>The peer's host.</summary>
    public SimulatedHost? PeerHost { get; set; }

    /// <summary>Objects and character devices that it was given, by name; true: an object. They do nothing.</summary>
    public SortedDictionary<string, bool> Parts { get; } = new(StringComparer.Ordinal);

    public IEnumerable<string> NamesOf(bool isObject) => Parts.Where(part => part.Value == isObject).Select(static part => part.Key);

    /// <summary>The version of its QEMU: what its XML says, in metadata as &lt;qemu version='10.0.3'/&gt; of our namespace, or a sound one.</summary>
    public JsonObject AnswerVersion()
    {
        var given = (string?)vm.Definition?.Elements("metadata").Elements(Version).FirstOrDefault()?.Attribute("version");
        var version = System.Version.TryParse(given, out var parsed) ? parsed : new Version(10, 2, 0);
        return new JsonObject
        {
            ["qemu"] = new JsonObject { ["major"] = version.Major, ["minor"] = version.Minor, ["micro"] = Math.Max(0, version.Build) },
        };
    }
}
