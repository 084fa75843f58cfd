using System.Management.Automation;
using Kumoi.PowerShell.Lineage;

namespace Kumoi.PowerShell.Cmdlets.Base;

/// <summary>
/// Takes in its whole input, lets some of it pass, and keeps the rest as reserve: whatever stands above is never run again.
/// </summary>
[PipelineRole(StepKind.Held)]
public abstract class SelectElementCmdlet : KumoiCmdlet
{
    private readonly List<object> _input = [];
    private PipelineLocation? _location;
    private PipelineRun? _opened;
    private string? _obstacle;
    private RecordedReads? _reads;

    /// <summary>How many to take from the beginning; with -Score, of the best.</summary>
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = "First")]
    [Parameter(Mandatory = true, ParameterSetName = "Score")]
    [ValidateRange(0, int.MaxValue)]
    public int First { get; set; }

    /// <summary>How many to take from the end.</summary>
    [Parameter(Mandatory = true, ParameterSetName = "Last")]
    [ValidateRange(0, int.MaxValue)]
    public int Last { get; set; }

    /// <summary>How many to draw by chance, without putting back.</summary>
    [Parameter(Mandatory = true, ParameterSetName = "Random")]
    [ValidateRange(0, int.MaxValue)]
    public int Random { get; set; }

    /// <summary>The same seed draws the same elements of the same input.</summary>
    [Parameter(ParameterSetName = "Random")]
    public int? Seed { get; set; }

    /// <summary>Gives a number for each element ($_); the highest are the best. Of equals the first comes first.</summary>
    [Parameter(Mandatory = true, ParameterSetName = "Score")]
    public ScriptBlock? Score { get; set; }

    /// <summary>Takes elements ($_) from the beginning as long as this is true.</summary>
    [Parameter(Mandatory = true, ParameterSetName = "While")]
    public ScriptBlock? While { get; set; }

    /// <summary>
    /// Takes elements from the beginning as long as this is true of what was taken before and the next: param($Taken, $Candidate).
    /// </summary>
    [Parameter(Mandatory = true, ParameterSetName = "AccumulateWhile")]
    public ScriptBlock? AccumulateWhile { get; set; }

    private protected abstract object Input { get; }

    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        _location = PipelineLocation.Of(this);
        if (_location is not null && PipelineRun.Find(_location) is null)
        {
            _opened = PipelineRun.Open(_location);
        }

        if (AccumulateWhile is { } block)
        {
            // Of all operators only this one asks its block again: whom it takes depends on whom it has taken.
            var session = block.Module?.SessionState ?? SessionState;
            var reads = new ScriptReads(session);
            reads.Add(block.Ast);
            _reads = new RecordedReads(reads);
            _obstacle = block.Module is null && SessionState.Module is not null
                ? "what the block of -AccumulateWhile reads is not known"
                : new Purity(InvokeCommand, session).FindEffectOfCall(block) is { } effect
                    ? $"'{effect}' may have an effect, so -AccumulateWhile is not asked again for a substitute"
                    : _reads.Obstacle;
        }
    }

    protected override void ProcessRecord() => _input.Add(Input);

    protected override void EndProcessing()
    {
        // Outcomes and scores are taken once, now: a substitute is chosen by what the others were chosen by.
        Func<IReadOnlyList<int>, IEnumerable<int>> choose = ParameterSetName switch
        {
            "First" => left => left.Take(First),
            "Last" => left => left.TakeLast(Last),
            "Random" => TakeRandom(),
            "Score" => TakeByScore(),
            "While" => TakeWhile(),
            _ => Accumulate,
        };
        var selection = new HeldSelection(
            _location is null ? null : PipelineRun.Find(_location), _location?.Position ?? 0,
            _location?.Command.Extent.Text ?? MyInvocation.MyCommand.Name, ParameterSetName is "Last", choose)
        {
            Obstacle = _obstacle,
            Reads = _reads,
        };
        var held = _input.Select(selection.AddCopy).ToList();
        foreach (var index in selection.Choose(new HashSet<int>()))
        {
            WriteObject(held[index]);
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _opened?.Dispose();
        }

        base.Dispose(disposing);
    }

    private Func<IReadOnlyList<int>, IEnumerable<int>> TakeRandom()
    {
        var order = Enumerable.Range(0, _input.Count).ToArray();
        (Seed is { } seed ? new Random(seed) : System.Random.Shared).Shuffle(order);
        var draw = new int[order.Length];
        for (var i = 0; i < order.Length; i++)
        {
            draw[order[i]] = i;
        }

        return left => left.OrderBy(index => draw[index]).Take(Random);
    }

    private Func<IReadOnlyList<int>, IEnumerable<int>> TakeByScore()
    {
        var scores = _input.Select(element => LanguagePrimitives.ConvertTo<double>(ScriptBlockRunner.Ask(Score!, element))).ToArray();
        return left => left.OrderByDescending(index => scores[index]).Take(First);
    }

    private Func<IReadOnlyList<int>, IEnumerable<int>> TakeWhile()
    {
        // Asked as far as needed: what comes after the first that is refused is never looked at.
        var taken = _input.TakeWhile(element => LanguagePrimitives.IsTrue(ScriptBlockRunner.Ask(While!, element))).Count();
        return left => left.TakeWhile(index => index < taken);
    }

    private IEnumerable<int> Accumulate(IReadOnlyList<int> left)
    {
        var taken = new List<object>();
        foreach (var index in left)
        {
            if (!LanguagePrimitives.IsTrue(AccumulateWhile!.InvokeReturnAsIs(taken.ToArray(), _input[index])))
            {
                yield break;
            }

            taken.Add(_input[index]);
            yield return index;
        }
    }
}
