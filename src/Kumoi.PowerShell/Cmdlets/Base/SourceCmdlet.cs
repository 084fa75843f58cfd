using System.Management.Automation;
using Kumoi.PowerShell.Lineage;

namespace Kumoi.PowerShell.Cmdlets.Base;

/// <summary>A cmdlet that reads elements, and remembers what it read for the pipeline that it stands in.</summary>
public abstract class SourceCmdlet : FleetCmdlet
{
    private PipelineRun? _run;
    private RecordedSource? _source;

    /// <summary>How many hosts are read at a time.</summary>
    [Parameter]
    [ValidateRange(1, 1024)]
    public int ThrottleLimit { get; set; } = 128;

    /// <summary>A host that cannot be read is no error: it stands there with typed defaults, or its VMs are left out.</summary>
    [Parameter]
    public SwitchParameter FailureOblivious { get; set; }

    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        Masked = MaskedFailures.Of(this, FailureOblivious);
        if (PipelineLocation.Of(this) is { } location && location.Position < location.Pipeline.PipelineElements.Count - 1)
        {
            _run = PipelineRun.Open(location);
            _source = new RecordedSource(
                _run, location.Position,
                MyInvocation.BoundParameters.TryGetValue("PipelineVariable", out var variable) ? (string)variable : null, IsWanted);
        }
    }

    protected override void EndProcessing() => Masked?.Warn();

    /// <summary>
    /// Of what could not be read while the rest was: nobody had asked for this host, so it is no error, but no candidate either.
    /// </summary>
    private protected void NoteUnreadable(KumoiConnection host, Exception error) => _source!.Unreadable.Add((host.Name, error.Message));

    /// <summary>Whether the parameters ask for such an element.</summary>
    private protected abstract bool IsWanted(object element);

    /// <summary>
    /// Writes the elements. If the pipeline is satisfied before the end, <paramref name="readRest"/> can give those that were not
    /// written; it is told those that were.
    /// </summary>
    private protected void Emit<T>(IEnumerable<T> elements, Func<IReadOnlyList<object>, CancellationToken, Task<IReadOnlyList<T>>> readRest)
        where T : notnull
    {
        var ended = false;
        try
        {
            foreach (var element in elements)
            {
                WriteObject(_source is null ? element : _source.Add(element));
            }

            ended = true;
        }
        finally
        {
            if (!ended && !Stopping)
            {
                // A later command has enough: EndProcessing is not called then.
                Masked?.Warn();
            }

            if (!ended && _source is { } source)
            {
                // What else would have come down the pipeline to this cmdlet, nobody knows.
                source.IsIncomplete = MyInvocation.ExpectingInput;
                source.StoppedEarly(async token =>
                {
                    foreach (var element in await readRest(source.Elements, token))
                    {
                        source.Add(element);
                    }
                });
            }
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _source?.End();
            _run?.Dispose();
        }

        base.Dispose(disposing);
    }
}
