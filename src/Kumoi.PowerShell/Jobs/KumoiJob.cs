using System.Collections.Concurrent;
using System.Management.Automation;
using System.Management.Automation.Runspaces;
using System.Runtime.CompilerServices;

namespace Kumoi.PowerShell.Jobs;

/// <summary>
/// The work of a cmdlet that was called with -AsJob. It is done by this process and is gone with it; what it was doing is in the journal, as
/// that of any cmdlet.
/// </summary>
public sealed class KumoiJob : Job
{
    private static readonly ConcurrentDictionary<int, KumoiJob> Known = [];
    private static readonly ConditionalWeakTable<Runspace, KumoiJob> Within = [];

    private readonly Action _cancel;
    private Task _running = Task.CompletedTask;
    private volatile ProgressRecord? _progress;
    private int _isStopped;
    private volatile bool _isOver;

    internal KumoiJob(string cmdlet, string command, IReadOnlyList<string> targets, Action cancel)
        : base(command, $"{cmdlet}-{Guid.NewGuid().ToString("N")[..8]}")
    {
        (Cmdlet, Targets, _cancel) = (cmdlet, targets, cancel);
        PSJobTypeName = nameof(KumoiJob);
        Known[Id] = this;
    }

    /// <summary>All that were not removed, the oldest first.</summary>
    internal static IEnumerable<KumoiJob> All => Known.Values.OrderBy(static job => job.Id);

    /// <summary>The job whose work this thread's runspace does; null: none's.</summary>
    internal static KumoiJob? Current =>
        Runspace.DefaultRunspace is { } runspace && Within.TryGetValue(runspace, out var job) ? job : null;

    /// <summary>When it has ended, whatever became of it.</summary>
    internal Task Ended => _running;

    /// <summary>The cmdlet whose work it is.</summary>
    public string Cmdlet { get; }

    /// <summary>What it works on.</summary>
    public IReadOnlyList<string> Targets { get; }

    /// <summary>What was last said of how far it is; null: nothing yet.</summary>
    internal ProgressRecord? LastProgress => _progress;

    public override bool HasMoreData =>
        Output.Count > 0 || Error.Count > 0 || Warning.Count > 0 || Progress.Count > 0 || Information.Count > 0 || Verbose.Count > 0;

    public override string Location => Environment.MachineName;

    public override string StatusMessage => _progress is { } progress ? progress.StatusDescription : "";

    /// <summary>What is under way is undone, or takes effect; what is not begun is left out. Returns when it has ended.</summary>
    public override void StopJob()
    {
        if (_isOver)
        {
            return; // whoever is told of the end may remove the job, and must not wait for the one who tells
        }

        Interlocked.Exchange(ref _isStopped, 1);
        _cancel();
        Task.WhenAny(_running).Wait();
    }

    /// <summary>Goes on with the work, beside everything else. False: something has failed.</summary>
    internal void Run(Func<IActionOutput, Task<bool>> work)
    {
        SetJobState(JobState.Running);
        _running = Task.Run(() => RunAsync(work));
    }

    /// <summary>A shell in a runspace does the work: its streams are the job's.</summary>
    internal void WriteAllOf(System.Management.Automation.PowerShell shell)
    {
        Within.Add(shell.Runspace, this);
        (shell.Streams.Error, shell.Streams.Warning, shell.Streams.Information) = (Error, Warning, Information);
        (shell.Streams.Verbose, shell.Streams.Debug, shell.Streams.Progress) = (Verbose, Debug, Progress);
        Progress.DataAdding += (_, adding) => Note((ProgressRecord)adding.ItemAdded);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            StopJob(); // Remove-Job -Force
            Known.TryRemove(KeyValuePair.Create(Id, this));
        }

        base.Dispose(disposing);
    }

    private void Note(ProgressRecord progress) =>
        _progress = progress.RecordType is ProgressRecordType.Completed ? null : progress;

    private async Task RunAsync(Func<IActionOutput, Task<bool>> work)
    {
        var output = new Streams(this);
        var end = JobState.Failed;
        try
        {
            var isWell = await work(output);
            end = Volatile.Read(ref _isStopped) != 0 ? JobState.Stopped : isWell ? JobState.Completed : JobState.Failed;
        }
        catch (Exception e)
        {
            output.WriteError(new ErrorRecord(e, e.GetType().Name, ErrorCategory.NotSpecified, null)); // nobody else would hear of it
        }

        _isOver = true;
        SetJobState(end);
    }

    private sealed class Streams(KumoiJob job) : IActionOutput
    {
        public void WriteObject(object output) => job.Output.Add(PSObject.AsPSObject(output));

        public void WriteError(ErrorRecord error) => job.Error.Add(error);

        public void WriteWarning(string text) => job.Warning.Add(new WarningRecord(text));

        public void WriteInformation(InformationRecord information) => job.Information.Add(information);

        public void WriteProgress(ProgressRecord progress)
        {
            job.Note(progress);
            job.Progress.Add(progress);
        }
    }
}
