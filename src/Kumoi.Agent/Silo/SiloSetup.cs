using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Configuration;
using Orleans.Hosting;

namespace Kumoi.Agent.Silo;

/// <summary>One silo in this process, that no other can join.</summary>
internal static class SiloSetup
{
    /// <summary>A change under way may wait for a guest to shut down.</summary>
    private static readonly TimeSpan LongestCall = TimeSpan.FromMinutes(30);

    public static void Configure(ISiloBuilder silo)
    {
        // The port is a name only: nothing listens. 0: there is no gateway.
        silo.UseLocalhostClustering(gatewayPort: 0);
        silo.Configure<SiloMessagingOptions>(options => options.ResponseTimeout = LongestCall);
        CloseConnections(silo.Services);
    }

    /// <summary>Puts <see cref="NoConnections"/> in the place of every transport that Orleans has registered.</summary>
    private static void CloseConnections(IServiceCollection services)
    {
        var closed = 0;
        for (var i = 0; i < services.Count; i++)
        {
            if (services[i] is not { IsKeyedService: true } service)
            {
                continue;
            }

            if (service.ServiceType == typeof(IConnectionListenerFactory))
            {
                services[i] = ServiceDescriptor.KeyedSingleton<IConnectionListenerFactory>(service.ServiceKey, NoConnections.Instance);
                closed++;
            }
            else if (service.ServiceType == typeof(IConnectionFactory))
            {
                services[i] = ServiceDescriptor.KeyedSingleton<IConnectionFactory>(service.ServiceKey, NoConnections.Instance);
                closed++;
            }
        }

        if (closed < 3)
        {
            throw new InvalidOperationException("Orleans has other transports than this agent knows how to close.");
        }
    }
}
