using System.Net.Sockets;
using Kumoi.Agent.Grains;
using Kumoi.Agent.Http;
using Kumoi.Agent.Process;
using Kumoi.Agent.Silo;
using Kumoi.Agent.Work;
using Kumoi.Agents;
using Kumoi.Composition;
using Kumoi.Hypervisors.Faults;
using Kumoi.Journal;
using Kumoi.Journal.Sqlite;
using Kumoi.Resilience;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Hosting;

namespace Kumoi.Agent;

/// <summary>The agent: its silo, its socket, and its work.</summary>
internal sealed class AgentServer : IAsyncDisposable
{
    /// <summary>By then nothing is under way that matters: the work has ended before.</summary>
    private static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(3);

    private readonly WebApplication _app;
    private readonly AgentSettings _settings;
    private readonly AgentLife _life;
    private readonly Task _ended;

    private AgentServer(WebApplication app, AgentSettings settings)
    {
        _app = app;
        _settings = settings;
        _life = app.Services.GetRequiredService<AgentLife>();
        _ended = EndAsync();
    }

    /// <summary>When all has ended, and the socket is gone.</summary>
    public Task Ended => _ended;

    /// <summary>Starts it, and goes on with what the journal has. Whoever calls this has the folder's lock.</summary>
    /// <exception cref="JournalException">The journal cannot be read.</exception>
    public static async Task<AgentServer> StartAsync(AgentSettings settings)
    {
        // Whoever has left it behind is dead: the lock is ours.
        File.Delete(settings.Folder.Socket);
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Logging.AddProvider(new LogFile(settings.Folder.Log, settings.Time));
        builder.WebHost.UseKestrelCore();
        builder.WebHost.ConfigureKestrel(kestrel => Listen(kestrel, settings));
        builder.Host.UseOrleans((_, silo) => SiloSetup.Configure(silo));
        AddServices(builder.Services, settings);
        var app = builder.Build();
        try
        {
            app.Run(app.Services.GetRequiredService<AgentRequests>().AnswerAsync);
            await app.Services.GetRequiredService<WorkBook>().BeginAsync(CancellationToken.None);
            await app.StartAsync();
            if (!OperatingSystem.IsWindows())
            {
                File.SetUnixFileMode(settings.Folder.Socket, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            }

            await ResumeAsync(app.Services);
            app.Services.GetRequiredService<AgentRequests>().Open();
#pragma warning disable CA1848, CA1873 // once in a life
            app.Services.GetRequiredService<ILogger<AgentServer>>().LogInformation(
                "The agent {Version} of {Journal} runs (process {Process}), and goes on with: {Work}", settings.Version,
                settings.JournalFolder, Environment.ProcessId,
                string.Join(", ", app.Services.GetRequiredService<WorkBook>().Items.Where(item => item.Error is null)
                    .Select(item => $"{item.Kind} {item.Name}")
                    .Concat(app.Services.GetRequiredService<AgentPairs>().Names.Select(vm => $"Pair {vm}")).DefaultIfEmpty("nothing")));
#pragma warning restore CA1848, CA1873
            return new AgentServer(app, settings);
        }
        catch
        {
            await app.DisposeAsync();
            throw;
        }
    }

    public void End(string why) => _life.End(why);

    public async ValueTask DisposeAsync()
    {
        End("it was told to");
        await _ended;
    }

    private static void AddServices(IServiceCollection services, AgentSettings settings)
    {
        // The clock is not one of the services: Orleans would go by it too.
        services.AddSingleton(settings);
        services.AddSingleton<IHostLifetime, NoLifetime>();
        services.Configure<HostOptions>(options => options.ShutdownTimeout = StopPatience);
        services.AddSingleton<IJournal>(_ => new SqliteJournal(settings.JournalFolder, settings.Time));
        services.AddSingleton(provider => new WorkBook(provider.GetRequiredService<IJournal>(), settings.Time));
        services.AddSingleton<RunningWork>();
        services.AddSingleton<AgentPairs>();
        services.AddSingleton(provider => new AgentHosts(KumoiFleet.Create(
            settings.Drivers, new PollyCallPolicyFactory(), new FaultPlan(new Random(), settings.Time), settings.Time,
            provider.GetRequiredService<IJournal>)));
        services.AddSingleton(provider => new AgentLife(
            settings.IdleLimit,
            () => provider.GetRequiredService<WorkBook>().HasWork || provider.GetRequiredService<AgentPairs>().Names.Count > 0, settings.Time,
            provider.GetRequiredService<ILogger<AgentLife>>()));
        services.AddSingleton<AgentRequests>();
    }

    private static void Listen(KestrelServerOptions kestrel, AgentSettings settings)
    {
        var limits = settings.Limits;
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxConcurrentConnections = limits.Connections;
        kestrel.Limits.MaxRequestBodySize = limits.BodyBytes;
        kestrel.Limits.MaxRequestHeadersTotalSize = limits.HeaderBytes;
        kestrel.Limits.MaxRequestLineSize = limits.HeaderBytes;
        kestrel.Limits.RequestHeadersTimeout = limits.Arrival;
        kestrel.Limits.KeepAliveTimeout = limits.KeepAlive;
        kestrel.ListenUnixSocket(settings.Folder.ShortSocket, listen =>
        {
            listen.Protocols = HttpProtocols.Http1;
            listen.Use(next => connection =>
            {
                // The folder lets nobody else in; this holds also if somebody has opened it.
                if (connection.Features.Get<IConnectionSocketFeature>()?.Socket is not { } socket || !SocketPeer.IsOurs(socket))
                {
                    connection.Abort();
                    return Task.CompletedTask;
                }

                return next(connection);
            });
        });
    }

    private static async Task ResumeAsync(IServiceProvider services)
    {
        var grains = services.GetRequiredService<IGrainFactory>();
        // First what protects.
        foreach (var pair in await services.GetRequiredService<AgentPairs>().ReadLeftAsync(CancellationToken.None))
        {
            await grains.GetGrain<IPairGrain>(pair.Order.VM).ResumeAsync();
        }

        foreach (var item in services.GetRequiredService<WorkBook>().Items.Where(item => item.Error is null))
        {
            await (item.Kind is AgentWorkKind.Scaling
                ? grains.GetGrain<IScalingGrain>(item.Name).ResumeAsync()
                : grains.GetGrain<IUsageGrain>(item.Name).ResumeAsync());
        }
    }

    private async Task EndAsync()
    {
        await _life.Ending;
        await _app.Services.GetRequiredService<RunningWork>().EndAllAsync();
        await _app.Services.GetRequiredService<AgentPairs>().DisposeAsync();
        await _app.StopAsync();
        var fleet = _app.Services.GetRequiredService<AgentHosts>().Fleet;
        await fleet.DisposeAsync();
        await (fleet.Journal?.SettleAsync() ?? Task.CompletedTask);
        await _app.DisposeAsync();
        File.Delete(_settings.Folder.Socket);
    }
}
