using System.Buffers.Binary;
using Kumoi.Hypervisors;

namespace Kumoi.FaultTolerance.Engines.LogReplay;

/// <summary>
/// Images (qcow2, docs/interop/qcow2.txt of QEMU) that have nothing but the states of VMs: QEMU writes a state into an image of the VM
/// only.
/// </summary>
internal static class ReplayImage
{
    private const int Cluster = 64 * 1024;

    /// <summary>QEMU writes the sections of clocks and of the recording one after the other.</summary>
    private const int NearBy = 512;

    /// <summary>
    /// The section of a state that says how far a recording was, as QEMU 7.2 to 10 write it: its name, with its length before.
    /// </summary>
    private static ReadOnlySpan<byte> Section => "\u0006replay"u8;

    /// <summary>
    /// The section of clocks: instance, version, ticks, nothing, the clock, and as a part of it the count of instructions.
    /// </summary>
    private static ReadOnlySpan<byte> Clocks => "\u0005timer"u8;

    private static ReadOnlySpan<byte> Counted => "\u0005\u000ctimer/icount"u8;

    private static ReadOnlySpan<byte> NoEvent => [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];

    /// <summary>Makes an empty image.</summary>
    public static void Create(string path)
    {
        // Header, table of reference counts, their one block, table of the guest's clusters: a cluster for each.
        var image = new byte[4 * Cluster];
        Write32(0, 0x514649fb);
        Write32(4, 3); // version
        Write32(20, 16); // bits of a cluster
        Write64(24, 1 << 20); // virtual size
        Write32(36, 1); // entries of the guest's table
        Write64(40, 3 * Cluster);
        Write64(48, Cluster);
        Write32(56, 1); // clusters of the table of reference counts
        Write32(96, 4); // a reference count has 2⁴ bits
        Write32(100, 104); // length of the header
        Write64(Cluster, 2 * Cluster);
        for (var cluster = 0; cluster < 4; cluster++)
        {
            BinaryPrimitives.WriteUInt16BigEndian(image.AsSpan((2 * Cluster) + (2 * cluster)), 1);
        }

        File.WriteAllBytes(path, image);

        void Write32(int at, uint value) => BinaryPrimitives.WriteUInt32BigEndian(image.AsSpan(at), value);
        void Write64(int at, ulong value) => BinaryPrimitives.WriteUInt64BigEndian(image.AsSpan(at), value);
    }

    /// <summary>
    /// Copies an image whose states a replica was saved to, for a replica of what has been recorded since. A replica reads one event ahead,
    /// and its state says so, and also of which request that event is; a recording that goes on from that state has not read it, and the
    /// replica of that would wait for ever.
    /// </summary>
    /// <exception cref="HypervisorException">QEMU has written a state of another form.</exception>
    public static void CopyForReplica(string from, string to)
    {
        var image = File.ReadAllBytes(from);
        var found = 0;
        foreach (var fields in SectionsOf(image))
        {
            var (at, length) = FlagOf(image.AsSpan(fields))!.Value;
            image.AsSpan(fields + at, length).Clear();
            NoEvent.CopyTo(image.AsSpan(fields + at + length + 16)); // after where the log was, and how many requests there were
            found++;
        }

        if (found == 0)
        {
            throw new HypervisorException(
                "QEMU has written a state from which a recording cannot be followed.", FaultDomain.VM, error: HypervisorError.NotSupported,
                recommendedAction: "Stop the VM, and protect it anew: it is recorded from its boot then.");
        }

        File.WriteAllBytes(to, image);
    }

    /// <summary>
    /// Copies an image, so that a VM goes on from the states of a replica with the clock that it was recorded by. A replica's own clock is
    /// another one: it has replayed faster, or stood still. QEMU takes the difference for time that the guest has slept, and with a clock
    /// that is behind the guest would stand until it has come so far again: so it does from a state of another form, which is left as it is.
    /// </summary>
    public static void GoOnByItsClock(string from, string to)
    {
        var image = File.ReadAllBytes(from);
        var sections = SectionsOf(image);
        for (var at = image.AsSpan().IndexOf(Clocks); at >= 0;)
        {
            // Its recording is the section that follows: of the two clocks there, which are the host's and the VM's, the second one.
            var fields = at + Clocks.Length;
            var recording = sections.Find(section => section > fields && section < fields + NearBy);
            if (recording > 0 && image.AsSpan(fields + 32).StartsWith(Counted))
            {
                image.AsSpan(recording + 16, 8).CopyTo(image.AsSpan(fields + 24));
            }

            var next = image.AsSpan(fields).IndexOf(Clocks);
            at = next < 0 ? next : fields + next;
        }

        File.WriteAllBytes(to, image);
    }

    /// <summary>
    /// Where the fields of recordings are. Instance and version; two clocks, the count of instructions, how many are left of the event;
    /// from version 3 on the number of the event; its kind; whether it was read and not used; how long the log was; how many requests to
    /// disks there were; the request that the event is of.
    /// </summary>
    private static List<int> SectionsOf(byte[] image)
    {
        var sections = new List<int>();
        for (var at = image.AsSpan().IndexOf(Section); at >= 0;)
        {
            var fields = at + Section.Length;
            if (fields + 72 < image.Length && FlagOf(image.AsSpan(fields)) is not null)
            {
                sections.Add(fields);
            }

            var next = image.AsSpan(fields).IndexOf(Section);
            at = next < 0 ? next : fields + next;
        }

        return sections;
    }

    private static (int At, int Length)? FlagOf(ReadOnlySpan<byte> fields) => BinaryPrimitives.ReadInt32BigEndian(fields[4..]) switch
    {
        2 => (40, 4),
        3 => (44, 1),
        _ => null,
    };
}
