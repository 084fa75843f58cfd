using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Native;

namespace Kumoi.Hypervisors.Libvirt.Reading;

/// <summary>Readings of one host and its VMs. Ratios need an earlier sample, which is kept here.</summary>
internal sealed class HostReadings
{
    private readonly LibvirtLink _link;
    private readonly CpuSampler _cpu;
    private readonly HostReader _hosts;

    private HostReadings(LibvirtLink link)
    {
        _link = link;
        _cpu = new CpuSampler(link.Time);
        _hosts = new HostReader(link.Time, _cpu);
        VMs = new VMReader(link.Time);
    }

    public VMReader VMs { get; }

    public static HostReadings Of(LibvirtLink link) => link.Of(static link => new HostReadings(link));

    /// <summary>Makes the first connection, reads the host's name, and takes the first CPU sample.</summary>
    public Task<string> BeginAsync(CancellationToken cancellationToken) => _link.ReadAsync(
        connection =>
        {
            _cpu.Read(connection);
            return HostReader.ReadName(connection);
        },
        cancellationToken);

    public async Task<HostReading> ReadAsync(bool includeVMs, CancellationToken cancellationToken)
    {
        if (_cpu.UntilReady is { Ticks: > 0 } wait)
        {
            await Task.Delay(wait, _link.Time, cancellationToken);
        }

        return await _link.ReadAsync(
            connection => _hosts.Read(
                connection, _link.HostName, includeVMs ? VMs.ReadAll(connection, withTemplates: false) : null),
            cancellationToken);
    }

    /// <summary>A VM that must be there.</summary>
    public VMReading Read(LibvirtConnection connection, Guid id)
    {
        using var domain = connection.GetDomain(id);
        return VMs.Read(connection, domain) ?? throw connection.NotFound($"VM {id}");
    }

    /// <summary>A VM that may not be there.</summary>
    public VMReading? ReadIfFound(LibvirtConnection connection, DomainHandle? found)
    {
        using var domain = found;
        return domain is null ? null : VMs.Read(connection, domain);
    }
}
