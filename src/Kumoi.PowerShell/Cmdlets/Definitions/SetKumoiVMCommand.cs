using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Cmdlets.Base;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Changes settings of VMs.</summary>
[Cmdlet(VerbsCommon.Set, "KumoiVM", SupportsShouldProcess = true)]
[OutputType(typeof(KumoiVM))]
public sealed class SetKumoiVMCommand : VMActionCmdlet
{
    private int? _cpuCount;
    private long? _memoryBytes;
    private bool? _isAutostart;

    /// <summary>The host starts the VM when the host itself starts; -AutoStart:$false: it does not.</summary>
    [Parameter]
    public SwitchParameter AutoStart
    {
        get => _isAutostart ?? false;
        set => _isAutostart = value;
    }

    /// <summary>How many CPUs the VM, which is off, has.</summary>
    [Parameter]
    [ValidateRange(1, 4096)]
    public int CpuCount
    {
        get => _cpuCount ?? 0;
        set => _cpuCount = value;
    }

    /// <summary>How much memory the VM, which is off, has, in bytes.</summary>
    [Parameter]
    [ValidateRange(1L << 20, 1L << 46)]
    public long MemoryBytes
    {
        get => _memoryBytes ?? 0;
        set => _memoryBytes = value;
    }

    private protected override bool MeansAnyElement => false;

    private protected override string Verb => "Set " + string.Join(
        ", ", new[]
        {
            _isAutostart is { } isOn ? isOn ? "autostart" : "no autostart" : null,
            _cpuCount is { } cpus ? FormattableString.Invariant($"{cpus} CPUs") : null,
            _memoryBytes is { } bytes ? FormattableString.Invariant($"{bytes / 1048576.0:0.#} MiB of memory") : null,
        }.OfType<string>());

    private protected override void Prepare()
    {
        base.Prepare();
        if (_isAutostart is null && _cpuCount is null && _memoryBytes is null)
        {
            var message = "There is nothing to set.";
            ThrowTerminatingError(new ErrorRecord(
                new ValidationMetadataException(message), "NothingToSet", ErrorCategory.InvalidArgument, null)
            {
                ErrorDetails = new ErrorDetails(message) { RecommendedAction = "Give -AutoStart, -CpuCount or -MemoryBytes." },
            });
        }
    }

    private protected override async Task<KumoiVM?> ActAsync(KumoiVM vm, ActionProgress progress, CancellationToken cancellationToken) =>
        await VMActions.SetAsync(vm, _isAutostart, _cpuCount, _memoryBytes, cancellationToken);

    private protected override Func<KumoiConnection?, Task>? UndoOf(KumoiVM vm) => async movedTo => await VMActions.SetAsync(
        vm.At(movedTo), _isAutostart is null ? null : vm.IsAutostart, _cpuCount is null ? null : vm.CpuCount,
        _memoryBytes is null ? null : vm.MemoryBytes, CancellationToken.None);
}
