using System.Xml.Linq;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Native;
using Kumoi.Hypervisors.Libvirt.Power;

namespace Kumoi.Hypervisors.Libvirt.Definitions;

/// <summary>Removes templates on which nothing is built. Its methods block.</summary>
internal static class TemplateRemoval
{
    /// <summary>
    /// The template is closed before it is looked who uses it: who copies it looks after the copy was made whether it is open, so that one
    /// of both sees the other. Returns a sentence for each disk that stays although it was to go.
    /// </summary>
    public static List<string> Remove(LibvirtConnection connection, RemoveTemplate call)
    {
        using var domain = connection.GetDomain(call.Id);
        var definition = DomainDefinition.Parse(DomainCalls.ReadDefinition(connection, domain));
        TemplateMark.SetClosed(definition, isClosed: true);
        Define();

        var plain = new XElement(definition);
        TemplateMark.Unset(plain);
        var images = DomainCopy.WritableDisks(plain).Select(DomainCopy.ImageOf).OfType<string>().ToList();
        try
        {
            // Another host may have built on what both have.
            VolumeStore.Refresh(connection, images.Select(ImagePath.DirectoryOf));
            var uses = ImageUsesReader.Read(connection, without: domain.Name);
            foreach (var image in images)
            {
                if (uses.FindKnownUse(image) is { } use)
                {
                    throw RemoveTemplate.IsUsed(domain.Name, connection.Label, image, use);
                }
            }
        }
        catch (HypervisorException)
        {
            TemplateMark.SetClosed(definition, isClosed: false);
            Define();
            throw;
        }

        var warnings = call.RemoveVolumes ? VolumeRemoval.RemoveDisks(connection, domain.Name, plain) : [];
        VMDefiner.UndefineAsFarAsKnown(connection, domain, withSavedState: false);
        return warnings;

        void Define() => VMDefiner.Redefine(connection, definition, $"change the template '{domain.Name}'");
    }
}
