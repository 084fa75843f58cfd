using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.Fleets.Links;
using Kumoi.Journal;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Session;
using Kumoi.Speculation.Repair;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Connects to hosts, concurrently.</summary>
[Cmdlet(VerbsCommunications.Connect, "KumoiHost")]
[OutputType(typeof(KumoiConnection))]
public sealed class ConnectKumoiHostCommand : KumoiCmdlet
{
    private readonly List<ConnectRequest> _requests = [];
    private Task<IReadOnlyList<KumoiOperation>?>? _left;
    private string? _journalProblem;

    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public string[] Uri { get; set; } = [];

    /// <summary>The host's name in this session, instead of its own.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public string? Name { get; set; }

    [Parameter(ValueFromPipelineByPropertyName = true)]
    public string[] Tag { get; set; } = [];

    /// <summary>
    /// What these hosts share so that they fail together: a rack, a switch. Replicas of one operation prefer different ones.
    /// </summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    public string? FailureGroup { get; set; }

    /// <summary>How long a read may take on these hosts; a change may take eight times as long.</summary>
    [Parameter]
    [ValidateRange(1, 3600)]
    public int TimeoutSec { get; set; } = 15;

    /// <summary>How often a transient failure is tried again.</summary>
    [Parameter]
    [ValidateRange(0, 20)]
    public int RetryCount { get; set; } = 2;

    /// <summary>How many calls may be under way on one host at a time.</summary>
    [Parameter]
    [ValidateRange(1, 64)]
    public int CallsPerHost { get; set; } = 4;

    /// <summary>How many hosts are connected to at a time.</summary>
    [Parameter]
    [ValidateRange(1, 1024)]
    public int ThrottleLimit { get; set; } = 128;

    /// <summary>
    /// All limits at once, as a hashtable with the names of <see cref="FleetLimits"/>: @{ BreakerPause = '00:00:30'; MaxJobsPerHost = 2 }.
    /// </summary>
    [Parameter]
    public FleetLimits? Limit { get; set; }

    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        if (Limit is not null)
        {
            // Of all limits these are of the whole fleet.
            Fleet.Limits = Fleet.Limits with { MaxCalls = Limit.MaxCalls, SilencePatience = Limit.SilencePatience };
        }
    }

    protected override void ProcessRecord()
    {
        var token = StopToken;
        foreach (var uri in Uri)
        {
            if (KumoiSession.Prepare(uri))
            {
                // Beside the connecting: loading and opening what reads it takes time.
                _left ??= Task.Run(() => ReadLeftAsync(token), CancellationToken.None);
            }
        }

        var limits = Limit ?? Fleet.Limits;
        if (IsBound(nameof(TimeoutSec)))
        {
            var timeout = TimeSpan.FromSeconds(TimeoutSec);
            limits = limits with { ConnectTimeout = timeout, ReadTimeout = timeout, WriteTimeout = 8 * timeout };
        }

        limits = limits with
        {
            Retries = IsBound(nameof(RetryCount)) ? RetryCount : limits.Retries,
            MaxCallsPerHost = IsBound(nameof(CallsPerHost)) ? CallsPerHost : limits.MaxCallsPerHost,
        };
        _requests.AddRange(Uri.Select(uri => new ConnectRequest(
            uri, Name, Tag)
        {
            Limits = limits,
            FailureGroup = string.IsNullOrEmpty(FailureGroup) ? null : FailureGroup,
        }));
    }

    /// <summary>Operations on several hosts that nobody works on any more; null: the journal has not been made, or cannot be read.</summary>
    private async Task<IReadOnlyList<KumoiOperation>?> ReadLeftAsync(CancellationToken cancellationToken)
    {
        try
        {
            if (!File.Exists(Path.Combine(JournalFolder.Find(), JournalFolder.FileName)))
            {
                return null; // Loading what opens it takes time.
            }

            var left = new List<KumoiOperation>();
            var query = new OperationQuery { States = [OperationState.Pending] };
            await foreach (var operation in KumoiSession.Journal.ReadOperationsAsync(query, cancellationToken))
            {
                if (!operation.IsSimulated && OperationRepair.IsOnSeveralHosts(operation) && OperationRepair.IsLeft(operation))
                {
                    left.Add(operation);
                }
            }

            return left;
        }
        catch (JournalException e)
        {
            _journalProblem = e.Message;
            return null;
        }
    }

    /// <summary>Tells of those that the hosts are needed for.</summary>
    private void OfferRepair(IReadOnlyList<KumoiOperation>? operations, IReadOnlyCollection<string> connected)
    {
        if (_journalProblem is { } problem)
        {
            WriteVerbose($"The journal cannot be read: {problem}");
        }

        var left = operations?.Count(operation => OperationRepair.HostsOf(operation).Any(connected.Contains)) ?? 0;
        if (left > 0)
        {
            WriteWarning(
                $"{left} {(left == 1 ? "operation" : "operations")} on several hosts ended before {(left == 1 ? "its" : "their")} end, "
                + "these hosts among them. "
                + "When all of them are connected: Get-KumoiOperation -Unfinished | Repair-KumoiOperation");
        }
    }

    private bool IsBound(string parameter) => MyInvocation.BoundParameters.ContainsKey(parameter);

    protected override void EndProcessing()
    {
        var connected = new HashSet<string>(StringComparer.Ordinal);
        foreach (var outcome in Enumerate(stop => Fleet.ConnectAsync(_requests, stop, ThrottleLimit)))
        {
            if (outcome.Succeeded)
            {
                if (!outcome.Result.IsSimulated)
                {
                    connected.Add(outcome.Result.Name);
                }

                WriteObject(outcome.Result);
            }
            else
            {
                WriteFailure(outcome.Error!, outcome.Element);
            }
        }

        if (_left is { } left && connected.Count > 0)
        {
            OfferRepair(Await(left), connected);
        }
    }
}
