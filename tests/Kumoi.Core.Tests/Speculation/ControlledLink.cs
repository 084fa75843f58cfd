using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.Tests.Speculation;

/// <summary>A link whose changes, and whose reads of a VM's place, go through a <see cref="Controller"/>.</summary>
internal sealed class ControlledLink(IHypervisorLink inner, Controller controller) : IHypervisorLink
{
    public string Uri => inner.Uri;

    public string HostName => inner.HostName;

    public async ValueTask<T> SendAsync<T>(HostCall<T> call, CancellationToken cancellationToken)
    {
        var sent = call.OtherHost is ControlledLink other ? call.WithOtherHost(other.Inner) : call;
        if (StepOf(call) is not { } step)
        {
            return await inner.SendAsync(sent, cancellationToken);
        }

        return await controller.CallAsync(
            HostName, step,
            async () =>
            {
                var result = await inner.SendAsync(sent, cancellationToken);
                if (result is IOutgoingMigration or IIncomingMigration)
                {
                    controller.Hold((IAsyncDisposable)result);
                }

                return result;
            });
    }

    public IAsyncEnumerable<VMLifecycleEvent> WatchAsync(CancellationToken cancellationToken) => inner.WatchAsync(cancellationToken);

    public ValueTask DisposeAsync() => inner.DisposeAsync();

    private IHypervisorLink Inner => inner;

    /// <summary>What the controller calls it; null: it does not matter.</summary>
    private static string? StepOf<T>(HostCall<T> call) => call switch
    {
        FindVM => "find",
        ReadXml => "xml",
        ReadDefinition => "definition",
        ReadWhereabouts => "place",
        ReadMigrationNeeds => "needs",
        CheckMigrationTarget => "check",
        FindHostBoundState => "host state",
        CreateVolume => "create volume",
        RemoveVolume => "remove volume",
        CopyVolume => "copy volume",
        SwitchDisk => "switch disk",
        AbandonDiskCopy => "abandon copy",
        DefineVM => "define",
        UndoDefineVM => "undo",
        StartVM => "start",
        DestroyVM => "destroy",
        ResumeVM => "resume",
        DiscardSavedState => "discard",
        UndefineVM => "undefine",
        MigrateVM => "migrate",
        BeginMigration => "begin",
        PrepareMigration => "prepare",
        PerformMigration => "perform",
        FinishMigration => "finish",
        AbandonMigration => "abandon",
        ConfirmMigration { Cancelled: true } => "take back",
        ConfirmMigration => "confirm",
        MarkVM { Mark: null } => "unmark",
        MarkVM => "mark",
        RemoveCopy { Removal.Kind: CopyRemovalKind.Stop } => "destroy",
        RemoveCopy { Removal.Kind: CopyRemovalKind.Undefine } => "undefine",
        RemoveCopy => "undo",
        _ => null,
    };
}
