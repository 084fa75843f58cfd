using System.Management.Automation;
using System.Xml;
using System.Xml.Linq;

namespace Kumoi.PowerShell.Parameters;

/// <summary>
/// XML as people have it: as text, as the lines of a file, or as a document. A path is none, and the error says how to read it.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class XmlTextAttribute : ArgumentTransformationAttribute
{
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        var given = inputData is PSObject wrapped ? wrapped.BaseObject : inputData;
        return given switch
        {
            XmlNode node => node.OuterXml,
            XNode node => node.ToString(),
            FileSystemInfo file => throw IsPath(file.FullName),
            string text => Text(text),
            object[] lines when lines.Length > 0 && lines.All(line => Unwrap(line) is string) =>
                Text(string.Join('\n', lines.Select(Unwrap))),
            string[] lines => Text(string.Join('\n', lines)),
            _ => inputData,
        };
    }

    private static object? Unwrap(object? value) => value is PSObject wrapped ? wrapped.BaseObject : value;

    /// <summary>Without what stands before the document: a mark of the byte order, which a file may begin with, and white space.</summary>
    private static string Text(string text)
    {
        var xml = text.TrimStart('\uFEFF', ' ', '\t', '\r', '\n');
        return xml.Length == 0 || xml.Contains('<', StringComparison.Ordinal) ? xml : throw IsPath(text.Trim());
    }

    private static ArgumentTransformationMetadataException IsPath(string text) => new(
        $"'{Visible.Text(text)}' is not XML. If it is the path of a file, read the file: -Xml (Get-Content -Raw -LiteralPath "
            + $"'{Visible.Text(text).Replace("'", "''", StringComparison.Ordinal)}')");
}
