using System.Management.Automation;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Completion;
using Kumoi.Speculation.Migration;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Moves disks of VMs to another storage pool of their hosts, while they run or while they are off.</summary>
[Cmdlet(VerbsCommon.Move, "KumoiVMStorage", SupportsShouldProcess = true)]
[OutputType(typeof(KumoiVM))]
public sealed class MoveKumoiVMStorageCommand : VMActionCmdlet
{
    private int _lastId;

    /// <summary>The storage pool that they go to.</summary>
    [Parameter(Mandatory = true, Position = 1)]
    [ArgumentCompleter(typeof(PoolNameCompleter))]
    [ValidateNotNullOrEmpty]
    public string StoragePool { get; set; } = "";

    /// <summary>Only these disks, by their names in the VM; else all that it writes to.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(DiskTargetCompleter))]
    [ValidateNotNullOrEmpty]
    public string[] Target { get; set; } = [];

    /// <summary>What the VM has had stays where it is, too.</summary>
    [Parameter]
    public SwitchParameter KeepSource { get; set; }

    private protected override bool MeansAnyElement => false;

    private protected override string Verb => $"Move {(Target.Length == 0 ? "its disks" : string.Join(", ", Target))} to '{StoragePool}'";

    private protected override Func<KumoiVM, ActionProgress, CancellationToken, Task<KumoiVM?>> Bind()
    {
        var (pool, targets, keeps) = (StoragePool, Target, (bool)KeepSource);
        return async (vm, progress, token) =>
        {
            using var bars = new CopyProgressBars(
                progress, () => Interlocked.Increment(ref _lastId), disk => $"Moving '{disk}' of {vm.Name} to '{pool}'");
            return await new DiskMove(vm, pool, keeps, TimeProvider.System).RunAsync(targets, bars.For, token);
        };
    }

    private protected override Task<KumoiVM?> ActAsync(KumoiVM vm, ActionProgress progress, CancellationToken cancellationToken) =>
        Bind()(vm, progress, cancellationToken);
}
