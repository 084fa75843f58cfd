using System.Xml.Linq;
using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Native;
using Kumoi.Hypervisors.Libvirt.Power;

namespace Kumoi.Hypervisors.Libvirt.Definitions;

/// <summary>What changes of VMs' devices share (libvirt-domain). Its methods block.</summary>
internal static class DeviceChange
{
    // virDomainModificationImpact.
    public const uint Now = 1 << 0;
    public const uint InDefinition = 1 << 1;

    /// <summary>How long a guest may take to let go of a device. libvirt itself has waited for 5 s before.</summary>
    private static readonly TimeSpan GuestPatience = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(100);

    /// <summary>The VM as it runs, and as it is defined; null: it does not run, or has no definition.</summary>
    public static (XElement? Now, XElement? Definition) ReadBoth(LibvirtConnection connection, DomainHandle domain) =>
        (VMDefiner.IsActive(connection, domain) ? DomainDefinition.Parse(DomainCalls.ReadXml(connection, domain)) : null,
            VMDefiner.IsPersistent(connection, domain) ? DomainDefinition.Parse(DomainCalls.ReadDefinition(connection, domain)) : null);

    /// <summary>Both, or the one that there is.</summary>
    public static uint Impact(XElement? now, XElement? definition) => (now is null ? 0 : Now) | (definition is null ? 0 : InDefinition);

    /// <summary>virDomainDetachDeviceFlags does not wait for the guest.</summary>
    /// <param name="connection">To the host.</param>
    /// <param name="domain">The VM.</param>
    /// <param name="device">What it is to let go of, to follow "of".</param>
    /// <param name="find">Finds it in the VM as it runs.</param>
    /// <param name="advice">What to do where it does not.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    public static void WaitUntilGone(
        LibvirtConnection connection, DomainHandle domain, string device, Func<XElement, XElement?> find, string advice,
        CancellationToken cancellationToken)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (find(DomainDefinition.Parse(DomainCalls.ReadXml(connection, domain))) is not null)
        {
            if (TimeProvider.System.GetElapsedTime(began) > GuestPatience)
            {
                throw new HypervisorException(
                    $"The guest of '{domain.Name}' has not let go of {device}. It is still in the VM's definition.",
                    FaultDomain.VM, error: HypervisorError.TimedOut, recommendedAction: advice);
            }

            if (cancellationToken.WaitHandle.WaitOne(BetweenLooks))
            {
                throw new OperationCanceledException($"The guest of '{domain.Name}' has not let go of {device} yet.", cancellationToken);
            }
        }
    }
}
