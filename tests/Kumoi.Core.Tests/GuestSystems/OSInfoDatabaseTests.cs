using Kumoi.GuestSystems;
using Xunit;

namespace Kumoi.Tests.GuestSystems;

public sealed class OSInfoDatabaseTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("kumoi-osinfo-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void A_system_has_what_those_had_that_it_derives_from_unless_it_says_otherwise()
    {
        Write("one.xml", """
            <os id="http://x.org/1"><short-id>one1</short-id><name>One 1</name><family>linux</family>
              <devices><device id="http://pcisig.com/pci/1af4/1001"/><device id="http://pcisig.com/pci/1af4/1000"/></devices></os>
            """);
        Write("two.xml", """
            <os id="http://x.org/2"><short-id>one2</short-id><short-id>onetwo</short-id><name>One 2</name><family>linux</family>
              <derives-from id="http://x.org/1"/>
              <devices><device id="http://pcisig.com/pci/1af4/1000" supported="false"/></devices>
              <resources arch="all"><minimum><ram>536870912</ram></minimum><recommended><ram>1073741824</ram></recommended></resources></os>
            """);
        var database = OSInfoDatabase.Read([_folder.FullName]);
        foreach (var name in new[] { "one2", "ONETWO", "http://x.org/2" })
        {
            var system = database.Find(name)!;
            Assert.Equal(("http://x.org/2", "One 2"), (system.Id, system.Name));
            Assert.Equal((true, false, false), (system.HasVirtioDisks, system.HasVirtioNetwork, system.IsWindows));
            Assert.Equal((536870912L, 1073741824L), (system.MinimumMemoryBytes, system.RecommendedMemoryBytes));
        }

        Assert.True(database.Find("one1")!.HasVirtioNetwork);
        Assert.Null(database.Find("one3"));
        Assert.Equal(["one1", "one2", "onetwo"], database.Systems.Select(one => one.ShortId).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Files_that_are_hostile_or_broken_hide_no_others_and_a_circle_ends()
    {
        Write("a.xml", "<os id='http://x.org/a'><short-id>a</short-id><derives-from id='http://x.org/b'/></os>");
        Write("b.xml", "<os id='http://x.org/b'><short-id>b</short-id><derives-from id='http://x.org/a'/><family>winnt</family></os>");
        File.WriteAllText(
            Path.Combine(_folder.FullName, "c.xml"),
            "<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><libosinfo>&e;</libosinfo>");
        File.WriteAllText(Path.Combine(_folder.FullName, "d.xml"), "<libosinfo><os");
        var database = OSInfoDatabase.Read([_folder.FullName]);
        Assert.False(database.Find("a")!.HasVirtioDisks);
        Assert.True(database.Find("b")!.IsWindows);
    }

    private void Write(string name, string system) =>
        File.WriteAllText(Path.Combine(_folder.FullName, name), $"<libosinfo version='0.0.1'>{system}</libosinfo>");
}
