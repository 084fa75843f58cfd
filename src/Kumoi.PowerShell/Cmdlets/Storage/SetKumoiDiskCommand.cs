using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Cmdlets.Base;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Changes settings of disks of VMs: limits at once, the others while the VM is off.</summary>
[Cmdlet(VerbsCommon.Set, "KumoiDisk", SupportsShouldProcess = true, DefaultParameterSetName = ByTarget)]
[OutputType(typeof(KumoiDisk))]
public sealed class SetKumoiDiskCommand : DiskActionCmdlet
{
    private DiskSettings _settings = new();

    /// <summary>How the host caches it.</summary>
    [Parameter]
    public DiskCache Cache
    {
        get => _settings.Cache ?? default;
        set => _settings = _settings with { Cache = value };
    }

    /// <summary>How the hypervisor reads and writes it.</summary>
    [Parameter]
    public DiskIo Io
    {
        get => _settings.Io ?? default;
        set => _settings = _settings with { Io = value };
    }

    /// <summary>What becomes of space that the guest gives back.</summary>
    [Parameter]
    public DiskDiscard Discard
    {
        get => _settings.Discard ?? default;
        set => _settings = _settings with { Discard = value };
    }

    /// <summary>The VM only reads it; -ReadOnly:$false: it also writes to it.</summary>
    [Parameter]
    public SwitchParameter ReadOnly
    {
        get => _settings.IsReadOnly ?? false;
        set => _settings = _settings with { IsReadOnly = value };
    }

    /// <summary>How many bytes the VM may read and write each second, together; 0: without a limit.</summary>
    [Parameter]
    [ValidateRange(0, 1L << 50)]
    public long BytesPerSecond
    {
        get => _settings.BytesPerSecond ?? 0;
        set => _settings = _settings with { BytesPerSecond = value };
    }

    [Parameter]
    [ValidateRange(0, 1L << 50)]
    public long ReadBytesPerSecond
    {
        get => _settings.ReadBytesPerSecond ?? 0;
        set => _settings = _settings with { ReadBytesPerSecond = value };
    }

    [Parameter]
    [ValidateRange(0, 1L << 50)]
    public long WriteBytesPerSecond
    {
        get => _settings.WriteBytesPerSecond ?? 0;
        set => _settings = _settings with { WriteBytesPerSecond = value };
    }

    /// <summary>How many requests the VM may make each second; 0: without a limit.</summary>
    [Parameter]
    [ValidateRange(0, 1L << 40)]
    public long OperationsPerSecond
    {
        get => _settings.OperationsPerSecond ?? 0;
        set => _settings = _settings with { OperationsPerSecond = value };
    }

    [Parameter]
    [ValidateRange(0, 1L << 40)]
    public long ReadOperationsPerSecond
    {
        get => _settings.ReadOperationsPerSecond ?? 0;
        set => _settings = _settings with { ReadOperationsPerSecond = value };
    }

    [Parameter]
    [ValidateRange(0, 1L << 40)]
    public long WriteOperationsPerSecond
    {
        get => _settings.WriteOperationsPerSecond ?? 0;
        set => _settings = _settings with { WriteOperationsPerSecond = value };
    }

    /// <summary>Also writes the disk as it is afterwards.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    private protected override string Verb => "Set";

    private protected override void Prepare()
    {
        base.Prepare();
        if (_settings == new DiskSettings())
        {
            Refuse("There is nothing to set.", "NothingToSet", "Give -Cache, -Io, -Discard, -ReadOnly or a limit.");
        }

        if ((BytesPerSecond > 0 && ReadBytesPerSecond + WriteBytesPerSecond > 0)
            || (OperationsPerSecond > 0 && ReadOperationsPerSecond + WriteOperationsPerSecond > 0))
        {
            Refuse(
                "A limit of reading and writing together does not go with one of reading or writing.", "LimitsContradict",
                "Give the one, or the others.");
        }
    }

    private protected override async Task<ActionResult> ActAsync(KumoiDisk disk, CancellationToken cancellationToken)
    {
        var after = await VMDisks.SetAsync(disk, _settings, cancellationToken);
        return new ActionResult(PassThru ? [after] : []);
    }
}
