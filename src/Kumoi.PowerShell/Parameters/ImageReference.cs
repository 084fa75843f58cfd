using System.Management.Automation;

namespace Kumoi.PowerShell.Parameters;

/// <summary>
/// An image on a host as a parameter takes it: a <see cref="KumoiVolume"/>, the path of a file there, or the name of a volume of the
/// storage pool.
/// </summary>
public sealed class ImageReference
{
    public ImageReference(object value) => Text = (value is PSObject wrapped ? wrapped.BaseObject : value) switch
    {
        KumoiVolume volume => volume.Path,
        string { Length: > 0 } text => text,
        var other => throw new ArgumentException(
            $"A {other?.GetType().Name ?? "null"} is no image: give a KumoiVolume, a path on the host, or the name of a volume.",
            nameof(value)),
    };

    /// <summary>A path, which begins with '/', or a name.</summary>
    internal string Text { get; }

    public override string ToString() => Text;
}
