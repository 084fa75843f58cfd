using Kumoi.Hypervisors;

namespace Kumoi.Tests.Speculation;

/// <summary>How a call to a host fails in these tests.</summary>
internal static class HostFailures
{
    public static HypervisorException Definite(string host) => new($"{host} says no", FaultDomain.Host);

    public static HypervisorException Unknown(string host) =>
        new($"no answer from {host}", FaultDomain.Host, outcomeUnknown: true, error: HypervisorError.ConnectionFailed);
}
