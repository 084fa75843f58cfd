using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Lineage;
using Kumoi.PowerShell.Parameters;
using Kumoi.Speculation;
using Kumoi.Speculation.Start;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>
/// Starts VMs. In a pipeline with a choice, a VM that fails to start is replaced by the next. With -Speculative each VM is started on the
/// first of several hosts that is ready, and goes there with its definition.
/// </summary>
[Cmdlet(VerbsLifecycle.Start, "KumoiVM", SupportsShouldProcess = true)]
[OutputType(typeof(KumoiVM))]
public sealed class StartKumoiVMCommand : SpeculativeActionCmdlet
{
    private readonly CopyCheck _copies = new();
    private IReadOnlyList<KumoiConnection> _candidates = [];
    private SpeculationOptions? _options;

    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Name")]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(VMNameCompleter))]
    public VMReference[] VM { get; set; } = [];

    /// <summary>Where to look for VMs that are given by name; else on all connected hosts.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    [ValidateNotNullOrEmpty]
    public HostReference[] VMHost { get; set; } = [];

    /// <summary>
    /// With -Speculative: the hosts to start on, the preferred first. The VM's own host is one of them only if it is given.
    /// </summary>
    [Parameter]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    [ValidateNotNullOrEmpty]
    public HostReference[] Destination { get; set; } = [];

    /// <summary>The VM's CPUs do not run until Resume-KumoiVM.</summary>
    [Parameter]
    public SwitchParameter Paused { get; set; }

    /// <summary>Starts a VM although a copy of it runs on another host, or may.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <summary>Also writes the VM as it is afterwards.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    private protected override void Prepare()
    {
        base.Prepare();
        (string Message, string Action)? problem = (Speculative.IsPresent, Destination.Length > 0, Paused.IsPresent) switch
        {
            (true, false, _) => (
                "-Speculative needs -Destination: the hosts to start on.", "Give the hosts with -Destination, or leave out -Speculative."),
            (true, _, true) => (
                "-Speculative resumes the VM on the winner: it cannot be combined with -Paused.", "Leave out one of the two."),
            (false, true, _) => (
                "A VM starts on its own host; -Destination is for -Speculative.",
                "Leave out -Destination, or add -Speculative; Move-KumoiVM moves a VM that runs."),
            _ => null,
        };
        if (problem is var (message, action))
        {
            ThrowTerminatingError(
                new ErrorRecord(
                    new ValidationMetadataException(message), "DestinationMismatch", ErrorCategory.InvalidArgument, Destination.FirstOrDefault())
                {
                    ErrorDetails = new ErrorDetails(message) { RecommendedAction = action },
                });
        }
    }

    private protected override IEnumerable<ActionRequest> CreateRequests() =>
        FindVMs(VM, VMHost).Select(vm => Speculative ? SpeculativeRequest(vm) : Request(vm));

    private ActionRequest.OnWorker Request(KumoiVM vm) => new()
    {
        Target = vm,
        ShouldProcessTarget = $"{vm.Name} on {vm.VMHost}",
        Verb = "Start",
        Origin = LineageSource.OriginOf(vm),
        Work = async (progress, token) =>
        {
            await EnsureOnlyCopyAsync(vm, progress, token);
            var started = await VMActions.StartAsync(vm, Paused, token);
            return new ActionResult(
                PassThru ? [started] : [],
                movedTo => VMActions.StopAsync(vm.At(movedTo), turnOff: true, TimeSpan.Zero, TimeProvider.System, CancellationToken.None));
        },
    };

    private async Task EnsureOnlyCopyAsync(KumoiVM vm, ActionProgress progress, CancellationToken cancellationToken)
    {
        if (!Force)
        {
            await _copies.TellAsync(
                await VMActions.EnsureOnlyCopyAsync(Fleet, vm, resumes: false, cancellationToken), progress, cancellationToken);
        }
    }

    private ActionRequest.OnWorker SpeculativeRequest(KumoiVM vm)
    {
        if (_options is null)
        {
            _options = CreateOptions();
            _candidates = FindCandidates(Destination);
        }

        var start = new SpeculativeStart(vm, _options, TimeProvider.System);
        if (GoesByJournal)
        {
            WriteVerbose($"{vm.Name}: {start.Plan(_candidates).Reason}.");
        }

        return new ActionRequest.OnWorker
        {
            Target = vm,
            ShouldProcessTarget = $"{vm.Name} of {vm.VMHost}",
            Verb = $"Start on one of {string.Join(", ", _candidates)}",
            Origin = LineageSource.OriginOf(vm),
            SettlesItsCalls = true,
            Work = async (progress, token) =>
            {
                await EnsureOnlyCopyAsync(vm, progress, token);
                using var reporter = new ReplicaProgressReporter(
                    progress, vm.Name, target => $"Starting {vm.Name} on {target}", expectedBytes: 0);
                var started = await RunAsync(vm.Name, () => start.RunAsync(_candidates, reporter, token), progress, token);
                return new ActionResult(
                    PassThru ? [started] : [],
                    movedTo =>
                        VMActions.StopAsync(started.At(movedTo), turnOff: true, TimeSpan.Zero, TimeProvider.System, CancellationToken.None))
                {
                    MovedTo = started.Connection,
                };
            },
        };
    }
}
