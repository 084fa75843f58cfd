using System.Collections.Concurrent;
using System.Management.Automation;
using Kumoi.Hypervisors;
using Kumoi.PowerShell.Actions;

namespace Kumoi.PowerShell.Cmdlets.Base;

/// <summary>Shows each replica of an operation as a progress bar of its own.</summary>
/// <param name="progress">The cmdlet's.</param>
/// <param name="vm">The VM's name.</param>
/// <param name="activity">What is done on a host.</param>
/// <param name="expectedBytes">What a replica is going to take; 0: it takes nothing, and is there or is not.</param>
internal sealed class ReplicaProgressReporter(
    ActionProgress progress, string vm, Func<string, string> activity, long expectedBytes) : IProgress<ReplicaProgress>, IDisposable
{
    private readonly ConcurrentDictionary<string, ReplicaProgress> _shown = new(StringComparer.Ordinal);

    public void Report(ReplicaProgress value)
    {
        _shown[value.Target] = value;
        progress.Report(new ProgressRecord(IdOf(value.Target), activity(value.Target), StatusOf(value))
        {
            PercentComplete = value.HasAll ? 100 : (int)Math.Clamp(100 * value.BytesTaken / Math.Max(1, expectedBytes), 0, 99),
        });
    }

    public void Dispose()
    {
        foreach (var target in _shown.Keys)
        {
            progress.Report(new ProgressRecord(IdOf(target), activity(target), "Done") { RecordType = ProgressRecordType.Completed });
        }
    }

    private string StatusOf(ReplicaProgress value) =>
        value.Dropped is { } why ? $"Given up: {why}"
        : expectedBytes == 0 ? value.HasAll ? "Ready" : "Being made"
        : value.HasAll ? "Has the whole VM" : $"{value.BytesTaken >> 20} MiB";

    private int IdOf(string target) => HashCode.Combine(vm, target) & int.MaxValue;
}
