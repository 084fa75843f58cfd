using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Definitions;
using Kumoi.Hypervisors.Libvirt.Power;

namespace Kumoi.Hypervisors.Libvirt.FaultTolerance;

/// <summary>Finds the marks of pairs on a host. It blocks.</summary>
internal static class PairMarksReader
{
    public static IReadOnlyList<PairMarkReading> Read(LibvirtConnection connection)
    {
        using var domains = VMDefiner.ListDomains(connection);
        List<PairMarkReading> marks = [];
        foreach (var domain in domains.Where(static domain => PairMarks.IsMark(domain.Name)))
        {
            try
            {
                var definition = DomainDefinition.Parse(DomainCalls.ReadXml(connection, domain));
                marks.Add(new PairMarkReading(domain.Name, definition.Element("description")?.Value ?? ""));
            }
            catch (HypervisorException e) when (e.Error is HypervisorError.VMNotFound)
            {
                // It was removed meanwhile.
            }
        }

        return marks;
    }
}
