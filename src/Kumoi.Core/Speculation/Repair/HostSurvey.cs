using System.Xml;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.Speculation.Repair;

/// <summary>
/// What a host has, as far as it concerns other hosts: its live VMs, the disks they use, and the marks that they carry.
/// </summary>
internal sealed class HostSurvey
{
    private readonly HashSet<Guid> _pausedByMigration = [];
    private readonly List<DiskUse> _disks = [];
    private readonly List<Exception> _problems = [];

    private HostSurvey(KumoiConnection host) => Host = host;

    public KumoiConnection Host { get; }

    /// <summary>Tells the host from all others, by whatever way it is connected.</summary>
    public string Id { get; private set; } = "";

    /// <summary>VMs that hold the host.</summary>
    public IReadOnlyList<KumoiVM> Live { get; private set; } = [];

    public IReadOnlyList<DiskUse> Disks => _disks;

    public IReadOnlyList<MarkedVM> Marked { get; private set; } = [];

    /// <summary>What could not be read.</summary>
    public IReadOnlyList<Exception> Problems => _problems;

    public bool IsPausedByMigration(KumoiVM vm) => _pausedByMigration.Contains(vm.Id);

    /// <summary>Reads it. What cannot be read besides the VMs is a problem of it, and the rest holds.</summary>
    public static async Task<HostSurvey> ReadAsync(KumoiConnection host, CancellationToken cancellationToken)
    {
        var survey = new HostSurvey(host);
        var read = await FleetReads.ReadHostAsync(host, cancellationToken);
        survey.Live = [.. read.VMs.Where(vm => vm.State.HoldsHost())];
        // Both: there are hosts whose makers gave them all one id.
        survey.Id = $"{await host.ReadIdAsync(cancellationToken)} {read.Reading.HostName}";
        IReadOnlyList<StoragePoolReading> pools = [];
        await survey.TryAsync(async () => pools = await host.Link.SendAsync(new ReadPools(), cancellationToken));
        await survey.TryAsync(async () => survey.Marked = await host.Link.SendAsync(new ReadMarked(), cancellationToken));
        foreach (var vm in survey.Live)
        {
            await survey.TryAsync(async () =>
            {
                if (vm.State is PowerState.Paused
                    && await host.Link.SendAsync(new ReadWhereabouts(vm.Id), cancellationToken) is VMWhereabouts.MigrationPaused)
                {
                    survey._pausedByMigration.Add(vm.Id);
                }

                survey._disks.AddRange(
                    DiskUse.Of(vm, SafeXml.Parse(await host.Link.SendAsync(new ReadXml(vm.Id), cancellationToken)), pools));
            });
        }

        return survey;
    }

    private async Task TryAsync(Func<Task> read)
    {
        try
        {
            await read();
        }
        catch (HypervisorException e) when (e.Error is HypervisorError.VMNotFound)
        {
            // It was stopped, or moved, since the list was read.
        }
        catch (Exception e) when (e is HypervisorException or XmlException)
        {
            _problems.Add(e);
        }
    }
}
