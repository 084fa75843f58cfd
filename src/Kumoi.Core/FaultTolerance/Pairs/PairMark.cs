using System.Text.Json;
using Kumoi.Hypervisors;
using Kumoi.Journal;

namespace Kumoi.FaultTolerance.Pairs;

/// <summary>What a mark of a pair tells whoever finds it: the pair, and whose it is.</summary>
/// <param name="Order">What was asked for.</param>
/// <param name="Owner">The process that has begun it, or has gone on with it.</param>
internal sealed record PairMark(PairOrder Order, string Owner)
{
    public static PairMark Of(PairOrder order) => new(order, OperationOwner.Current.ToToken());

    /// <summary>Null: it is damaged, or of a newer version. It still says that somebody protects the VM.</summary>
    public static PairMark? TryRead(PairMarkReading reading)
    {
        try
        {
            return JsonSerializer.Deserialize<PairMark>(reading.Text, PairFile.Options);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>In words for an admin.</summary>
    public string Whose => OperationOwner.TryParse(Owner)?.ToString() ?? Owner;

    public string ToText() => JsonSerializer.Serialize(this, PairFile.Options);
}
