using Kumoi.Agents;
using Kumoi.FaultTolerance.Pairs;
using Kumoi.Fleets;

namespace Kumoi.Benchmarks;

/// <summary>1,000 times the same: to end a pair that is not there, by the agent of a journal, and in this process.</summary>
internal static class AgentCalls
{
    private const int Calls = 1_000;
    private static readonly Guid NoVM = new("00000000-0000-4000-8000-000000000001");
    private static readonly Dictionary<string, AgentClient> Clients = new(StringComparer.Ordinal);

    /// <summary>Over the socket, and to a grain; the answer is a failure, which is thrown here.</summary>
    public static async Task ThroughAsync(string journalFolder)
    {
        if (!Clients.TryGetValue(journalFolder, out var client))
        {
            Clients[journalFolder] = client = new AgentClient(journalFolder, new AgentProgram("", _ => null));
        }

        for (var i = 0; i < Calls; i++)
        {
            try
            {
                await client.PostAsync(
                    $"pairs/stop?vm={NoVM:D}", AgentJson.Default.KumoiFtPair, AgentClient.AnswerPatience, CancellationToken.None);
                throw new InvalidOperationException("There is such a pair.");
            }
            catch (AgentException e) when (e.Error is AgentError.NotFound)
            {
                // As it should be.
            }
        }
    }

    public static async Task DirectAsync(Fleet fleet)
    {
        await using var pairs = new PairService(fleet, "Session", TimeProvider.System);
        for (var i = 0; i < Calls; i++)
        {
            if (await pairs.StopAsync(NoVM) is not null)
            {
                throw new InvalidOperationException("There is such a pair.");
            }
        }
    }
}
