using System.Xml.Linq;

namespace Kumoi.FaultTolerance.Engines.Colo;

/// <summary>
/// All that a standby has put out at its console since its start, in a file that its QEMU itself writes: whoever controls the pair, or
/// nobody.
/// </summary>
/// <remarks>
/// A standby is connected to no gate: while a gate is dying with its controller, QEMU neither sends what the guest puts out nor writes it
/// down. Its console finds a gate when it takes over. A socket is of one computer, and so is this file.
/// </remarks>
internal sealed class StandbyLog(string folder)
{
    private const string Option = "-set";

    private static readonly XNamespace Qemu = "http://libvirt.org/schemas/domain/qemu/1.0";

    /// <summary>Has the standby's QEMU write it. Not libvirt's own log: that is written later than it is put out.</summary>
    public void AddTo(XElement domain, int number, string consoleSocket)
    {
        var port = domain.Elements("devices").Elements().FirstOrDefault(device => PairConsole.IsPort(device)
            && device.Name.LocalName is not "console" && (string?)device.Element("source")?.Attribute("path") == consoleSocket);
        if (port is null || domain.Element(Qemu + "commandline") is not { } arguments)
        {
            return;
        }

        var setting = $"chardev.char{(string?)port.Element("alias")?.Attribute("name") ?? "serial0"}.log";
        foreach (var old in arguments.Elements().Where(argument => ValueOf(argument)?.StartsWith(setting, StringComparison.Ordinal) is true)
            .ToList())
        {
            // The VM may have been a standby itself.
            old.ElementsBeforeSelf().LastOrDefault()?.Remove();
            old.Remove();
        }

        arguments.Add(Argument(Option), Argument($"{setting}file={PathOf(number)}"), Argument(Option), Argument($"{setting}append=off"));
    }

    /// <summary>How much it has; 0: there is none.</summary>
    public long LengthOf(int number) => new FileInfo(PathOf(number)) is { Exists: true } file ? file.Length : 0;

    /// <summary>What was put out from a position on.</summary>
    public byte[] Read(int number, long from)
    {
        if (LengthOf(number) <= from)
        {
            return [];
        }

        using var file = new FileStream(PathOf(number), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        file.Seek(from, SeekOrigin.Begin);
        using var read = new MemoryStream();
        file.CopyTo(read);
        return read.ToArray();
    }

    /// <summary>What an earlier one of that number has left is not of the next.</summary>
    public void Remove(int number) => File.Delete(PathOf(number));

    private static string? ValueOf(XElement argument) => (string?)argument.Attribute("value");

    private static XElement Argument(string value) => new(Qemu + "arg", new XAttribute("value", value));

    private string PathOf(int number) => Path.Combine(folder, FormattableString.Invariant($"console-ck{number}.log"));
}
