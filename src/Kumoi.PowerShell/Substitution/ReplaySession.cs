using System.Management.Automation;
using System.Management.Automation.Language;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Lineage;

namespace Kumoi.PowerShell.Substitution;

/// <summary>
/// One replay of a part of a pipeline: its feed, and what came out. Its token in a hidden parameter is what marks a replayed cmdlet;
/// ambient state would leak into -Parallel, and into the inner statements of a substitute.
/// </summary>
internal sealed class ReplaySession : IDisposable
{
    private readonly PSCmdlet _owner;
    private readonly List<ActionRequest> _requests = [];
    private readonly List<DoneStep> _done = [];
    private readonly Dictionary<string, object?> _hidden = new(StringComparer.Ordinal);

    public ReplaySession(PSCmdlet owner, PipelineRun run, int terminal, IReadOnlyList<object> feed)
    {
        _owner = owner;
        Run = run;
        Terminal = terminal;
        Feed = feed;
        Replay.Add(this);
    }

    public string Token { get; } = Guid.NewGuid().ToString("N");

    public PipelineRun Run { get; }

    /// <summary>
    /// The position of the terminal that replays; its copy in the replay only binds. Others work, and report failures here.
    /// </summary>
    public int Terminal { get; }

    public IReadOnlyList<object> Feed { get; }

    /// <summary>The variable that stands for each object of the feed, if the source had one.</summary>
    public string? PipelineVariable { get; init; }

    /// <summary>Why a cmdlet between the extraction and the terminal could not do its part for the candidate; the first reason.</summary>
    public Exception? Failure { get; private set; }

    /// <summary>The requests that the terminal's copy bound.</summary>
    public IReadOnlyList<ActionRequest> Requests => _requests;

    /// <summary>What other cmdlets did for the candidate, newest first.</summary>
    public IReadOnlyList<DoneStep> Done => [.. Enumerable.Reverse(_done)];

    public void Did(DoneStep step) => _done.Add(step);

    /// <summary>What was done before is undone there from now on.</summary>
    public void Moved(KumoiConnection to)
    {
        for (var i = 0; i < _done.Count; i++)
        {
            _done[i] = _done[i] with { MovedTo = to };
        }
    }

    public void Receive(ActionRequest request) => _requests.Add(request);

    public void Fail(Exception reason) => Failure ??= reason;

    /// <summary>The author's own value, looked up before the replay's scope hid it.</summary>
    public object? Variable(string name) => _hidden[name];

    /// <summary>
    /// Runs the steps on the feed in the caller's scope, as they ran there the first time, and returns what comes out. Records of other
    /// streams are written again by the owner, by their type: the author's redirections and preferences mean what they meant; with
    /// <paramref name="isQuiet"/> they are dropped, because they were written before. What comes out is as the engine has wrapped it: it
    /// goes into the next run without being looked at anew.
    /// </summary>
    public IReadOnlyList<object> Invoke(IEnumerable<string> steps, bool isQuiet = false)
    {
        var text = Compose(steps);
        var parsed = Parser.ParseInput(text, Run.File, out _, out var errors);
        if (errors.Length > 0)
        {
            throw new PSInvalidOperationException($"The pipeline cannot be replayed: {errors[0].Message}");
        }

        var results = new List<object>();
        foreach (var item in _owner.InvokeCommand.InvokeScript(useLocalScope: false, parsed.GetScriptBlock(), input: null, args: null))
        {
            if (item is null)
            {
                continue;
            }

            if (item.BaseObject is ErrorRecord error)
            {
                if (!isQuiet)
                {
                    _owner.WriteError(error);
                }
            }
            else if (!StreamRecords.TryWriteAgain(isQuiet ? null : _owner, item.BaseObject))
            {
                results.Add(item);
            }
        }

        return results;
    }

    public void Dispose() => Replay.Remove(this);

    private string Compose(IEnumerable<string> steps)
    {
        var feed = $"[Kumoi.PowerShell.Substitution.Replay]::Feed('{Token}')";
        if (PipelineVariable is { } variable)
        {
            feed += " | Microsoft.PowerShell.Core\\ForEach-Object -PipelineVariable "
                + $"'{CodeGeneration.EscapeSingleQuotedStringContent(variable)}' -Process {{ $_ }}";
        }

        // Dot-sourced: a scope of its own would hide $private:x, and lose counters. These two are each block's own all the same.
        var prelude = "";
        foreach (var name in new[] { "args", "PSBoundParameters" })
        {
            if (_owner.SessionState.PSVariable.GetValue(name) is { } value)
            {
                _hidden[name] = value;
                prelude += $"${name} = [Kumoi.PowerShell.Substitution.Replay]::Variable('{Token}', '{name}'); ";
            }
        }

        return $". {{ {prelude}{string.Join(" | ", steps.Prepend(feed))} }} *>&1";
    }
}
