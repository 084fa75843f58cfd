using System.Text;
using System.Xml.Linq;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Definitions;
using Kumoi.Hypervisors.Libvirt.Native;
using Kumoi.Hypervisors.Libvirt.Power;
using static Kumoi.Hypervisors.Libvirt.Definitions.DeviceChange;

namespace Kumoi.Hypervisors.Libvirt.Storage;

/// <summary>Settings of disks (libvirt-domain). Its methods block.</summary>
internal static unsafe class DiskTuning
{
    /// <summary>
    /// virDomainUpdateDeviceFlags of a VM that is off; virDomainSetBlockIoTune, now and in the definition. What the first has done is taken
    /// back where the second fails.
    /// </summary>
    public static DiskReading Set(LibvirtConnection connection, SetDisk call)
    {
        using var domain = connection.GetDomain(call.Id);
        var (now, definition) = ReadBoth(connection, domain);
        var disk = DiskDefinition.Find(now ?? definition!, call.Target);
        DiskDefinition.EnsureIs(disk, domain.Name, call.Target, call.Path);
        if (call.Settings.NeedsOff && now is not null)
        {
            throw DiskDefinition.RunsWith(domain.Name, call.Target);
        }

        var action = $"set the disk '{call.Target}' of VM '{domain.Name}'";
        if (call.Settings.NeedsOff)
        {
            connection.Change(
                NativeDomain.virDomainUpdateDeviceFlags(domain, call.Settings.Apply(disk!).ToString(), InDefinition), action);
        }

        if (call.Settings.HasLimits)
        {
            try
            {
                SetLimits(connection, domain, call, now, definition, action);
            }
            catch (HypervisorException e) when (call.Settings.NeedsOff && !e.OutcomeUnknown)
            {
                connection.Change(NativeDomain.virDomainUpdateDeviceFlags(domain, disk!.ToString(), InDefinition), action + " back");
                throw;
            }
        }

        var after = DomainDefinition.Parse(DomainCalls.ReadXml(connection, domain));
        return DiskReader.Read(domain, DiskDefinition.Find(after, call.Target) ?? disk!);
    }

    private static void SetLimits(
        LibvirtConnection connection, DomainHandle domain, SetDisk call, XElement? now, XElement? definition, string action)
    {
        // In its definition the disk may be another one by now, or be gone: then it is not changed there.
        var defined = definition is null ? null : DiskDefinition.Find(definition, call.Target);
        var isSame = defined is not null && DomainCopy.ImageOf(defined) == call.Path;
        var limits = call.Settings.Apply(DiskLimits.Of(DiskDefinition.Find(now ?? definition!, call.Target)!));
        var wanted = limits.ToParameters();
        using var parameters = new TypedParameterList(wanted.Count);
        foreach (var (name, value) in wanted)
        {
            parameters.Add(Encoding.UTF8.GetBytes(name), (ulong)value);
        }

        connection.Change(
            NativeDomain.virDomainSetBlockIoTune(
                domain, call.Target, parameters.First, parameters.Count, Impact(now, isSame ? definition : null)),
            action);
    }
}
