using System.Text.Json.Nodes;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Journal;

namespace Kumoi.Speculation;

/// <summary>
/// Removes the disks that a move of a VM with its storage has left where the VM is not: what it has made at a target that it did not reach,
/// or what the VM has had at its source. Hosts themselves refuse to remove what any VM of theirs uses, or other volumes are built on.
/// </summary>
internal static class DiskRemains
{
    private static readonly TimeSpan RemovalTimeout = TimeSpan.FromSeconds(30);

    /// <summary>How long a target's copy of the VM, which has lost its source, may be there: measured up to 7 s.</summary>
    private static readonly TimeSpan CopyPatience = TimeSpan.FromSeconds(20);

    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(250);

    /// <summary>A volume, and where the VM had it or would have had it.</summary>
    internal readonly record struct Place(string Pool, string Volume, string Path);

    /// <summary>
    /// Removes what was made at a target. Only if the target has no such VM: a copy that has lost its source is waited for, since the
    /// hypervisor removes it.
    /// </summary>
    /// <returns>Why it may be there still; null: it is gone.</returns>
    public static async Task<string?> RemoveMadeAsync(
        KumoiConnection target, Guid vm, IReadOnlyList<Place> made, OperationId operation, TimeProvider time)
    {
        if (made.Count == 0)
        {
            return null;
        }

        var began = time.GetTimestamp();
        VMWhereabouts place;
        while ((place = await ReplicaRemains.ReadPlaceAsync(target, vm, time)) is VMWhereabouts.MigrationPaused or VMWhereabouts.Stopping
            && time.GetElapsedTime(began) < CopyPatience)
        {
            await Task.Delay(BetweenLooks, time, CancellationToken.None);
        }

        return place switch
        {
            VMWhereabouts.Unknown => $"{target.Name} does not answer",
            not VMWhereabouts.Absent => $"{target.Name} has the VM ({place})",
            _ => await RemoveAllAsync(target, made, operation, time, isOwn: true),
        };
    }

    /// <summary>Removes volumes that no VM of the host uses.</summary>
    /// <param name="host">Where.</param>
    /// <param name="volumes">Which.</param>
    /// <param name="operation">Whose calls these are.</param>
    /// <param name="time">The clock.</param>
    /// <param name="isOwn">The operation has made them.</param>
    /// <returns>What stays, and why; null: all are gone.</returns>
    public static async Task<string?> RemoveAllAsync(
        KumoiConnection host, IEnumerable<Place> volumes, OperationId operation, TimeProvider time, bool isOwn = false)
    {
        List<string> left = [];
        foreach (var volume in volumes)
        {
            using var limit = new CancellationTokenSource(RemovalTimeout, time);
            try
            {
                await host.Link.SendAsync(
                    new RemoveVolume(volume.Pool, volume.Volume) { Operation = operation, IsOwn = isOwn }, limit.Token);
            }
            catch (Exception e) when (e is HypervisorException or OperationCanceledException or JournalException)
            {
                left.Add($"'{volume.Path}': {e.Message.TrimEnd('.')}");
            }
        }

        return left.Count == 0 ? null : string.Join("; ", left);
    }

    /// <summary>Volumes as the journal keeps them.</summary>
    public static JsonArray ToJson(IEnumerable<Place> volumes) =>
    [
        .. volumes.Select(static volume => new JsonObject
        {
            ["pool"] = volume.Pool,
            ["volume"] = volume.Volume,
            ["path"] = volume.Path,
        }),
    ];

    public static IReadOnlyList<Place> FromJson(JsonNode? volumes) => volumes is not JsonArray array ? [] :
    [
        .. array.Select(static one => new Place((string)one!["pool"]!, (string)one["volume"]!, (string)one["path"]!)),
    ];
}
