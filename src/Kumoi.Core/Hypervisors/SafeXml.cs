using System.Xml;
using System.Xml.Linq;

namespace Kumoi.Hypervisors;

/// <summary>Parses XML that reads no file, no network and no entity.</summary>
internal static class SafeXml
{
    private static readonly XmlReaderSettings Settings = new() { DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null };

    /// <summary>Returns the root element. Fails with <see cref="XmlException"/>, also for a document with a DTD.</summary>
    public static XElement Parse(string xml)
    {
        using StringReader text = new(xml);
        using XmlReader reader = XmlReader.Create(text, Settings);
        return XDocument.Load(reader).Root!;
    }
}
