using System.Xml.Linq;

namespace Kumoi.Hypervisors;

/// <summary>The channel of the guest's agent in domain XML (https://libvirt.org/formatdomain.html).</summary>
internal static class GuestAgentDefinition
{
    public const string ChannelName = "org.qemu.guest_agent.0";

    /// <summary>Of a VM that is not off libvirt tells whether the guest has opened the channel.</summary>
    public static GuestAgentState Read(XElement domain) =>
        ChannelOf(domain) is not { } channel ? GuestAgentState.None
            : (string?)channel.Attribute("state") is "connected" ? GuestAgentState.Connected
            : GuestAgentState.Disconnected;

    private static XElement? ChannelOf(XElement domain) => domain.Elements("devices").Elements("channel").Elements("target")
        .FirstOrDefault(static target => (string?)target.Attribute("name") is ChannelName);
}
