using System.Management.Automation;
using Kumoi.Agents;
using Kumoi.FailureOblivious;
using Kumoi.Journal;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Parameters;
using Kumoi.PowerShell.Session;
using Kumoi.Workloads;
using Kumoi.Workloads.Usage;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Accounts what VMs use in each interval: CPU, disks and network.</summary>
[Cmdlet(VerbsDiagnostic.Measure, "KumoiUsage")]
[OutputType(typeof(KumoiUsage))]
public sealed class MeasureKumoiUsageCommand : FleetCmdlet
{
    [Parameter(Position = 0)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(VMNameCompleter))]
    public string[] Name { get; set; } = [];

    /// <summary>Only VMs of these hosts.</summary>
    [Parameter]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    [ValidateNotNullOrEmpty]
    public HostReference[] VMHost { get; set; } = [];

    /// <summary>The length of an interval.</summary>
    [Parameter]
    [ValidateRange(0, 86400)]
    public int IntervalSec { get; set; } = 60;

    /// <summary>How many intervals.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int Count { get; set; } = 1;

    /// <summary>The first interval began when a VM was last accounted, by whatever session; the journal knows.</summary>
    [Parameter]
    public SwitchParameter Continue { get; set; }

    /// <summary>Also appends to this file: comma-separated values.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Path { get; set; }

    /// <summary>A host that cannot be read is no error: its VMs are accounted in the next interval in which it can.</summary>
    [Parameter]
    public SwitchParameter FailureOblivious { get; set; }

    /// <summary>
    /// The agent does it, and goes on when the session ends: for all VMs of these hosts, until Stop-KumoiUsage. It writes nothing here; the
    /// journal has it.
    /// </summary>
    [Parameter]
    public SwitchParameter Persistent { get; set; }

    protected override void EndProcessing()
    {
        var file = Path is null ? null : GetUnresolvedProviderPathFromPSPath(Path);
        if (Persistent)
        {
            Give(file);
            return;
        }

        Masked = MaskedFailures.Of(this, FailureOblivious);
        var meter = new UsageMeter(Fleet, new WorkloadOptions { Mask = Masked is null ? null : MaskMode.Pessimistic }, TimeProvider.System);
        var names = Names.Typed(Name);
        try
        {
            var hosts = FindHosts(VMHost);
            var known = Continue
                && Await(meter.ContinueAsync(KumoiSession.Journal, hosts, all => Names.Choose(all, vm => vm.Name, names), StopToken));
            if (!known)
            {
                Account(meter, hosts, names, file: null);
            }

            for (var i = 0; i < Count; i++)
            {
                if (!known || i > 0)
                {
                    Await(Task.Delay(TimeSpan.FromSeconds(IntervalSec), StopToken));
                }

                Account(meter, hosts, names, file);
            }
        }
        catch (JournalException e)
        {
            ThrowTerminatingError(Errors.ToRecord(e, null));
        }
        catch (Hypervisors.HypervisorException e)
        {
            WriteFailure(e, null);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            ThrowTerminatingError(new ErrorRecord(e, "UsageFileFailed", ErrorCategory.WriteError, file)
            {
                ErrorDetails = new ErrorDetails($"{e.Message} What was accounted is in the journal.")
                {
                    RecommendedAction = "Get-KumoiEvent -Kind Usage has it. Give another -Path, and go on with -Continue.",
                },
            });
        }
        finally
        {
            Masked?.AddAll(meter.Log);
            Masked?.Warn();
        }
    }

    private void Give(string? file)
    {
        if (Name.Length > 0 || MyInvocation.BoundParameters.ContainsKey(nameof(Count)) || IntervalSec == 0)
        {
            const string message = "The agent accounts all VMs of its hosts, without end, in intervals of a second or more.";
            WriteError(new ErrorRecord(new PSInvalidOperationException(message), "PersistentForAll", ErrorCategory.InvalidArgument, null)
            {
                ErrorDetails = new ErrorDetails(message) { RecommendedAction = "Leave out -Name and -Count; -VMHost says which hosts." },
            });
            return;
        }

        try
        {
            var hosts = FindHosts(VMHost, out var areAllThere);
            if (areAllThere)
            {
                var order = new UsageOrder(TimeSpan.FromSeconds(IntervalSec), file, [.. hosts.Select(HostOrder.Of)]);
                Await(KumoiSession.PersistentUsage.StartAsync(order, StopToken));
            }
        }
        catch (Exception e) when (e is AgentException or JournalException)
        {
            WriteFailure(e, null);
        }
    }

    private void Account(UsageMeter meter, IReadOnlyList<KumoiConnection> hosts, IReadOnlyList<NameText> names, string? file)
    {
        foreach (var usages in Enumerate(token => meter.CycleAsync(hosts, all => Names.Choose(all, vm => vm.Name, names), token)))
        {
            if (file is not null && usages.Count > 0)
            {
                UsageFile.Append(file, usages);
            }

            WriteObject(usages, enumerateCollection: true);
        }
    }
}
