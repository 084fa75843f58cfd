using System.Management.Automation;

namespace Kumoi.PowerShell.Parameters;

/// <summary>A VM as a parameter takes it: a <see cref="KumoiVM"/>, or a name, which may have wildcards.</summary>
public sealed class VMReference
{
    public VMReference(object value)
    {
        Value = value is PSObject wrapped ? wrapped.BaseObject : value;
        if (Value is not (KumoiVM or string))
        {
            throw new ArgumentException($"A {Value?.GetType().Name ?? "null"} is not a VM: give a KumoiVM or a VM's name.", nameof(value));
        }
    }

    internal object Value { get; }

    /// <inheritdoc cref="HostReference.Host"/>
    internal KumoiVM? VM => Value as KumoiVM;

    public override string ToString() => Value.ToString()!;
}
