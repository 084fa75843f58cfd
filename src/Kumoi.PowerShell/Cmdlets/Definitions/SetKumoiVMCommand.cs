using System.Collections.Concurrent;
using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Parameters;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Changes settings of VMs, which run or are off.</summary>
[Cmdlet(VerbsCommon.Set, "KumoiVM", SupportsShouldProcess = true)]
[OutputType(typeof(KumoiVM))]
public sealed class SetKumoiVMCommand : VMActionCmdlet
{
    private readonly ConcurrentDictionary<VMKey, Func<KumoiConnection?, Task>> _undo = [];
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

    /// <summary>What the VM is, in one line; an empty one takes it away.</summary>
    [Parameter]
    [AllowEmptyString]
    public string? Title
    {
        get => _settings.Title;
        set => _settings = _settings with { Title = value ?? "" };
    }

    /// <summary>What else is to be said of the VM, in one line or several; an empty text takes it away.</summary>
    [Parameter]
    [AllowEmptyString]
    public string? Description
    {
        get => _settings.Description;
        set => _settings = _settings with { Description = value ?? "" };
    }

    /// <summary>
    /// The whole definition, of the same name and id, from the VM's next start on. If the VM is an object that was read with its XML while
    /// it was off, nobody must have changed it since.
    /// </summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    [XmlText]
    public string? Xml { get; set; }

    private protected override bool MeansAnyElement => false;

    private protected override string Verb => Xml is not null ? "Replace the definition" : "Set " + string.Join(
        ", ", new[]
        {
            _settings.IsAutostart is { } isOn ? isOn ? "autostart" : "no autostart" : null,
            _settings.CpuCount is { } cpus ? FormattableString.Invariant($"{cpus} CPUs") : null,
            _settings.MaxCpuCount is { } mostCpus ? FormattableString.Invariant($"at most {mostCpus} CPUs") : null,
            _settings.MemoryBytes is { } bytes ? FormattableString.Invariant($"{bytes / 1048576.0:0.#} MiB of memory") : null,
            _settings.MaxMemoryBytes is { } most ? FormattableString.Invariant($"at most {most / 1048576.0:0.#} MiB of memory") : null,
            _settings.Title is { } title ? $"the title '{title}'" : null,
            _settings.Description is not null ? "the description" : null,
        }.OfType<string>());

    private protected override void Prepare()
    {
        base.Prepare();
        if (Xml is not null)
        {
            if (_settings != new VMSettings())
            {
                Refuse(
                    "-Xml is the whole definition: nothing else can be set with it.", "XmlAlone",
                    "Leave out the other settings, or -Xml; what they set can be written into the XML, but for -AutoStart.");
            }

            return;
        }

        if (_settings == new VMSettings())
        {
            var message = "There is nothing to set.";
            ThrowTerminatingError(new ErrorRecord(
                new ValidationMetadataException(message), "NothingToSet", ErrorCategory.InvalidArgument, null)
            {
                ErrorDetails = new ErrorDetails(message)
                {
                    RecommendedAction =
                        "Give -AutoStart, -CpuCount, -MaxCpuCount, -MemoryBytes, -MaxMemoryBytes, -Title, -Description or -Xml.",
                },
            });
        }
    }

    private protected override async Task<KumoiVM?> ActAsync(KumoiVM vm, ActionProgress progress, CancellationToken cancellationToken)
    {
        if (Xml is not null)
        {
            var redefined = await VMRedefinition.MakeAsync(vm, Xml, cancellationToken);
            _undo[vm.Key] = redefined.UndoAsync;
            return redefined.VM;
        }

        var (after, before) = await _settings.ApplyAsync(vm, cancellationToken);
        _undo[vm.Key] = async movedTo => await before.ApplyAsync(vm.At(movedTo), CancellationToken.None);
        return after;
    }

    private protected override Func<KumoiConnection?, Task>? UndoOf(KumoiVM vm) => _undo.GetValueOrDefault(vm.Key);
}
