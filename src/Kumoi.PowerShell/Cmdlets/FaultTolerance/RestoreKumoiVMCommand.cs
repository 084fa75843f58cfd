using System.Management.Automation;
using Kumoi.FaultTolerance.Engines.LogReplay;
using Kumoi.FaultTolerance.Pairs;
using Kumoi.Hypervisors;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Lineage;
using Kumoi.PowerShell.Parameters;
using Kumoi.PowerShell.Session;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Makes a VM of a kept recording: it stands, paused, where the recorded VM was at an instant.</summary>
[Cmdlet(VerbsData.Restore, "KumoiVM", SupportsShouldProcess = true)]
[OutputType(typeof(KumoiVM))]
public sealed class RestoreKumoiVMCommand : ActionCmdlet
{
    private RestoredVM? _found;
    private bool _isLookedFor;

    /// <summary>The folder of a recording, or that of a pair's recordings: then the one is taken that was there at the instant.</summary>
    [Parameter(Mandatory = true, Position = 0)]
    [Alias("RecordingPath")]
    [ValidateNotNullOrEmpty]
    public string FromLog { get; set; } = "";

    /// <summary>The VM stands at the last output that was recorded by then; else at the last one of all.</summary>
    [Parameter(Position = 1)]
    public DateTime? To { get; set; }

    /// <summary>The hosts, on each of which one is made.</summary>
    [Parameter(Mandatory = true, ValueFromPipeline = true)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    public HostReference[] VMHost { get; set; } = [];

    /// <summary>The new VM's name; else that of the recorded VM, with -replay behind it.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Name { get; set; }

    private protected override IEnumerable<ActionRequest> CreateRequests()
    {
        foreach (var reference in VMHost)
        {
            foreach (var host in FindHosts([reference]))
            {
                if (Find() is { } restored)
                {
                    yield return Request(host, reference.Host, restored);
                }
            }
        }
    }

    private RestoredVM? Find()
    {
        if (!_isLookedFor)
        {
            _isLookedFor = true;
            var path = GetUnresolvedProviderPathFromPSPath(FromLog);
            try
            {
                _found = RestoredVM.Find(path, To is { } to ? new DateTimeOffset(to) : null, Name);
                VMSpecCheck.EnsureName(_found.Name, "VM");
                if (_found.Shortage is { } shortage)
                {
                    WriteWarning(Visible.Lines(shortage));
                }
            }
            catch (HypervisorException e)
            {
                _found = null;
                WriteFailure(e, path);
            }
        }

        return _found;
    }

    private ActionRequest.OnWorker Request(KumoiConnection host, KumoiHost? given, RestoredVM restored)
    {
        var keepFailed = KeepFailed.IsPresent;
        var moment = FormattableString.Invariant(
            $"{KeptRecording.Format(restored.Moment.At)} (instruction {restored.Moment.Count}, {restored.Moment.To} bytes of output)");
        return new ActionRequest.OnWorker
        {
            Target = given ?? (object)host.Name,
            ShouldProcessTarget = host.Name,
            Verb = $"Create VM '{restored.Name}' of '{restored.Recording.VM}' as it was at {moment}",
            Origin = LineageSource.OriginOf(given),
            Work = async (progress, token) =>
            {
                var activity = $"Replaying {restored.Recording.VM} on {host.Name}";
                ProgressRecord Bar(double share) => new(
                    HashCode.Combine(host.Name, restored.Name) & int.MaxValue, activity, $"to {moment}")
                {
                    PercentComplete = (int)(100 * share),
                };

                var operation = OperationId.New();
                try
                {
                    var vm = await restored.MakeAsync(
                        host, operation, keepFailed, share => progress.Report(Bar(share)), TimeProvider.System, token);
                    KumoiSession.NoteMade(vm.Id);
                    Note(vm, restored);
                    return new ActionResult([vm], movedTo => RestoredVM.UndoAsync(movedTo ?? host, vm, restored, operation));
                }
                finally
                {
                    progress.Report(new ProgressRecord(Bar(1).ActivityId, activity, "Done") { RecordType = ProgressRecordType.Completed });
                }
            },
        };
    }

    /// <summary>Where it stands is told by this object only: a VM that was read anew may have gone on.</summary>
    private static void Note(KumoiVM vm, RestoredVM restored)
    {
        var properties = PSObject.AsPSObject(vm).Properties;
        properties.Add(new PSNoteProperty("ReplayedTo", restored.Moment.At.LocalDateTime));
        properties.Add(new PSNoteProperty("InstructionCount", restored.Moment.Count));
        properties.Add(new PSNoteProperty("OutputBytes", restored.Moment.To));
        properties.Add(new PSNoteProperty("ConsolePath", restored.ConsoleOf(vm)));
    }
}
