using System.Buffers.Binary;
using System.Formats.Tar;
using System.Text;
using Kumoi.Exports;
using Kumoi.Hypervisors;
using Xunit;

namespace Kumoi.Tests.Exports;

/// <summary>What is read of packages that others have made, and may have made in bad faith.</summary>
public sealed class PackageTests : IDisposable
{
    private const int Seed = 7;

    private const string Ovf =
        """
        <Envelope xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1" xmlns="http://schemas.dmtf.org/ovf/envelope/1">
          <References><File ovf:id="f" ovf:href="disk.vmdk"/></References>
          <DiskSection><Disk ovf:diskId="d" ovf:fileRef="f" ovf:capacity="64" ovf:capacityAllocationUnits="byte * 2^20"/></DiskSection>
          <VirtualSystem ovf:id="web"><VirtualHardwareSection>
            <Item><ResourceType>3</ResourceType><VirtualQuantity>2</VirtualQuantity></Item>
            <Item><ResourceType>4</ResourceType><VirtualQuantity>256</VirtualQuantity></Item>
            <Item><ResourceType>17</ResourceType><HostResource>ovf:/disk/d</HostResource></Item>
          </VirtualHardwareSection></VirtualSystem>
        </Envelope>
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("kumoi-package-").FullName;
    private readonly CancellationToken _token = TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_VMDK_whose_tables_come_last_is_unpacked()
    {
        var content = Content(33 << 20); // more than one table has
        var path = Write("disk.vmdk", VmdkFile.Write(content));
        using var file = PackageFile.Open(path, "disk.vmdk");
        Assert.Equal(content.Length, StreamVmdk.ReadCapacity(file));
        StreamVmdk.Unpack(file, In("disk.raw"), progress: null, _token);
        Assert.Equal(content, File.ReadAllBytes(In("disk.raw")));
    }

    [Theory]
    [InlineData("# Disk DescriptorFile\nparentCID=1234abcd\n")]
    [InlineData("CID=1\nparentFileNameHint=\"/etc/shadow\"\n")]
    public void A_VMDK_that_names_another_file_is_refused(string descriptor)
    {
        using var file = PackageFile.Open(Write("disk.vmdk", VmdkFile.Write(Content(1 << 20), descriptor)), "disk.vmdk");
        Assert.Contains("built on another", Refused(() => StreamVmdk.ReadCapacity(file)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_table_that_names_one_grain_again_and_again_writes_it_once()
    {
        var content = new byte[1 << 20];
        content[0] = 1;
        var vmdk = VmdkFile.Write(content);
        var table = FindTable(vmdk);
        for (var i = 1; i < 16; i++)
        {
            vmdk.AsSpan(table, 4).CopyTo(vmdk.AsSpan(table + (i * 4)));
        }

        using var file = PackageFile.Open(Write("disk.vmdk", vmdk), "disk.vmdk");
        Refused(() => StreamVmdk.Unpack(file, In("disk.raw"), progress: null, _token));
        Assert.Equal(["disk.vmdk"], Directory.GetFiles(_folder).Select(Path.GetFileName));
    }

    [Fact]
    public void Cut_anywhere_a_VMDK_is_refused_and_leaves_nothing()
    {
        var vmdk = VmdkFile.Write(Content(1 << 20));
        for (var length = 0; length < vmdk.Length - VmdkFile.SectorBytes; length += (vmdk.Length / 40) + 1)
        {
            using var file = PackageFile.Open(Write("disk.vmdk", vmdk[..length]), "disk.vmdk");
            Refused(() => StreamVmdk.Unpack(file, In("disk.raw"), progress: null, _token));
        }

        Assert.Equal(["disk.vmdk"], Directory.GetFiles(_folder).Select(Path.GetFileName));
    }

    [Fact]
    public void Whatever_is_changed_in_a_package_it_is_read_or_refused()
    {
        var ova = Ova(("web.ovf", Encoding.UTF8.GetBytes(Ovf)), ("disk.vmdk", VmdkFile.Write(Content(1 << 18))));
        var random = new Random(Seed);
        var (read, refused) = (0, 0);
        for (var i = 0; i < 500; i++)
        {
            var changed = (byte[])ova.Clone();
            for (var k = random.Next(1, 9); k > 0; k--)
            {
                // Mostly where something is said: in the headers, the OVF and the tables.
                changed[random.Next(4) == 0 ? random.Next(changed.Length) : random.Next(4096)] = (byte)random.Next(256);
            }

            try
            {
                var package = ImportPackage.Open(Write("web.ova", changed));
                package.Check(_token);
                foreach (var disk in package.Disks.Where(static one => one.File is not null))
                {
                    File.Delete(package.Prepare(disk, _folder, progress: null, _token));
                }

                read++;
            }
            catch (HypervisorException e)
            {
                Assert.Equal(HypervisorError.InvalidSpecification, e.Error);
                Assert.NotEmpty(e.RecommendedAction!);
                refused++;
            }
        }

        Assert.True(read > 20 && refused > 100, $"{read} read, {refused} refused");
        Assert.Equal(["web.ova"], Directory.GetFiles(_folder).Select(Path.GetFileName));
    }

    [Fact]
    public void Units_of_an_OVF_are_bytes_in_the_end()
    {
        Assert.Equal(256L << 20, OvfEnvelope.Read(Ovf, "web.ovf").MemoryBytes);
        Assert.Equal(64L << 20, Assert.Single(OvfEnvelope.Read(Ovf, "web.ovf").Disks).CapacityBytes);
        foreach (var (unit, bytes) in new[] { ("byte", 64L), ("byte * 10^3", 64_000), ("KiloBytes", 65_536), ("GB", 64L << 30) })
        {
            var ovf = Ovf.Replace("byte * 2^20", unit, StringComparison.Ordinal);
            Assert.Equal(bytes, Assert.Single(OvfEnvelope.Read(ovf, "web.ovf").Disks).CapacityBytes);
        }

        Refused(() => OvfEnvelope.Read(Ovf.Replace("byte * 2^20", "byte * 2^99", StringComparison.Ordinal), "web.ovf"));
        Refused(() => OvfEnvelope.Read(Ovf.Replace("byte * 2^20", "furlongs", StringComparison.Ordinal), "web.ovf"));
    }

    [Fact]
    public void Checksums_of_all_three_kinds_are_checked()
    {
        var text = Encoding.UTF8.GetBytes("data");
        Write("disk.img", text);
        var files = PackageFiles.OfFolder(_folder);
        string[] sums =
        [
            $"SHA1(disk.img)= {Convert.ToHexString(System.Security.Cryptography.SHA1.HashData(text))}",
            $"SHA256 (disk.img) = {Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(text))}",
            $"SHA512(disk.img)= {Convert.ToHexStringLower(System.Security.Cryptography.SHA512.HashData(text))}",
        ];
        foreach (var sum in sums)
        {
            Write("web.mf", Encoding.UTF8.GetBytes(sum + "\r\n"));
            Assert.Equal(["disk.img"], ChecksumFile.Check(files, "web.mf", _token));
            Write("web.mf", Encoding.UTF8.GetBytes(sum[..^1] + (sum[^1] == '0' ? '1' : '0')));
            Refused(() => ChecksumFile.Check(files, "web.mf", _token));
        }

        Write("web.mf", "MD5(disk.img)= 00"u8.ToArray());
        Refused(() => ChecksumFile.Check(files, "web.mf", _token));
    }

    private static string Refused(Action action)
    {
        var e = Assert.Throws<HypervisorException>(action);
        Assert.Equal((HypervisorError.InvalidSpecification, FaultDomain.VM), (e.Error, e.FaultDomain));
        Assert.NotEmpty(e.RecommendedAction!);
        return e.Message;
    }

    private static byte[] Content(int length)
    {
        var content = new byte[length];
        var random = new Random(Seed);
        for (var at = 0; at < length; at += 3 << 16)
        {
            random.NextBytes(content.AsSpan(at, Math.Min(1 << 16, length - at)));
        }

        return content;
    }

    private static int FindTable(byte[] vmdk)
    {
        var footer = vmdk.AsSpan(vmdk.Length - (2 * VmdkFile.SectorBytes));
        var directory = (int)BinaryPrimitives.ReadUInt64LittleEndian(footer[56..]) * VmdkFile.SectorBytes;
        return (int)BinaryPrimitives.ReadUInt32LittleEndian(vmdk.AsSpan(directory)) * VmdkFile.SectorBytes;
    }

    private static byte[] Ova(params (string Name, byte[] Content)[] files)
    {
        var archive = new MemoryStream();
        using (var tar = new TarWriter(archive, leaveOpen: true))
        {
            foreach (var (name, content) in files)
            {
                tar.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(content) });
            }
        }

        return archive.ToArray();
    }

    private string In(string name) => Path.Combine(_folder, name);

    private string Write(string name, byte[] content)
    {
        File.WriteAllBytes(In(name), content);
        return In(name);
    }
}
