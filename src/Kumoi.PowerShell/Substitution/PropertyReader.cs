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
        value = null;
        try
        {
            if (OwnOf(element) is { } own)
            {
                value = own.GetValue(element);
                return true;
            }

            if (PSObject.AsPSObject(element).Properties[name] is not { } property)
            {
                return false;
            }

            value = property.Value;
            return true;
        }
        catch (Exception e) when (e is GetValueException or TargetInvocationException or AmbiguousMatchException)
        {
            return false; // the engine says what is the matter, when it is asked
        }
    }

    /// <summary>Null: the engine is to be asked. What it has wrapped may have members of its own.</summary>
    private PropertyInfo? OwnOf(object element)
    {
        if (element is PSObject)
        {
            return null;
        }

        var type = element.GetType();
        if (type != _type)
        {
            _type = type;
            _own = PSObject.AsPSObject(element).Properties[name] is PSProperty { MemberType: PSMemberTypes.Property }
                ? type.GetProperty(name, BindingFlags.Instance | BindingFlags.Public | BindingFlags.IgnoreCase)
                : null;
        }

        return _own;
    }
}
