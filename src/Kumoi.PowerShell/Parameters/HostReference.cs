using System.Management.Automation;

namespace Kumoi.PowerShell.Parameters;

/// <summary>A host as a parameter takes it: a <see cref="KumoiHost"/>, a <see cref="KumoiConnection"/>, or a name, which may have wildcards.</summary>
public sealed class HostReference
{
    public HostReference(object value)
    {
        Value = value is PSObject wrapped ? wrapped.BaseObject : value;
        if (Value is not (KumoiHost or KumoiConnection or string))
        {
            // Also what keeps a KumoiVM in the pipeline from being taken for a host's name.
            throw new ArgumentException($"A {Value?.GetType().Name ?? "null"} is not a host: give a KumoiHost or a host's name.", nameof(value));
        }
    }

    internal object Value { get; }

    /// <summary>The object itself, where one was given: it carries the lineage.</summary>
    internal KumoiHost? Host => Value as KumoiHost;

    public override string ToString() => Value.ToString()!;
}
