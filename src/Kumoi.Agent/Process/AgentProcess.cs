using System.Runtime.InteropServices;
using System.Text.Json;
using Kumoi.Agents;
using Kumoi.Hypervisors.Libvirt;
using Microsoft.Extensions.Logging;

namespace Kumoi.Agent.Process;

/// <summary>The agent as a process: from its start to its end.</summary>
internal static class AgentProcess
{
    private const int Success = 0;
    private const int Failure = 1;
    private const int Misused = 2;

    public static async Task<int> RunAsync(IReadOnlyList<string> args)
    {
        if (Arguments.Parse(args) is not { } arguments)
        {
            await Console.Error.WriteLineAsync(Arguments.Usage);
            return Misused;
        }

        if (arguments.Detaches)
        {
            Detachment.Begin();
        }

        try
        {
            using var folder = AgentFolder.Make(arguments.JournalFolder);
            using var sole = folder.TryLock();
            if (sole is null)
            {
                await Console.Error.WriteLineAsync("Another agent has this journal.");
                return AgentProgram.AnotherRuns;
            }

            await ServeAsync(folder, arguments);
            return Success;
        }
        catch (AgentException e)
        {
            await TellAsync(AgentFailure.Of(e), arguments.Detaches);
            return Failure;
        }
        catch (Journal.JournalException e)
        {
            await TellAsync(new AgentFailure(AgentError.JournalFailed, e.Message, e.RecommendedAction), arguments.Detaches);
            return Failure;
        }
#pragma warning disable CA1031 // whatever it is, the starter gets one clear error, and the log all of it
        catch (Exception e)
#pragma warning restore CA1031
        {
            var log = Path.Combine(AgentFolder.Of(arguments.JournalFolder), "agent.log");
            new LogFile(log, TimeProvider.System).Write(nameof(AgentProcess), LogLevel.Critical, "The agent has failed.", e);
            await TellAsync(
                new AgentFailure(AgentError.StartFailed, $"The agent has failed: {e.Message}", $"See its log: {log}"), arguments.Detaches);
            return Failure;
        }
    }

    private static async Task ServeAsync(AgentFolder folder, Arguments arguments)
    {
        await using var server = await AgentServer.StartAsync(new AgentSettings(folder, arguments.JournalFolder)
        {
            IdleLimit = arguments.IdleLimit,
            Drivers = [new LibvirtDriver()],
        });
        using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, End);
        using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, End);
        using var hungUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, context => context.Cancel = true);
        await Console.Out.WriteAsync(AgentProgram.Ready);
        if (arguments.Detaches)
        {
            Detachment.CloseStandardStreams();
        }

        await server.Ended;

        void End(PosixSignalContext context)
        {
            context.Cancel = true;
            server.End($"it got {context.Signal}");
        }
    }

    /// <summary>The starter reads it; who starts the agent by hand, too.</summary>
    private static Task TellAsync(AgentFailure failure, bool isForProgram) => isForProgram
        ? Console.Out.WriteAsync(JsonSerializer.Serialize(failure, AgentJson.Default.AgentFailure))
        : Console.Error.WriteLineAsync($"{failure.Message} {failure.RecommendedAction}");
}
