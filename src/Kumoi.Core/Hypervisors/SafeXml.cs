using System.Xml;
using System.Xml.Linq;

namespace Kumoi.Hypervisors;

/// <summary>
/// Parses XML that reads no file, no network and no entity, in a time that grows with its length alone. All XML, of users, of hosts and of
/// guests' metadata, goes this way.
/// </summary>
internal static class SafeXml
{
    /// <summary>
    /// As libxml2, on which libvirt stands, refuses it too. The longest chain of backing files that libvirt takes has 200.
    /// </summary>
    public const int MaxDepth = 256;

    /// <summary>More than any text that libvirt's protocol carries.</summary>
    public const int MaxLength = 4 << 20;

    private static readonly XmlReaderSettings Settings = new()
    {
        DtdProcessing = DtdProcessing.Prohibit,
        XmlResolver = null,
        MaxCharactersInDocument = MaxLength,
    };

    /// <summary>
    /// Returns the root element. Fails with <see cref="XmlException"/>, also for a document with a DTD, and for one that is too long or
    /// nested too deeply.
    /// </summary>
    public static XElement Parse(string xml)
    {
        if (xml.Length > MaxLength)
        {
            throw new XmlException($"The document has {xml.Length} characters; {MaxLength} are the most.");
        }

        EnsureIsFlat(xml);
        using var text = new StringReader(xml);
        using var reader = XmlReader.Create(text, Settings);
        return XDocument.Load(reader).Root!;
    }

    /// <summary>Before a tree is made: what walks over a deep tree takes long, or more stack than there is.</summary>
    private static void EnsureIsFlat(string xml)
    {
        using var text = new StringReader(xml);
        using var reader = XmlReader.Create(text, Settings);
        while (reader.Read())
        {
            if (reader.Depth > MaxDepth)
            {
                throw new XmlException(
                    $"Its elements are nested more than {MaxDepth} deep.", innerException: null, ((IXmlLineInfo)reader).LineNumber,
                    ((IXmlLineInfo)reader).LinePosition);
            }
        }
    }
}
