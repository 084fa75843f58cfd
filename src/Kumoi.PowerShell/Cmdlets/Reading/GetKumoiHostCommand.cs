using System.Collections;
using System.Management.Automation;
using System.Reflection;
using Kumoi.FailureOblivious;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Parameters;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Reads hosts, with their VMs: one call for each host, all at once.</summary>
[Cmdlet(VerbsCommon.Get, "KumoiHost")]
[OutputType(typeof(KumoiHost))]
public sealed class GetKumoiHostCommand : SourceCmdlet
{
    private Func<string, bool>? _tagMatches;

    [Parameter(Position = 0, ValueFromPipeline = true)]
    [Alias("Name")]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    [ValidateNotNullOrEmpty]
    public HostReference[] VMHost { get; set; } = [];

    /// <summary>Only hosts that have one of these labels.</summary>
    [Parameter]
    [SupportsWildcards]
    public string[] Tag { get; set; } = [];

    /// <summary>What stands in for a host that cannot be read.</summary>
    [Parameter]
    public MaskMode MaskMode { get; set; }

    /// <summary>Values of properties of such a host, by their names: @{ CpuRatio = 1.0 }.</summary>
    [Parameter]
    public Hashtable MaskedValue { get; set; } = [];

    protected override void BeginProcessing()
    {
        base.BeginProcessing();

        // The author's own array could be filled with something else before a candidate is asked for it.
        Tag = [.. Tag];
    }

    protected override void ProcessRecord()
    {
        var hosts = FindHosts(VMHost);
        var done = 0;
        Emit(Read(), async (_, token) =>
        {
            var rest = new List<KumoiHost>();
            await foreach (var outcome in Fleet.ReadHostsAsync([.. hosts.Skip(done)], token, ThrottleLimit))
            {
                if (!outcome.Succeeded)
                {
                    NoteUnreadable(outcome.Element, outcome.Error!);
                }
                else if (HasTag(outcome.Result))
                {
                    rest.Add(outcome.Result);
                }
            }

            return rest;
        });

        IEnumerable<KumoiHost> Read()
        {
            foreach (var outcome in Enumerate(token => Fleet.ReadHostsAsync(hosts, token, ThrottleLimit)))
            {
                done++;
                if (!outcome.Succeeded)
                {
                    WriteUnreadable(outcome.Element, outcome.Error!);
                    // A tag that is not known does not match.
                    if (Masked is not null && MaskedFailures.CanBeMasked(outcome.Error!) && Stand(outcome.Element) is var stand
                        && HasTag(stand))
                    {
                        yield return stand;
                    }
                }
                else if (HasTag(outcome.Result))
                {
                    yield return outcome.Result;
                }
            }
        }
    }

    private KumoiHost Stand(KumoiConnection host)
    {
        var values = MaskedValue.Cast<DictionaryEntry>().Select(entry => KeyValuePair.Create(entry.Key.ToString()!, Convert(entry)));
        return host.Mask(MaskMode, values) ?? throw new PSInvalidOperationException(
            $"-MaskedValue names what is no property of a host's reading: {string.Join(", ", MaskedValue.Keys.Cast<object>())}.");
    }

    private static object? Convert(DictionaryEntry entry) =>
        typeof(HostReading)
            .GetProperty(entry.Key.ToString()!, BindingFlags.IgnoreCase | BindingFlags.Public | BindingFlags.Instance) is { } property
            ? LanguagePrimitives.ConvertTo(entry.Value, property.PropertyType, System.Globalization.CultureInfo.InvariantCulture)
            : entry.Value;

    private protected override bool IsWanted(object element) => HasTag((KumoiHost)element);

    private bool HasTag(KumoiHost host) => Tag.Length == 0 || host.Tags.Any(_tagMatches ??= Names.Matcher(Tag));
}
