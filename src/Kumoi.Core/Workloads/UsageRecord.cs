using System.Text.Json;

namespace Kumoi.Workloads;

/// <summary>The data of an event of accounting: what each VM of one host used, and its counters, from which the next cycle goes on.</summary>
internal sealed record UsageRecord(IReadOnlyList<KumoiUsage> Used, IReadOnlyDictionary<Guid, UsageCounters> Counters)
{
    public static string Format(IReadOnlyList<KumoiUsage> used, IReadOnlyDictionary<Guid, UsageCounters> counters) =>
        JsonSerializer.Serialize(new UsageRecord(used, counters));

    /// <summary>The counters of each VM; none if the data is another version's.</summary>
    public static IReadOnlyDictionary<Guid, UsageCounters> Parse(string data)
    {
        try
        {
            return JsonSerializer.Deserialize<UsageRecord>(data)?.Counters ?? new Dictionary<Guid, UsageCounters>();
        }
        catch (JsonException)
        {
            return new Dictionary<Guid, UsageCounters>();
        }
    }
}
