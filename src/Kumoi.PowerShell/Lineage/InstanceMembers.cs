using System.Management.Automation;
using System.Reflection;

namespace Kumoi.PowerShell.Lineage;

/// <summary>The members that the author has added to one object (Add-Member). The engine keeps them beside the object.</summary>
internal static class InstanceMembers
{
    /// <summary>Tells at once that there are none, which is so of nearly all objects. The engine does not publish it.</summary>
    private static readonly MethodInfo? HasAny = typeof(PSObject)
        .GetMethod("HasInstanceMembers", BindingFlags.Static | BindingFlags.NonPublic);

    public static IEnumerable<PSMemberInfo> Of(object value)
    {
        if (HasAny is not null && HasAny.Invoke(null, [value, null]) is false)
        {
            return [];
        }

        // The object's own count as of the instance, too.
        return PSObject.AsPSObject(value).Members.Where(
            static member => member.IsInstance && member is not (PSMethod or PSProperty or PSMemberSet));
    }
}
