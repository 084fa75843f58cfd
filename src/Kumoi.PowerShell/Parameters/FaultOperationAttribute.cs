using System.Management.Automation;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Faults;

namespace Kumoi.PowerShell.Parameters;

/// <summary>What a fault rule can name: a group of calls, or one call by itself.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class FaultOperationAttribute : ValidateEnumeratedArgumentsAttribute
{
    internal static readonly IReadOnlyList<string> Groups =
    [
        FaultOperation.Connect, FaultOperation.Read, FaultOperation.Define, FaultOperation.Start, FaultOperation.Stop,
        FaultOperation.Migrate,
        FaultOperation.Phase, FaultOperation.Any,
    ];

    protected override void ValidateElement(object element)
    {
        if (element is not string name || !Groups.Concat(HostCalls.Names).Contains(name, StringComparer.OrdinalIgnoreCase))
        {
            throw new ValidationMetadataException(
                $"'{Visible.Text(element?.ToString() ?? "")}' is not an operation. Use one of the groups {string.Join(", ", Groups)}, or "
                    + $"the name of a call: {string.Join(", ", HostCalls.Names)}.");
        }
    }
}
