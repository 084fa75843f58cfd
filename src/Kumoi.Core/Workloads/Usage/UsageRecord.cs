using System.Text.Json;

namespace Kumoi.Workloads.Usage;

/// <summary>
/// The data of an event of accounting: what each VM of one host used, its counters, from which the next cycle goes on, and all VMs that the
/// host had.
/// </summary>
internal sealed record UsageRecord(
    IReadOnlyList<KumoiUsage> Used, IReadOnlyDictionary<Guid, UsageCounters> Counters, IReadOnlyList<Guid> Seen)
{
    public static string Format(
        IReadOnlyList<KumoiUsage> used, IReadOnlyDictionary<Guid, UsageCounters> counters, IEnumerable<Guid> seen) =>
        JsonSerializer.Serialize(new UsageRecord(used, counters, [.. seen]));

    /// <summary>Null: the data is another version's.</summary>
    public static UsageRecord? Parse(string data)
    {
        try
        {
            return JsonSerializer.Deserialize<UsageRecord>(data) is { Counters: not null, Seen: not null } record ? record : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
