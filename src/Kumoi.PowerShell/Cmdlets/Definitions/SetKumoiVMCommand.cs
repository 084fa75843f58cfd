using System.Collections.Concurrent;
using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Cmdlets.Base;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Changes settings of VMs, which run or are off.</summary>
[Cmdlet(VerbsCommon.Set, "KumoiVM", SupportsShouldProcess = true)]
[OutputType(typeof(KumoiVM))]
public sealed class SetKumoiVMCommand : VMActionCmdlet
{
    private readonly ConcurrentDictionary<VMKey, VMSettings> _before = [];
    private VMSettings _settings = new();

    /// <summary>The host starts the VM when the host itself starts; -AutoStart:$false: it does not.</summary>
    [Parameter]
    public SwitchParameter AutoStart
    {
        get => _settings.IsAutostart ?? false;
        set => _settings = _settings with { IsAutostart = value };
    }

    /// <summary>How many CPUs the VM has: at once if it runs, and from its next start on.</summary>
    [Parameter]
    [ValidateRange(1, 4096)]
    public int CpuCount
    {
        get => _settings.CpuCount ?? 0;
        set => _settings = _settings with { CpuCount = value };
    }

    /// <summary>How many CPUs the VM can be given while it runs, from its next start on.</summary>
    [Parameter]
    [ValidateRange(1, 4096)]
    public int MaxCpuCount
    {
        get => _settings.MaxCpuCount ?? 0;
        set => _settings = _settings with { MaxCpuCount = value };
    }

    /// <summary>How much memory the VM has, in bytes: at once if it runs, and from its next start on.</summary>
    [Parameter]
    [ValidateRange(1L << 20, 1L << 46)]
    public long MemoryBytes
    {
        get => _settings.MemoryBytes ?? 0;
        set => _settings = _settings with { MemoryBytes = value };
    }

    /// <summary>How much memory the VM can be given while it runs, in bytes, from its next start on.</summary>
    [Parameter]
    [ValidateRange(1L << 20, 1L << 46)]
    public long MaxMemoryBytes
    {
        get => _settings.MaxMemoryBytes ?? 0;
        set => _settings = _settings with { MaxMemoryBytes = value };
    }

    private protected override bool MeansAnyElement => false;

    private protected override string Verb => "Set " + string.Join(
        ", ", new[]
        {
            _settings.IsAutostart is { } isOn ? isOn ? "autostart" : "no autostart" : null,
            _settings.CpuCount is { } cpus ? FormattableString.Invariant($"{cpus} CPUs") : null,
            _settings.MaxCpuCount is { } mostCpus ? FormattableString.Invariant($"at most {mostCpus} CPUs") : null,
            _settings.MemoryBytes is { } bytes ? FormattableString.Invariant($"{bytes / 1048576.0:0.#} MiB of memory") : null,
            _settings.MaxMemoryBytes is { } most ? FormattableString.Invariant($"at most {most / 1048576.0:0.#} MiB of memory") : null,
        }.OfType<string>());

    private protected override void Prepare()
    {
        base.Prepare();
        if (_settings == new VMSettings())
        {
            var message = "There is nothing to set.";
            ThrowTerminatingError(new ErrorRecord(
                new ValidationMetadataException(message), "NothingToSet", ErrorCategory.InvalidArgument, null)
            {
                ErrorDetails = new ErrorDetails(message)
                {
                    RecommendedAction = "Give -AutoStart, -CpuCount, -MaxCpuCount, -MemoryBytes or -MaxMemoryBytes.",
                },
            });
        }
    }

    private protected override async Task<KumoiVM?> ActAsync(KumoiVM vm, ActionProgress progress, CancellationToken cancellationToken)
    {
        var (after, before) = await _settings.ApplyAsync(vm, cancellationToken);
        _before[vm.Key] = before;
        return after;
    }

    private protected override Func<KumoiConnection?, Task>? UndoOf(KumoiVM vm) => !_before.TryGetValue(vm.Key, out var before)
        ? null : async movedTo => await before.ApplyAsync(vm.At(movedTo), CancellationToken.None);
}
