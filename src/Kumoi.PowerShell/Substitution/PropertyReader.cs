using System.Management.Automation;
using System.Reflection;

namespace Kumoi.PowerShell.Substitution;

/// <summary>
/// Reads a property as the engine does, of thousands of elements of one kind: what the engine finds in the first of them to be the type's
/// own property is not looked for in the others.
/// </summary>
internal sealed class PropertyReader(string name)
{
    private Type? _type;
    private PropertyInfo? _own;

    /// <summary>Reads it; false: there is none, or it cannot be read.</summary>
    public bool TryRead(object element, out object? value)
    {
        try
        {
            if (element is not PSObject && element.GetType() == _type)
            {
                if (_own is not null)
                {
                    value = _own.GetValue(element);
                    return true;
                }
            }
            else
            {
                _type = element.GetType();
                _own = PSObject.AsPSObject(element).Properties[name] is PSProperty { MemberType: PSMemberTypes.Property }
                    ? _type.GetProperty(name, BindingFlags.Instance | BindingFlags.Public | BindingFlags.IgnoreCase)
                    : null;
            }

            if (PSObject.AsPSObject(element).Properties[name] is { } property)
            {
                value = property.Value;
                return true;
            }
        }
        catch (Exception e) when (e is GetValueException or TargetInvocationException or AmbiguousMatchException)
        {
            // The engine says what is the matter, when it is asked.
        }

        value = null;
        return false;
    }
}
