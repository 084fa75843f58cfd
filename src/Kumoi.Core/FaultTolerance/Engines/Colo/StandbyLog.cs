using System.Xml.Linq;
using Kumoi.FaultTolerance.Pairs;

namespace Kumoi.FaultTolerance.Engines.Colo;

/// <summary>
/// All that a standby has put out at its console since its start, in a file that its host writes: also while there is no controller, whose
/// successor reads it.
/// </summary>
internal sealed class StandbyLog(string folder)
{
    /// <summary>Has the standby's host write it.</summary>
    public void AddTo(XElement domain, int number, string consoleSocket)
    {
        foreach (var port in domain.Elements("devices").Elements().Where(PairConsole.IsPort)
            .Where(port => (string?)port.Element("source")?.Attribute("path") == consoleSocket))
        {
            port.Elements("log").Remove();
            port.Add(new XElement("log", new XAttribute("file", PathOf(number)), new XAttribute("append", "off")));
        }
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

    private string PathOf(int number) => Path.Combine(folder, FormattableString.Invariant($"console-ck{number}.log"));
}
