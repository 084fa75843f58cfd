using System.ComponentModel;
using System.Management.Automation;

namespace Kumoi.PowerShell.Parameters;

/// <summary>
/// A host as a parameter takes it: a <see cref="KumoiHost"/>, a <see cref="KumoiConnection"/>, or a name, which may have wildcards where it
/// was typed.
/// </summary>
[TypeConverter(typeof(ReferenceConverter))]
public sealed class HostReference : INameReference
{
    public HostReference(object value)
    {
        Value = ReferenceConverter.NameOf(value) ?? (value is PSObject wrapped ? wrapped.BaseObject : value);
        if (Value is not (KumoiHost or KumoiConnection or string))
        {
            // Also what keeps a KumoiVM in the pipeline from being taken for a host's name.
            throw new ArgumentException(
                $"A {Value?.GetType().Name ?? "null"} is not a host: give a KumoiHost or a host's name.", nameof(value));
        }
    }

    internal object Value { get; private set; }

    /// <summary>The object itself, where one was given: it carries the lineage.</summary>
    internal KumoiHost? Host => Value as KumoiHost;

    /// <inheritdoc cref="INameReference.IsTyped"/>
    internal bool IsTyped { get; private set; }

    /// <summary>The name that was given; an object's own name, which is no pattern.</summary>
    internal NameText Name => Value is string text ? new(text, isLiteral: !IsTyped) : new(ToString(), isLiteral: true);

    bool INameReference.IsTyped
    {
        set => IsTyped = value;
    }

    string? INameReference.Text
    {
        get => Value as string;
        set => Value = value!;
    }

    public override string ToString() => Value.ToString()!;
}
