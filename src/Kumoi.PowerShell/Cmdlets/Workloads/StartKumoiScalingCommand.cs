using System.Management.Automation;
using Kumoi.Agents;
using Kumoi.FailureOblivious;
using Kumoi.Hypervisors;
using Kumoi.Journal;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Parameters;
using Kumoi.PowerShell.Session;
using Kumoi.Workloads;
using Kumoi.Workloads.Placing;
using Kumoi.Workloads.ScalingGroups;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Keeps the mean load of a group of VMs between two limits, by clones of a master.</summary>
[Cmdlet(VerbsLifecycle.Start, "KumoiScaling", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(KumoiScaling), typeof(KumoiScalingCycle))]
public sealed class StartKumoiScalingCommand : FleetCmdlet
{
    /// <summary>The group's VMs are named group-1, group-2, ….</summary>
    [Parameter(Mandatory = true, Position = 0)]
    [ValidatePattern(@"^[^/\s]+$")]
    public string Group { get; set; } = "";

    /// <summary>The VM that they are clones of. It is not one of them.</summary>
    [Parameter(Mandatory = true, Position = 1, ValueFromPipeline = true)]
    [ArgumentCompleter(typeof(VMNameCompleter))]
    public VMReference Master { get; set; } = null!;

    [Parameter]
    [ValidateRange(0, 10000)]
    public int Minimum { get; set; } = 1;

    [Parameter]
    [ValidateRange(1, 10000)]
    public int Maximum { get; set; } = 4;

    /// <summary>A mean load below this, 0 to 1, counts towards a smaller group.</summary>
    [Parameter]
    [ValidateRange(0.0, 1.0)]
    public double LowerCpuRatio { get; set; } = 0.2;

    /// <summary>A mean load above this, 0 to 1, counts towards a larger group.</summary>
    [Parameter]
    [ValidateRange(0.0, 1.0)]
    public double UpperCpuRatio { get; set; } = 0.8;

    /// <summary>So many looks in a row on the same side change the group by one VM.</summary>
    [Parameter]
    [ValidateRange(1, 10000)]
    public int BreachCount { get; set; } = 3;

    /// <summary>The time between two looks.</summary>
    [Parameter]
    [ValidateRange(0, 86400)]
    public int IntervalSec { get; set; } = 30;

    /// <summary>The hosts that may run the group's VMs; else all.</summary>
    [Parameter]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    [ValidateNotNullOrEmpty]
    public HostReference[] VMHost { get; set; } = [];

    /// <summary>Busier hosts, 0 to 1, get no clone.</summary>
    [Parameter]
    [ValidateRange(0.0, 1.0)]
    public double MaxCpuRatio { get; set; } = 0.9;

    /// <summary>How much memory must stay free on a host that gets a clone.</summary>
    [Parameter]
    [ValidateRange(0L, long.MaxValue)]
    public long MinFreeMemoryBytes { get; set; }

    /// <summary>How long the guest of a VM that is removed may take to shut down; then it is turned off.</summary>
    [Parameter]
    [ValidateRange(0, 86400)]
    public int StopTimeoutSec { get; set; } = 120;

    /// <summary>
    /// The agent does it, and goes on when the session ends: until Stop-KumoiScaling, in whatever session. It connects to the hosts itself.
    /// </summary>
    [Parameter]
    public SwitchParameter Persistent { get; set; }

    /// <summary>Stays in the foreground, and writes each look.</summary>
    [Parameter]
    public SwitchParameter Wait { get; set; }

    /// <summary>With -Wait: how many looks; else until Ctrl+C.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int Count { get; set; } = int.MaxValue;

    /// <summary>
    /// Failures end nothing: VMs that cannot be read are left out of the mean, and a change that fails is tried again at the next look.
    /// </summary>
    [Parameter]
    public SwitchParameter FailureOblivious { get; set; }

    /// <summary>A host on which a clone fails is a failure: no other host takes its place.</summary>
    [Parameter]
    public SwitchParameter NoSubstitution { get; set; }

