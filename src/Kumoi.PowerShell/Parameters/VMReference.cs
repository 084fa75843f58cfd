using System.ComponentModel;
using System.Management.Automation;

namespace Kumoi.PowerShell.Parameters;

/// <summary>A VM as a parameter takes it: a <see cref="KumoiVM"/>, or a name, which may have wildcards where it was typed.</summary>
[TypeConverter(typeof(ReferenceConverter))]
public sealed class VMReference : INameReference
{
    public VMReference(object value)
    {
        Value = ReferenceConverter.NameOf(value) ?? (value is PSObject wrapped ? wrapped.BaseObject : value);
        if (Value is KumoiTemplate template)
        {
            Value = template.VM;
        }

        if (Value is not (KumoiVM or string))
        {
            throw new ArgumentException($"A {Value?.GetType().Name ?? "null"} is not a VM: give a KumoiVM or a VM's name.", nameof(value));
        }
    }

    internal object Value { get; private set; }

    /// <inheritdoc cref="HostReference.Host"/>
    internal KumoiVM? VM => Value as KumoiVM;

    /// <inheritdoc cref="INameReference.IsTyped"/>
    internal bool IsTyped { get; private set; }

    /// <inheritdoc cref="HostReference.Name"/>
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
