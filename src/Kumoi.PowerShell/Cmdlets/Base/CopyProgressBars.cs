using Kumoi.Hypervisors;
using Kumoi.PowerShell.Actions;

namespace Kumoi.PowerShell.Cmdlets.Base;

/// <summary>A progress bar for each disk of a VM. Disposing it takes them away.</summary>
/// <param name="progress">Where they are shown.</param>
/// <param name="nextId">Gives a number that no other bar of the cmdlet has.</param>
/// <param name="activityOf">What is said of a disk.</param>
internal sealed class CopyProgressBars(ActionProgress progress, Func<int> nextId, Func<string, string> activityOf) : IDisposable
{
    private readonly List<CopyProgressReporter> _reporters = [];

    public IProgress<CopyProgress> For(string disk)
    {
        var reporter = new CopyProgressReporter(progress, nextId(), activityOf(disk), TimeProvider.System);
        _reporters.Add(reporter);
        return reporter;
    }

    public void Dispose() => _reporters.ForEach(static reporter => reporter.Dispose());
}
