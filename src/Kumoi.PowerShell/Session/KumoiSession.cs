using Kumoi.Agents;
using Kumoi.Composition;
using Kumoi.FaultTolerance.Pairs;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Faults;
using Kumoi.Hypervisors.Libvirt;
using Kumoi.Hypervisors.Simulated;
using Kumoi.Journal;
using Kumoi.Workloads.ScalingGroups;

namespace Kumoi.PowerShell.Session;

/// <summary>
/// What all runspaces of the process share: <c>ForEach-Object -Parallel</c> and thread jobs see the same connections as the prompt.
/// </summary>
internal static class KumoiSession
{
    private static readonly TimeSpan PatienceAtTheEnd = TimeSpan.FromSeconds(10);
    private static readonly Lock Gate = new();
    private static readonly Lock JournalGate = new();
    private static readonly Dictionary<Guid, object> Made = []; // when, boxed: .NET has no machine code of a dictionary of times
    private static readonly Dictionary<string, ScalingRun> ScalingRuns = new(StringComparer.OrdinalIgnoreCase);
    private static readonly Lock PairGate = new();
    private static PairService? _ownPairs;
    private static IReadOnlyList<IHypervisorDriver>? _drivers;
    private static Fleet? _fleet;
    private static readonly Dictionary<string, IJournal> Journals = new(StringComparer.Ordinal);
    private static readonly Dictionary<string, AgentClient> Agents = new(StringComparer.Ordinal);
    private static int _modules;

    private static IReadOnlyList<IHypervisorDriver> Drivers
    {
        get
        {
            lock (Gate)
            {
                return _drivers ??= [new SimulatedDriver(TimeProvider.System), new LibvirtDriver()];
            }
        }
    }

    /// <summary>Made at first use: importing the module opens and loads nothing.</summary>
    public static Fleet Fleet
    {
        get
        {
            lock (Gate)
            {
                return _fleet ??= KumoiFleet.Create(
                    Drivers,
                    DependencyContext.CreateCallPolicies(),
                    new FaultPlan(new Random(), TimeProvider.System),
                    TimeProvider.System,
                    () => Journal);
            }
        }
    }

    /// <summary>A host is about to be connected: what its driver needs may begin, beside the making of the fleet. True: it is a real one.</summary>
    public static bool Prepare(string uri)
    {
        var driver = Drivers.FirstOrDefault(driver => driver.Handles(uri));
        driver?.Prepare();
        return driver?.IsSimulated is false;
    }

    /// <summary>
    /// The user's journal: made at the first change or journal cmdlet; another one when <c>KUMOI_STATE</c> has been set to another folder.
    /// Those that were used stay open to the end of the session: what was begun in one may be under way still, and ends there.
    /// </summary>
    /// <exception cref="JournalException">There is no folder for it.</exception>
    public static IJournal Journal
    {
        get
        {
            var folder = JournalFolder.Find();
            lock (JournalGate)
            {
                if (!Journals.TryGetValue(folder, out var journal))
                {
                    Journals[folder] = journal = DependencyContext.CreateJournal(folder);
                }

                return journal;
            }
        }
    }

    /// <summary>The way to the agent of the session's journal. Nothing is started by asking for it.</summary>
    /// <exception cref="JournalException">There is no folder for the journal.</exception>
    public static AgentClient Agent
    {
        get
        {
            var folder = JournalFolder.Find();
            lock (JournalGate)
            {
                if (!Agents.TryGetValue(folder, out var agent))
                {
                    var bin = Path.GetDirectoryName(typeof(KumoiSession).Assembly.Location)!;
                    Agents[folder] = agent = new AgentClient(folder, new AgentProgram(
                        Path.GetFullPath(Path.Combine(bin, "..", "agent", "Kumoi.Agent.dll")), Environment.GetEnvironmentVariable));
                }

                return agent;
            }
        }
    }

    /// <summary>The pairs that this session and the agent of its journal keep.</summary>
    public static SessionPairs Pairs
    {
        get
        {
            var agent = Agent;
            lock (PairGate)
            {
                return new SessionPairs(_ownPairs ??= new PairService(Fleet, "Session", TimeProvider.System), new PersistentPairs(agent));
            }
        }
    }

    /// <summary>The groups that the agent of the session's journal scales.</summary>
    public static PersistentScaling PersistentScalings => new(Agent, PersistentWork);

    /// <summary>The accounting of the agent of the session's journal.</summary>
    public static PersistentUsage PersistentUsage => new(Agent, PersistentWork);

    /// <summary>All that the agent of the session's journal was given.</summary>
    public static PersistentWork PersistentWork => new(() => Journal);

    public static bool HasFleet => Volatile.Read(ref _fleet) is not null;

    /// <summary>Notes a VM that this session has made.</summary>
    public static void NoteMade(Guid vm)
    {
        lock (Made)
        {
            Made[vm] = DateTimeOffset.UtcNow;
        }
    }

    /// <summary>A pipeline must not take as a substitute what came into being through it.</summary>
    public static bool WasMadeSince(Guid vm, DateTimeOffset then)
    {
        lock (Made)
        {
            return Made.TryGetValue(vm, out var at) && (DateTimeOffset)at >= then;
        }
    }

    /// <summary>All groups that this session scaled in the background, by name.</summary>
    public static IReadOnlyList<ScalingRun> Scalings
    {
        get
        {
            lock (ScalingRuns)
            {
                return [.. ScalingRuns.OrderBy(run => run.Key, NaturalOrder.IgnoringCase).Select(run => run.Value)];
            }
        }
    }

    /// <summary>Begins to scale a group; null if it is being scaled already.</summary>
    public static ScalingRun? StartScaling(string group, Func<ScalingRun> start)
    {
        lock (ScalingRuns)
        {
            return ScalingRuns.TryGetValue(group, out var run) && run.Status.State is ScalingState.Running
                ? null : ScalingRuns[group] = start();
        }
    }

    public static void ModuleLoaded() => Interlocked.Increment(ref _modules);

    /// <summary>Closes all links when the last runspace lets go of the module.</summary>
    public static void ModuleRemoved()
    {
        if (Interlocked.Decrement(ref _modules) > 0)
        {
            return;
        }

        Fleet? fleet;
        lock (Gate)
        {
            (fleet, _fleet) = (_fleet, null);
        }

        Task.WaitAll([EndPairsAsync(), .. Scalings.Select(run => run.StopAsync())], PatienceAtTheEnd);
        lock (ScalingRuns)
        {
            ScalingRuns.Clear();
        }

        fleet?.DisposeAsync().AsTask().Wait(PatienceAtTheEnd);
        List<IJournal> journals;
        lock (JournalGate)
        {
            journals = [.. Journals.Values];
            Journals.Clear();
            foreach (var agent in Agents.Values)
            {
                agent.Dispose();
            }

            Agents.Clear();
        }

        Task.WaitAll([.. journals.Select(journal => journal.DisposeAsync().AsTask())], PatienceAtTheEnd);
    }

    /// <summary>Their simulated hosts are gone too.</summary>
    private static async Task EndPairsAsync()
    {
        PairService? pairs;
        lock (PairGate)
        {
            (pairs, _ownPairs) = (_ownPairs, null);
        }

        if (pairs is not null)
        {
            await Task.WhenAll(pairs.Pairs.Select(pair => pairs.StopAsync(pair.VMId)));
            await pairs.DisposeAsync();
        }
    }
}
