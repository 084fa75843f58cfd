using Kumoi.PowerShell.Actions;

namespace Kumoi.PowerShell.Cmdlets.Base;

/// <summary>What one cmdlet tells of hosts on which VMs that it starts may run already: of each set of hosts once.</summary>
internal sealed class CopyCheck
{
    private readonly HashSet<string> _told = new(StringComparer.Ordinal);

    public async Task TellAsync(IReadOnlyList<string> unread, ActionProgress progress, CancellationToken cancellationToken)
    {
        if (unread.Count == 0)
        {
            return;
        }

        var hosts = string.Join(", ", unread);
        bool isNew;
        lock (_told)
        {
            isNew = _told.Add(hosts);
        }

        if (isNew)
        {
            await progress.WarnAsync(
                $"{hosts} cannot be read: whether a copy of a VM that is started here runs there is not known.", cancellationToken);
        }
    }
}
