using System.Xml.Linq;

namespace Kumoi.FaultTolerance.Engines;

/// <summary>The console of a VM, as its definition has it: what a pair holds back.</summary>
internal static class PairConsole
{
    /// <summary>Whether the VM puts something out at the pair's console.</summary>
    public static bool IsIn(XElement domain, string folder) => domain.Elements("devices").Elements().Any(
        device => IsPort(device) && (string?)device.Element("source")?.Attribute("path") is { } path
            && Path.GetDirectoryName(path) == folder);

    /// <summary>A device by which text leaves a VM.</summary>
    public static bool IsPort(XElement device) => device.Name.LocalName is "serial" or "console" or "parallel" or "channel";
}
