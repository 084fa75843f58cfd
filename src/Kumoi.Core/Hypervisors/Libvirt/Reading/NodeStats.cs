using System.Text;
using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Native;

namespace Kumoi.Hypervisors.Libvirt.Reading;

/// <summary>Reads the named counters of a node.</summary>
internal static unsafe class NodeStats
{
    // libvirt has 5 or 6 of each; more would be news.
    private const int MaxCount = 64;

    public delegate int Call(ConnectionHandle connection, int part, VirNodeStat* stats, int* count, uint flags);

    /// <summary>Null where the hypervisor does not tell.</summary>
    /// <param name="connection">To the node.</param>
    /// <param name="call">What reads them.</param>
    /// <param name="part">Of the node.</param>
    /// <param name="usual">How many the node before had, 0: not known. One that has others refuses so many, and is asked first.</param>
    public static NodeStat[]? Read(LibvirtConnection connection, Call call, int part, ref int usual)
    {
        VirNodeStat* stats = stackalloc VirNodeStat[MaxCount];
        var count = Volatile.Read(ref usual);
        if (count == 0 || call(connection.Handle, part, stats, &count, 0) != 0)
        {
            count = 0;
            if (call(connection.Handle, part, null, &count, 0) != 0 || count is <= 0 or > MaxCount)
            {
                return null;
            }

            if (call(connection.Handle, part, stats, &count, 0) != 0)
            {
                return null;
            }

            Volatile.Write(ref usual, count);
        }

        var result = new NodeStat[count];
        for (var i = 0; i < count; i++)
        {
            result[i] = new NodeStat(Encoding.UTF8.GetString(NativeString.InField(stats[i].Field, 80)), stats[i].Value);
        }

        return result;
    }
}
