using Kumoi.PowerShell.Parameters;
using Kumoi.PowerShell.Session;

namespace Kumoi.PowerShell.Cmdlets.Base;

/// <summary>A cmdlet about pairs that are there already, by the names of their VMs.</summary>
public abstract class FtPairCmdlet : KumoiCmdlet
{
    private bool _isTyped;

    /// <summary>The names as they were bound.</summary>
    private protected abstract string[] Given { get; }

    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        _isTyped = MyInvocation.BoundParameters.ContainsKey("VM");
    }

    /// <summary>The pairs with these names; all that are there without names. A name that none has is an error.</summary>
    private protected IReadOnlyList<KumoiFtPair> Find()
    {
        var all = Await(KumoiSession.Pairs.ListWithStrangersAsync(StopToken));
        if (Given.Length == 0)
        {
            return all;
        }

        List<KumoiFtPair> found = [];
        foreach (var name in Given.Select(name => new NameText(name, isLiteral: !_isTyped)))
        {
            var named = Names.Choose(all, pair => pair.VM, [name]);
            found.AddRange(named.Where(pair => !found.Contains(pair)));
            if (named.Count == 0 && !name.IsPattern)
            {
                WriteError(Errors.NotFound(
                    $"No VM '{name.Text}' is protected.", name.Text, "Get-KumoiFtPair lists those that are."));
            }
        }

        return found;
    }
}
