using Kumoi.Hypervisors.Libvirt.Connections;

namespace Kumoi.Hypervisors.Libvirt.Definitions;

/// <summary>
/// What may delete images of one host goes one after the other. A VM that is being removed loses its images before its definition: who
/// looks at that moment who uses an image cannot know what those were built on, and lets it stay.
/// </summary>
internal sealed class ImageRemovals
{
    private readonly SemaphoreSlim _turn = new(1);

    /// <summary>Runs a call on the controlling connection when it is its turn. The next one's comes when it is really over.</summary>
    public static async Task<T> RunAsync<T>(
        LibvirtLink host, Func<LibvirtConnection, T> removal, CancellationToken cancellationToken)
    {
        var turn = host.Of(static _ => new ImageRemovals())._turn;
        await turn.WaitAsync(cancellationToken);
        return await host.ControlAsync(removal, cancellationToken, over: () => turn.Release());
    }
}
