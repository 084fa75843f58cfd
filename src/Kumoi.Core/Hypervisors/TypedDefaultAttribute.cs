namespace Kumoi.Hypervisors;

/// <summary>
/// The value of a property whose reading failed, where the type's own default would do harm: with a load of 0, a dead host looks idle
/// and attracts everything.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class TypedDefaultAttribute(object value) : Attribute
{
    public object Value => value;
}
