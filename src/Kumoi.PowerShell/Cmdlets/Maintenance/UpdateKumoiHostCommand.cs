using System.Globalization;
using System.Management.Automation;
using Kumoi.Hypervisors;
using Kumoi.Journal;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Lineage;
using Kumoi.PowerShell.Parameters;
using Kumoi.PowerShell.Substitution;
using Kumoi.Workloads.RollingUpgrades;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>
/// A rolling upgrade: one host after the other is emptied, upgraded by a script block, verified, and taken back into service. The same
/// command goes on where an interrupted one was.
/// </summary>
[Cmdlet(VerbsData.Update, "KumoiHost", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High)]
[OutputType(typeof(KumoiHostUpdate), typeof(KumoiPlanStep))]
public sealed class UpdateKumoiHostCommand : EvacuatingCmdlet
{
    private const string Verb = "Move its VMs away, upgrade it, and take it back into service";
    private static readonly TimeSpan WorkPoll = TimeSpan.FromMilliseconds(50);

    private readonly List<KumoiConnection> _hosts = [];
    private PipelineWork? _work;
    private string _nameOfRollingUpgrade = "";

    /// <summary>What the script wrote on the last host, also where it failed then.</summary>
    private IReadOnlyList<object> _output = [];

    /// <summary>
    /// Upgrades a host ($_), which is empty and in maintenance. It may be run again on the same host after an interruption.
    /// </summary>
    [Parameter(Mandatory = true, Position = 0)]
    public ScriptBlock ScriptBlock { get; set; } = null!;

