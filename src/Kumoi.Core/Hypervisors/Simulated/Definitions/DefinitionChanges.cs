using System.Xml.Linq;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Simulated.Hosts;

namespace Kumoi.Hypervisors.Simulated.Definitions;

/// <summary>Definitions of VMs that are there, as a whole and in their words.</summary>
internal static class DefinitionChanges
{
    public static VMTexts Describe(SimulatedLink link, DescribeVM call)
    {
        var vm = SimulatedDevices.Staying(link, call.Id);
        var before = VMTexts.Of(vm.ToXml());
        vm.Definition = Set(SimulatedDevices.CopyOf(vm), call);
        vm.NextDefinition = vm.NextDefinition is { } next ? Set(new XElement(next), call) : null;
        link.Host.Publish(vm, VMLifecycle.Defined, link.Now);
        return before;
    }

    /// <summary>One that runs has it from its next start on.</summary>
    public static string Redefine(SimulatedLink link, RedefineVM call)
    {
        var vm = SimulatedDevices.Staying(link, call.Id);
        if (vm.IsTransient)
        {
            throw SimulatedLink.WrongState(vm, "define");
        }

        var wanted = Redefinition.Make(vm.ToNextXml().ToString(), call.Before, call.Xml);
        var sizes = SizesOf(wanted, vm.Name);
        if (vm.State is PowerState.Shutoff)
        {
            vm.Take(sizes);
            vm.Definition = wanted;
        }
        else
        {
            (vm.Next, vm.NextDefinition) = (sizes, wanted);
        }

        link.Host.Publish(vm, VMLifecycle.Defined, link.Now);
        return vm.ToNextXml().ToString();
    }

    private static VMSizes SizesOf(XElement domain, string vm)
    {
        VMSizes? sizes = null;
        try
        {
            sizes = VMSizes.Of(domain);
        }
        catch (Exception e) when (e is FormatException or OverflowException)
        {
            // It is no number.
        }

        return sizes is { CpuCount: > 0, MaxMemoryBytes: > 0 } && sizes.CpuCount <= sizes.MaxCpuCount ? sizes
            : throw new HypervisorException(
                $"'{vm}' would have no CPU, or no memory.", FaultDomain.VM, error: HypervisorError.InvalidSpecification,
                recommendedAction: "Correct <vcpu> and <memory> in the XML.");
    }

    private static XElement Set(XElement domain, DescribeVM call)
    {
        foreach (var (name, text) in new[] { ("title", call.Title), ("description", call.Description) })
        {
            if (text is not null)
            {
                domain.SetElementValue(name, text.Length == 0 ? null : text);
            }
        }

        return domain;
    }
}
