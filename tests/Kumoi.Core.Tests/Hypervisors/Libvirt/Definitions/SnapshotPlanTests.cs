using System.Xml.Linq;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Libvirt.Snapshots;
using Xunit;

namespace Kumoi.Tests.Hypervisors.Libvirt.Definitions;

/// <summary>Where a snapshot of a VM is kept.</summary>
public sealed class SnapshotPlanTests
{
    private const string Qcow2 =
        "<disk type='file' device='disk'><driver type='qcow2'/><source file='/images/a.qcow2'/><target dev='vda'/></disk>";
    private const string Raw =
        "<disk type='file' device='disk'><driver type='raw'/><source file='/images/b.img'/><target dev='vdb'/></disk>";
    private const string Drive =
        "<disk type='file' device='cdrom'><driver type='raw'/><source file='/iso/x.iso'/><target dev='sda'/><readonly/></disk>";
    private const string Network =
        "<disk type='network' device='disk'><driver type='raw'/><source protocol='rbd' name='p/v'/><target dev='vdc'/></disk>";
    private const string Bios = "<os><type>hvm</type></os>";

    [Theory]
    [InlineData(Qcow2, Bios, false, false, SnapshotKind.Internal)]
    [InlineData(Qcow2, Bios, true, true, SnapshotKind.Internal)]
    [InlineData(Qcow2, Bios, true, false, SnapshotKind.External)] // libvirt keeps nothing within an image that is written to
    [InlineData(Qcow2 + Drive, Bios, false, false, SnapshotKind.Internal)]
    [InlineData(Qcow2 + Raw, Bios, false, false, SnapshotKind.External)]
    [InlineData(Raw, Bios, true, true, SnapshotKind.External)]
    [InlineData("", Bios, true, true, SnapshotKind.External)]
    [InlineData(Drive, Bios, true, true, SnapshotKind.External)]
    [InlineData(Qcow2, "<os firmware='efi'><type>hvm</type></os>", false, false, SnapshotKind.External)]
    [InlineData(Qcow2, "<os><type>hvm</type><nvram>/nvram/a</nvram></os>", true, true, SnapshotKind.External)]
    public void It_is_within_the_images_where_they_can_keep_all_of_it(
        string disks, string os, bool isActive, bool withMemory, SnapshotKind expected)
    {
        var plan = Make(disks, os, isActive, withMemory);
        Assert.Equal(expected, plan.Kind);
        Assert.Equal(
            withMemory ? expected is SnapshotKind.Internal ? "internal" : "external" : "no",
            (string?)plan.Description.Element("memory")!.Attribute("snapshot"));
        Assert.All(
            plan.Description.Descendants("disk"),
            disk => Assert.Equal(
                (string?)disk.Attribute("name") is "sda" ? "no" : expected is SnapshotKind.Internal ? "internal" : "external",
                (string?)disk.Attribute("snapshot")));
    }

    [Fact]
    public void Its_files_bear_a_mark_and_lie_next_to_the_images_also_after_earlier_ones()
    {
        var first = Files(Make(Qcow2 + Raw, Bios, isActive: true, withMemory: true));
        Assert.Equal(3, first.Count);
        Assert.All(first, file => Assert.Matches(@"^/images/(a|b|web)\.kumoi-[0-9a-f]{12}(-vd[ab]\.qcow2|\.memory)$", file));
        Assert.All(first, file => Assert.True(SnapshotFileNames.BearsMark(file)));

        var again = Files(Make(
            Qcow2.Replace("/images/a.qcow2", first[1], StringComparison.Ordinal), Bios, isActive: true, withMemory: false));
        Assert.Matches(@"^/images/a\.kumoi-[0-9a-f]{12}-vda\.qcow2$", again.Single());
        Assert.False(SnapshotFileNames.BearsMark("/images/kumoi-1.qcow2"));
    }

    [Theory]
    [InlineData("", false, false, "no disk that it writes to")]
    [InlineData(Drive, true, false, "no disk that it writes to")]
    [InlineData(Network, true, false, "needs an image that is a file")]
    [InlineData(
        "<disk type='file' device='disk'><driver type='raw'/><source file='/elsewhere/b.img'/><target dev='vdb'/></disk>", false, false,
        "in no active storage pool")]
    public void What_could_not_be_kept_or_removed_again_is_refused(string disks, bool isActive, bool withMemory, string message)
    {
        var refusal = Assert.Throws<HypervisorException>(() => Make(disks, Bios, isActive, withMemory));
        Assert.Equal((HypervisorError.NotSupported, FaultDomain.VM), (refusal.Error, refusal.FaultDomain));
        Assert.Contains(message, refusal.Message, StringComparison.Ordinal);
        Assert.NotEmpty(refusal.RecommendedAction!);
    }

    [Fact]
    public void Names_and_descriptions_are_kept_as_they_are_whatever_characters_they_have()
    {
        var plan = SnapshotPlan.Make(
            Domain(Qcow2, Bios), new CreateSnapshot(Guid.NewGuid(), "<a> & 'b'", "\"c\"</description>"), isActive: false, ["/images"]);
        var read = SnapshotDefinition.Read(SnapshotDefinition.Parse(plan.Description.ToString()), isCurrent: false);
        Assert.Equal(("<a> & 'b'", "\"c\"</description>"), (read.Name, read.Description));
    }

    private static SnapshotPlan Make(string disks, string os, bool isActive, bool withMemory) => SnapshotPlan.Make(
        Domain(disks, os), new CreateSnapshot(Guid.NewGuid(), "one", "", withMemory), isActive, ["/images"]);

    private static XElement Domain(string disks, string os) =>
        XElement.Parse($"<domain><name>web</name>{os}<devices>{disks}</devices></domain>");

    private static List<string> Files(SnapshotPlan plan) =>
        [.. plan.Description.DescendantsAndSelf().Attributes("file").Select(attribute => attribute.Value)];
}
