using Kumoi.PowerShell.Parameters;

namespace Kumoi.PowerShell.Cmdlets.Base;

/// <summary>
/// Finds pairs that are there already by the names of their VMs. To be made when the cmdlet begins, before any object was bound.
/// </summary>
internal sealed class FtPairFinder(KumoiCmdlet cmdlet)
{
    private readonly bool _isTyped = cmdlet.MyInvocation.BoundParameters.ContainsKey("VM");

    /// <summary>The pairs with these names; all without names. A name that none has is an error.</summary>
    public IReadOnlyList<KumoiFtPair> Find(IReadOnlyList<KumoiFtPair> all, string[] given)
    {
        if (given.Length == 0)
        {
            return all;
        }

        List<KumoiFtPair> found = [];
        foreach (var name in given.Select(name => new NameText(name, isLiteral: !_isTyped)))
        {
            var named = Names.Choose(all, pair => pair.VM, [name]);
            found.AddRange(named.Where(pair => !found.Contains(pair)));
            if (named.Count == 0 && !name.IsPattern)
            {
                cmdlet.WriteError(Errors.NotFound(
                    $"No VM '{name.Text}' is protected.", name.Text, "Get-KumoiFtPair lists those that are."));
            }
        }

        return found;
    }
}
