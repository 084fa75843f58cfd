using System.Management.Automation;
using Kumoi.Hypervisors.Faults;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Parameters;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Makes calls to hosts fail, to test runbooks.</summary>
[Cmdlet(VerbsCommon.Add, "KumoiFault", SupportsShouldProcess = true)]
[OutputType(typeof(KumoiFault))]
public sealed class AddKumoiFaultCommand : KumoiCmdlet
{
    [Parameter(Mandatory = true, Position = 0)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    public string VMHost { get; set; } = "";

    /// <summary>A group of calls, or one call by its name.</summary>
    [Parameter(Mandatory = true, Position = 1)]
    [FaultOperation]
    [ArgumentCompleter(typeof(FaultOperationCompleter))]
    public string Operation { get; set; } = "*";

    /// <summary>Only calls that concern such VMs.</summary>
    [Parameter]
    [SupportsWildcards]
    public string? VM { get; set; }

    /// <summary>How many calls that match pass before the first one fails.</summary>
    [Parameter]
    [ValidateRange(0, int.MaxValue)]
    public int After { get; set; }

    /// <summary>How many calls fail; all by default.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int? Count { get; set; }

    [Parameter]
    [ValidateRange(0.0, 1.0)]
    public double Probability { get; set; } = 1;

    [Parameter]
    [ValidateNotNullOrEmpty]
    public string Message { get; set; } = "injected fault";

    /// <summary>
    /// What the failure is said to be of. If the VM itself is at fault, no other host is tried; if the host is, no other VM.
    /// </summary>
    [Parameter]
    public FaultDomain FaultDomain { get; set; }

    /// <summary>The failure says that the same call may succeed if it is made again: it is tried again.</summary>
    [Parameter]
    public SwitchParameter Transient { get; set; }

    /// <summary>The call takes effect and is then reported as failed.</summary>
    [Parameter]
    public SwitchParameter OutcomeUnknown { get; set; }

    /// <summary>Holds the call for so long. By itself it only makes the host slow.</summary>
    [Parameter]
    public TimeSpan Delay { get; set; }

    /// <summary>Allow faults on hosts that are not simulated.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <summary>Calls come one by one. As soon as one is known that has exactly this name, it is meant, and no other.</summary>
    private static Func<string, bool> VMMatcher(NameText given)
    {
        var best = Fleet.Hosts.SelectMany(host => host.LastReading?.VMs ?? []).Select(vm => given.Rank(vm.Name))
            .DefaultIfEmpty(NameRank.None).Max();
        return name =>
        {
            var rank = given.Rank(name);
            best = rank > best ? rank : best;
            return rank is not NameRank.None && rank >= best;
        };
    }

    protected override void EndProcessing()
    {
        var given = new NameText(VMHost);
        // A rule may be there before its host: then everything that is like the name is meant.
        Func<string, bool> matches = name => given.Rank(name) is var rank && (rank is NameRank.Exact
            || (rank is not NameRank.None && !Fleet.Hosts.Any(host => given.Rank(host.Name) > rank)));
        if (!Force && Fleet.Hosts.FirstOrDefault(host => !host.IsSimulated && matches(host.Name)) is { } real)
        {
            ThrowTerminatingError(new ErrorRecord(
                new PSInvalidOperationException($"'{VMHost}' matches {real.Name}, which is not simulated."), "HostIsReal",
                ErrorCategory.PermissionDenied, real)
            {
                ErrorDetails = new ErrorDetails($"'{VMHost}' matches {real.Name}, which is not simulated.")
                {
                    RecommendedAction = "Use -Force if calls to real hosts shall fail.",
                },
            });
        }

        if (!ShouldProcess(VMHost, $"Inject fault into {Operation}"))
        {
            return;
        }

        var fails = MyInvocation.BoundParameters.Keys.Intersect(["Message", "FaultDomain", "Transient", "OutcomeUnknown"]).Any();
        var rule = Fleet.Faults.Add(new FaultRule
        {
            HostPattern = VMHost,
            HostMatches = Force ? matches : name => matches(name) && Fleet.Find(name) is not { IsSimulated: false },
            Operation = Operation,
            VMPattern = VM,
            VMMatches = VM is null ? null : VMMatcher(new NameText(VM)),
            After = After,
            Count = Count,
            Probability = Probability,
            Message = Message,
            FaultDomain = FaultDomain,
            IsTransient = Transient,
            OutcomeUnknown = OutcomeUnknown,
            Delay = Delay,
            OnlyDelays = Delay > TimeSpan.Zero && !fails,
        });
        WriteObject(new KumoiFault(rule, 0));
    }
}
