using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.Fleets;

/// <content>VMs that replay a recording.</content>
public static partial class VMActions
{
    /// <summary>
    /// Defines a VM, and does the rest that makes it what it is to be; if that fails or is cancelled the VM is removed again, unless
    /// <paramref name="keepFailed"/>.
    /// </summary>
    /// <exception cref="CompensationFailedException">The rest failed, and what was made could not be removed.</exception>
    internal static Task<KumoiVM> CreateWithAsync(
        KumoiConnection host, VMSpec spec, Func<CancellationToken, Task> rest, bool keepFailed, OperationId operation,
        CancellationToken cancellationToken) =>
        MakeAsync(host, spec, start: false, keepFailed, rest, operation, cancellationToken);

    /// <summary>The folder that goes with a VM that replays a recording; null: the VM is another one.</summary>
    private static async Task<string?> FindReplayFilesAsync(KumoiVM vm, CancellationToken cancellationToken) =>
        !vm.IsMasked && ReplayMark.MayBeOf(vm.Id)
            && await vm.Connection.Link.SendAsync(new ReadXml(vm.Id), cancellationToken) is { Length: > 0 } definition
                ? ReplayMark.FolderOf(DomainDefinition.Parse(definition)) : null;

    /// <summary>What goes with a VM that is gone. What stays is told by <see cref="CallWarnings"/>.</summary>
    private static void RemoveReplayFiles(string? folder)
    {
        try
        {
            if (folder is not null && !ReplayMark.Remove(folder))
            {
                CallWarnings.Tell($"This computer does not see '{folder}', the files of the replay: they stay, if they are there.");
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            CallWarnings.Tell($"The files of the replay in '{folder}' stay: {e.Message}");
        }
    }
}
