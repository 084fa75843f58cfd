using System.Collections.Concurrent;
using System.Management.Automation;
using Kumoi.Hypervisors;

namespace Kumoi.PowerShell.Pumping;

/// <summary>Shows each replica of a migration as a progress bar of its own.</summary>
internal sealed class ReplicaProgressReporter(ActionProgress progress, KumoiVM vm) : IProgress<ReplicaProgress>, IDisposable
{
    private readonly ConcurrentDictionary<string, ReplicaProgress> _shown = new(StringComparer.Ordinal);

    public void Report(ReplicaProgress value)
    {
        _shown[value.Target] = value;
        progress.Report(new ProgressRecord(IdOf(value.Target), Activity(value.Target), StatusOf(value))
        {
            PercentComplete = value.HasAll ? 100 : (int)Math.Clamp(100 * value.BytesTaken / Math.Max(1, vm.MemoryBytes), 0, 99),
        });
    }

    public void Dispose()
    {
        foreach (var target in _shown.Keys)
        {
            progress.Report(new ProgressRecord(IdOf(target), Activity(target), "Done") { RecordType = ProgressRecordType.Completed });
        }
    }

    private static string StatusOf(ReplicaProgress value) =>
        value.Dropped is { } why ? $"Given up: {why}" : value.HasAll ? "Has the whole VM" : $"{value.BytesTaken >> 20} MiB";

    private string Activity(string target) => $"Moving {vm.Name} from {vm.VMHost} to {target}";

    private int IdOf(string target) => HashCode.Combine(vm.Id, target) & int.MaxValue;
}