    /// <summary>The hosts, in the order of their turns; else all, those with the fewest running VMs first.</summary>
    [Parameter(ValueFromPipeline = true)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    [ValidateNotNullOrEmpty]
    public HostReference[] VMHost { get; set; } = [];

    /// <summary>Gives true when a host ($_) that answers again is what it should be; asked until then.</summary>
    [Parameter]
    public ScriptBlock? VerifyScriptBlock { get; set; }

    /// <summary>How long a host may take to answer, and to be what it should be, when the script block has ended.</summary>
    [Parameter]
    [ValidateRange(0, 86400)]
    public int TimeoutSec { get; set; } = 600;

    /// <summary>Brings the VMs of each host back to it.</summary>
    [Parameter]
    public SwitchParameter ReturnVM { get; set; }

    /// <summary>The name of the rolling upgrade; else it follows from the script block.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string Name { get; set; } = "";

    /// <summary>
    /// The session that had begun it, and of which cannot be told from here whether it runs, is known not to run any more.
    /// </summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    protected override void ProcessRecord() =>
        _hosts.AddRange(VMHost.SelectMany(reference => FindHosts([reference])).Where(host => !_hosts.Contains(host)));

    protected override void EndProcessing()
    {
        _nameOfRollingUpgrade = Name.Length > 0 ? Name : NameByScript();
        if (IsForJob)
        {
            HandOver();
            return;
        }

        RollingUpgrade rollingUpgrade;
        try
        {
            VMSpecCheck.EnsureName(NameOfRollingUpgrade, "rolling upgrade");
            // An empty pipeline does not mean all.
            var hosts = AreHostsGiven
                ? _hosts
                : Await(RollingUpgrade.FewestVMsFirstAsync(Fleet, StopToken));
            rollingUpgrade = Await(RollingUpgrade.OpenAsync(Fleet, hosts, Describe(), CreateOptions(), TimeProvider.System, StopToken));
            if (IsWhatIf())
            {
                WriteObject(Await(rollingUpgrade.PlanAsync(StopToken)), enumerateCollection: true);
                return;
            }
        }
        catch (Exception e) when (e is not PipelineStoppedException)
        {
            WriteFailure(e, NameOfRollingUpgrade);
            return;
        }

        using var work = _work = new PipelineWork(Cancel);
        var isThrough = false;
        Task<IReadOnlyList<string>>? ending = null;
        try
        {
            isThrough = Update(rollingUpgrade);
        }
        finally
        {
            ending = rollingUpgrade.EndAsync();
            Task.WhenAny(ending).Wait(PatienceAfterStop);
        }

        if (isThrough && ending is { IsCompletedSuccessfully: true, Result: { Count: > 0 } unfinished })
        {
            WriteWarning($"The rolling upgrade '{NameOfRollingUpgrade}' is not complete without {string.Join(", ", unfinished)}. Until "
                + "then, hosts that it has upgraded are left out.");
        }
    }

    /// <summary>The order of hosts that nobody has named is found when their turn comes.</summary>
    private void HandOver()
    {
        if (AreHostsGiven)
        {
            HandOver(_hosts, Verb);
        }
        else if (ShouldProcessAll(Fleet.Hosts))
        {
            HandOver(nameof(VMHost), elements: null, Fleet.Hosts);
        }
    }

    private bool AreHostsGiven => MyInvocation.ExpectingInput || MyInvocation.BoundParameters.ContainsKey(nameof(VMHost));

    /// <summary>A copy of the script is the same upgrade.</summary>
    private protected override void AddToJob(IDictionary<string, object> parameters) => parameters[nameof(Name)] = NameOfRollingUpgrade;

    /// <summary>False: a failure has ended it.</summary>
    private bool Update(RollingUpgrade rollingUpgrade)
    {
        if (rollingUpgrade.OpenSince is { } since && rollingUpgrade.Hosts.Any(rollingUpgrade.IsDone))
        {
            WriteWarning(string.Create(
                CultureInfo.InvariantCulture,
                $"The rolling upgrade '{NameOfRollingUpgrade}' of "
                    + $"{since.LocalDateTime:yyyy-MM-dd HH:mm} goes on: hosts that it has upgraded are left out. To upgrade them again, "
                    + $"give another -Name."));
        }

        foreach (var (host, number) in rollingUpgrade.Hosts.Select((host, i) => (host, i)))
        {
            WriteProgress(new ProgressRecord(
                0, $"Rolling upgrade '{NameOfRollingUpgrade}'", host.Name)
            {
                PercentComplete = 100 * number / rollingUpgrade.Hosts.Count,
            });
            if (rollingUpgrade.IsDone(host))
            {
                WriteObject(Untouched(host, HostUpdateState.AlreadyUpdated));
            }
            else if (!ShouldProcess(host.Name, Verb))
            {
                WriteObject(Untouched(host, HostUpdateState.Skipped));
            }
            else if (!Update(rollingUpgrade, host))
            {
                return false;
            }
        }

        WriteProgress(
            new ProgressRecord(0, $"Rolling upgrade '{NameOfRollingUpgrade}'", "Done") { RecordType = ProgressRecordType.Completed });
        return true;
    }

    /// <summary>False: the upgrade ends here.</summary>
    private bool Update(RollingUpgrade rollingUpgrade, KumoiConnection host)
    {
        KumoiHostUpdate update;
        Exception? failure;
        _output = [];
        try
        {
            (update, failure) = Pump(rollingUpgrade.UpdateAsync(host, StopToken));
        }
        catch (PipelineStoppedException)
        {
            WarnWhenStopped($"The rolling upgrade '{NameOfRollingUpgrade}' was stopped at {host.Name}, which may be in maintenance. The "
                + "same command goes on there.");
            throw;
        }
        catch (Exception e) when (e is JournalException or HypervisorException)
        {
            WriteFailure(e, host.Name);
            return false;
        }

        foreach (var substitution in update.Steps.SelectMany(step => step.Substitutions))
        {
            WriteWarning(substitution);
        }

        foreach (var left in update.Steps.Where(step => failure is null && step.State is PlanStepState.Failed))
        {
            WriteWarning($"{left.Error?.TrimEnd('.')}; it was not brought back to {host.Name}.");
        }

        WriteObject(update with { Output = _output });
        if (failure is null)
        {
            return true;
        }

        if (failure is ActionFailedException script)
        {
            script.Records.ForEach(WriteError);
        }
        else
        {
            WriteFailure(failure, host.Name);
        }

        WriteWarning($"The rolling upgrade '{NameOfRollingUpgrade}' ends at {host.Name}. Fix the cause and run the same command "
            + "again: it goes on there.");
        return false;
    }

    private RollingUpgradeOptions Describe() => new()
    {
        Name = NameOfRollingUpgrade,
        Script = (host, token) => _work!.RunAsync(() => Run(ScriptBlock, host, output => _output = output), token),
        Verify = VerifyScriptBlock is not { } verify ? null : (host, token) =>
            _work!.RunAsync(() => Run(verify, host, static _ => { }) is [.., var last] && LanguagePrimitives.IsTrue(last), token),
        Patience = TimeSpan.FromSeconds(TimeoutSec),
        ReturnVMs = ReturnVM,
        IsOwnerKnownDead = Force,
        Limits = Limits,
        Begun = step => _work!.Post(() => WriteVerbose(
            step.Target is null ? $"{step.Action} {step.Name}" : $"{step.Action} {step.Name} from {step.VMHost} to {step.Target}")),
    };

    private string NameOfRollingUpgrade => _nameOfRollingUpgrade;

    /// <summary>
    /// The name says that it is the same only if the script is, with what it reads: a changed one, or one with another $version, upgrades
    /// to something else. Taken once: the script may change its own variables.
    /// </summary>
    private string NameByScript()
    {
        if (ScriptName.TryOf(ScriptBlock, SessionState, out var unknown) is { } name)
        {
            return name;
        }

        var message = $"The rolling upgrade needs a name: its script block reads ${unknown}, whose value cannot be recorded and compared.";
        ThrowTerminatingError(
            new ErrorRecord(new PSInvalidOperationException(message), "NameMissing", ErrorCategory.InvalidArgument, ScriptBlock)
            {
                ErrorDetails = new ErrorDetails(message)
                {
                    RecommendedAction = "Give it a name with -Name, and another name for another upgrade; or make the block "
                    + "read only plain "
                    + "values, such as strings and numbers.",
                },
            });
        return "";
    }

    private IReadOnlyList<object> Run(ScriptBlock block, KumoiHost host, Action<IReadOnlyList<object>> written)
    {
        IReadOnlyList<object> output = [.. ScriptBlockRunner.Run(this, block, PSObject.AsPSObject(host), out var errors)];
        written(output);
        return errors.Count == 0 ? output : throw new ActionFailedException(errors);
    }

    private KumoiHostUpdate Untouched(KumoiConnection host, HostUpdateState state) => new()
    {
        VMHost = host.Name,
        RollingUpgrade = NameOfRollingUpgrade,
        State = state,
        StartedAt = DateTimeOffset.Now,
        EndedAt = DateTimeOffset.Now,
    };

    /// <summary>Waits, and does what is to be done on this thread meanwhile.</summary>
    private T Pump<T>(Task<T> task)
    {
        try
        {
            while (!task.IsCompleted)
            {
                ThrowIfStopping();
                _work!.DoNext(WorkPoll);
            }

            _work!.DoRest();
            ThrowIfStopping();
            return task.GetAwaiter().GetResult();
        }
        catch (Exception e) when (e is PipelineStoppedException || ScriptBlockCall.IsFlowControl(e))
        {
            Cancel();
            Task.WhenAny(task).Wait(PatienceAfterStop);
            throw;
        }
    }
}
