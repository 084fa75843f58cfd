using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.PowerShell.Parameters;
using Kumoi.PowerShell.Session;

namespace Kumoi.PowerShell.Completion;

internal static class Completions
{
    private const int MaxVMs = 16;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    /// <summary>Those that begin with the word, quoted where PowerShell needs it.</summary>
    public static IEnumerable<CompletionResult> Of(IEnumerable<(string Name, string ToolTip)> candidates, string word)
    {
        var begun = Begun(word);
        var pattern = NamePattern.Parse(begun + "*", out _);
        foreach (var (name, toolTip) in candidates)
        {
            if (name.StartsWith(begun, StringComparison.OrdinalIgnoreCase) || pattern?.IsMatch(name) == true)
            {
                yield return new CompletionResult(
                    Quote(name), Visible.Text(name), CompletionResultType.ParameterValue, Visible.Text(toolTip));
            }
        }
    }

    /// <summary>What the VMs that a command has already are asked for. The prompt waits for a moment at most.</summary>
    /// <param name="given">What the command has as its VMs; null: nothing yet.</param>
    /// <param name="word">What was typed.</param>
    /// <param name="read">Asks one VM.</param>
    public static IEnumerable<CompletionResult> OfVMs(
        object? given, string word, Func<KumoiVM, CancellationToken, Task<IEnumerable<(string Name, string ToolTip)>>> read)
    {
        return given is null ? [] : OfFleet(word, token => ReadAsync(given, read, token));
    }

    /// <summary>What the connected hosts have, each name once. The prompt waits for a moment at most.</summary>
    /// <param name="word">What was typed.</param>
    /// <param name="read">Asks one host. One that cannot be read has nothing to offer.</param>
    /// <param name="offer">What is offered of one of them.</param>
    public static IEnumerable<CompletionResult> OfHosts<T>(
        string word, Func<KumoiConnection, CancellationToken, Task<IReadOnlyList<T>>> read, Func<T, (string Name, string ToolTip)> offer) =>
        OfFleet(word, async token =>
        {
            var fleet = KumoiSession.Fleet;
            List<(string Name, string ToolTip)> found = [];
            await foreach (var outcome in FanOut.RunAsync(fleet.Hosts, fleet.Limits.MaxCalls, read, token))
            {
                found.AddRange(outcome.Succeeded ? outcome.Result.Select(offer) : []);
            }

            return [.. found.DistinctBy(static one => one.Name)];
        });

    private static IEnumerable<CompletionResult> OfFleet(
        string word, Func<CancellationToken, Task<IReadOnlyList<(string Name, string ToolTip)>>> read)
    {
        if (!KumoiSession.HasFleet)
        {
            return [];
        }

        using var patience = new CancellationTokenSource(Patience);
        var reading = Task.Run(() => read(patience.Token));
        try
        {
            return Of(reading.WaitAsync(patience.Token).GetAwaiter().GetResult(), word);
        }
#pragma warning disable CA1031 // whatever is wrong is told when the command runs
        catch (Exception)
#pragma warning restore CA1031
        {
            return [];
        }
    }

    private static async Task<IReadOnlyList<(string Name, string ToolTip)>> ReadAsync(
        object given, Func<KumoiVM, CancellationToken, Task<IEnumerable<(string Name, string ToolTip)>>> read,
        CancellationToken cancellationToken)
    {
        var values = (given is IEnumerable many and not string ? many.Cast<object>() : [given])
            .Select(static value => value is PSObject wrapped ? wrapped.BaseObject : value).ToList();
        var vms = values.OfType<KumoiVM>().ToList();
        var names = Names.Typed(values.OfType<string>());
        if (names.Count > 0)
        {
            var fleet = KumoiSession.Fleet;
            await foreach (var outcome in fleet.ReadVMsAsync(fleet.Hosts, static _ => true, includeXml: false, cancellationToken))
            {
                vms.AddRange(outcome.Succeeded ? Names.Choose(outcome.Result, static vm => vm.Name, names) : []);
            }
        }

        List<(string Name, string ToolTip)> found = [];
        foreach (var vm in vms.Take(MaxVMs))
        {
            try
            {
                found.AddRange(await read(vm, cancellationToken));
            }
            catch (HypervisorException)
            {
                // It has none to offer.
            }
        }

        return [.. found.DistinctBy(static one => one.Name)];
    }

    /// <summary>What was typed of the name, without the quotes that PowerShell needs around it.</summary>
    private static string Begun(string word) => word.Length == 0 || word[0] is not ('\'' or '"')
        ? word
        : word[1..].TrimEnd(word[0]).Replace(new string(word[0], 2), word[..1], StringComparison.Ordinal);

    /// <summary>
    /// The exact name goes before all others, whatever characters it has. What looks like a number would lose its form in a list.
    /// </summary>
    private static string Quote(string name) =>
        name.Length > 0 && char.IsLetter(name[0]) && name.All(c => char.IsLetterOrDigit(c) || c is '-' or '_' or '.')
            ? name
            : "'" + CodeGeneration.EscapeSingleQuotedStringContent(name) + "'";
}