    protected override void ProcessRecord()
    {
        if (LowerCpuRatio >= UpperCpuRatio || Minimum > Maximum)
        {
            WriteRefusal(
                $"The limits of '{Group}' cross: a load between {LowerCpuRatio} and {UpperCpuRatio}, {Minimum} to {Maximum} VMs.",
                "LimitsCross",
                "Give a -LowerCpuRatio below -UpperCpuRatio, and a -Minimum not above -Maximum.");
            return;
        }

        if (Count < int.MaxValue && !Wait)
        {
            WriteRefusal("-Count is of looks in the foreground.", "CountWithoutWait", "Give -Wait too, or end it with Stop-KumoiScaling.");
            return;
        }

        if (Persistent && Wait)
        {
            WriteRefusal(
                "-Persistent is for the agent, and -Wait for the foreground.", "PersistentAndWait",
                "Leave out -Wait: Get-KumoiScaling shows each look.");
            return;
        }

        try
        {
            VMSpecCheck.EnsureName(Group, "group");
        }
        catch (HypervisorException e)
        {
            WriteFailure(e, Group);
            return;
        }

        Masked = MaskedFailures.Of(this, FailureOblivious);
        var masters = FindVMs([Master], null).ToList();
        Masked?.Warn();
        if (masters is not [var master])
        {
            if (masters.Count > 1)
            {
                WriteRefusal($"'{Master}' is {masters.Count} VMs.", "MasterNotFound", "Give one VM, as Get-KumoiVM finds it.");
            }

            return;
        }

        if (VMHost.Length > 0 && FindHosts(VMHost).Count == 0)
        {
            return;
        }

        var options = new ScalingOptions
        {
            Group = Group,
            Master = master,
            Minimum = Minimum,
            Maximum = Maximum,
            LowerCpuRatio = LowerCpuRatio,
            UpperCpuRatio = UpperCpuRatio,
            BreachCount = BreachCount,
            Interval = TimeSpan.FromSeconds(IntervalSec),
            StopPatience = TimeSpan.FromSeconds(StopTimeoutSec),
            Limits = new PlacementLimits(MaxCpuRatio, MinFreeMemoryBytes),
        };
        // Hosts may come and go while it runs.
        var fleet = Fleet;
        IReadOnlyList<NameText> asked = [.. VMHost.Select(host => host.Name)];
        var how = new WorkloadOptions
        {
            Mask = Masked is null ? null : MaskMode.Pessimistic,
            Substitute = !NoSubstitution && KumoiPreference.Of(this).Substitution is not SubstitutionPreference.None,
        };
        var scaling = new Scaling(fleet, () => Names.Choose(fleet.Hosts, host => host.Name, asked), options, how);
        try
        {
            if (IsWhatIf())
            {
                Await(scaling.NextAsync(StopToken));
                WriteObject(scaling.Last);
            }
            else if (ShouldProcess(Group, $"Scale between {Minimum} and {Maximum} clones of {master.Name}"))
            {
                if (Persistent)
                {
                    Give(ScalingOrder.Of(options, how, Names.Choose(fleet.Hosts, host => host.Name, asked)));
                    return;
                }

                if (IsWithAgent())
                {
                    RefuseSecond(" by the agent");
                    return;
                }

                if (!Wait)
                {
                    Begin(scaling, options);
                    return;
                }

                Watch(scaling);
            }
        }
        catch (Exception e) when (e is not PipelineStoppedException)
        {
            WriteFailure(e, Group);
        }

        // The journal has them since their cycle.
        var masked = MaskedFailures.Of(this, FailureOblivious);
        masked?.AddAll(scaling.Log);
        masked?.Warn(isTold: true);
    }

    private void Begin(Scaling scaling, ScalingOptions options)
    {
        if (KumoiSession.StartScaling(Group, () => new ScalingRun(scaling, options, TimeProvider.System)) is { } run)
        {
            WriteObject(run.Status);
            return;
        }

        RefuseSecond("");
    }

    private void RefuseSecond(string by) =>
        WriteRefusal($"'{Group}' is being scaled{by} already.", "ScalingRunning", $"Stop it first: Stop-KumoiScaling {Group}");

    private void Give(ScalingOrder order)
    {
        if (KumoiSession.Scalings.Any(run => run.Status is { State: ScalingState.Running } status && status.Group == Group))
        {
            RefuseSecond(" by this session");
            return;
        }

        try
        {
            WriteObject(Await(KumoiSession.PersistentScalings.StartAsync(order, StopToken)));
        }
        catch (AgentException e) when (e.Error is AgentError.Exists)
        {
            RefuseSecond(" by the agent");
        }
    }

    private bool IsWithAgent()
    {
        try
        {
            return Await(KumoiSession.PersistentScalings.ListAsync(StopToken))
                .Any(status => status.Group == Group && status.State is not ScalingState.Failed);
        }
        catch (JournalException e)
        {
            // A session scales also where nothing can be journaled.
            WriteWarning($"Whether the agent scales '{Group}' is not known: {e.Message}");
            return false;
        }
    }

    private void Watch(Scaling scaling)
    {
        for (var i = 0; i < Count; i++)
        {
            if (i > 0)
            {
                Await(Task.Delay(TimeSpan.FromSeconds(IntervalSec), StopToken));
            }

            var cycle = SettleWithWarnings(() => scaling.CycleAsync(StopToken));
            foreach (var substitution in cycle.Step?.Substitutions ?? [])
            {
                WriteWarning(substitution);
            }

            WriteObject(cycle);
        }
    }

    private void WriteRefusal(string message, string id, string action) => WriteError(
        new ErrorRecord(new PSInvalidOperationException(message), id, ErrorCategory.InvalidOperation, Group)
        {
            ErrorDetails = new ErrorDetails(message) { RecommendedAction = action },
        });
}
