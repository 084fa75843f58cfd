using System.Text.Json.Nodes;
using Kumoi.Journal;

namespace Kumoi.Speculation.Repair;

/// <summary>What an operation has done with volumes of a host, as far as the journal knows.</summary>
internal sealed class VolumeSteps
{
    private readonly Dictionary<(string Pool, string Volume), OperationState> _made = [];
    private readonly Dictionary<(string Pool, string Volume), OperationState> _removed = [];

    private VolumeSteps()
    {
    }

    /// <summary>What became of a volume by an operation.</summary>
    public enum Fate
    {
        /// <summary>It has not tried to make it, nor to remove it.</summary>
        Untouched = 0,
        Made,
        Removed,

        /// <summary>It may have made or removed it: what has that name may be another's.</summary>
        Unknown,
    }

    public static async Task<VolumeSteps> ReadAsync(IJournal journal, Guid operation, string host, CancellationToken cancellationToken)
    {
        var steps = new VolumeSteps();
        await foreach (var step in journal.ReadOperationsAsync(new OperationQuery { Ids = [operation] }, cancellationToken))
        {
            if (step.VMHost == host && step.State is not OperationState.Failed
                && step.Kind is "CreateVolume" or "CopyVolume" or "RemoveVolume" && JsonNode.Parse(step.Details) is { } details)
            {
                var all = step.Kind is "RemoveVolume" ? steps._removed : steps._made;
                all[((string)details["pool"]!, (string)details["volume"]!)] = step.State;
            }
        }

        return steps;
    }

    /// <summary>Those that it has made, or has tried to make; in place of the path there is the pool and the name.</summary>
    public IEnumerable<DiskRemains.Place> Tried =>
        _made.Keys.Select(static key => new DiskRemains.Place(key.Pool, key.Volume, $"{key.Pool}/{key.Volume}"));

    public Fate FateOf(DiskRemains.Place volume)
    {
        var key = (volume.Pool, volume.Volume);
        return _removed.TryGetValue(key, out var removal) ? removal is OperationState.Succeeded ? Fate.Removed : Fate.Unknown
            : !_made.TryGetValue(key, out var making) ? Fate.Untouched
            : making is OperationState.Succeeded ? Fate.Made : Fate.Unknown;
    }
}
