using Kumoi.Agents;
using Kumoi.Journal;
using Kumoi.PowerShell.Session;

namespace Kumoi.PowerShell.Cmdlets.Base;

/// <summary>A cmdlet about the agent itself.</summary>
public abstract class AgentCmdlet : KumoiCmdlet
{
    protected sealed override void EndProcessing()
    {
        try
        {
            Act(KumoiSession.Agent);
        }
        catch (Exception e) when (e is AgentException or JournalException)
        {
            WriteFailure(e, null);
        }
    }

    private protected abstract void Act(AgentClient agent);

    /// <summary>The agent as it is now. That it cannot be used is part of it; only that it is not ours is an error.</summary>
    private protected KumoiAgent Look(AgentClient agent)
    {
        AgentStatus? status;
        try
        {
            status = Await(agent.FindAsync(StopToken));
        }
        catch (AgentException e) when (e.Error is AgentError.NotResponding or AgentError.BrokeOff or AgentError.Refused)
        {
            return new KumoiAgent { State = AgentState.NotResponding, Log = agent.Log, Error = e.Message };
        }

        return status is null ? LookInJournal(agent) : Describe(status, agent);
    }

    private protected static KumoiAgent Describe(AgentStatus status, AgentClient agent) => new()
    {
        State = status.Version == AgentVersion.Own ? AgentState.Running : AgentState.OtherVersion,
        ProcessId = status.ProcessId,
        Version = status.Version,
        StartedAt = status.StartedAt,
        IdleSec = status.IdleSec,
        IdleLimitSec = status.IdleLimitSec,
        MemoryBytes = status.MemoryBytes,
        Pairs = status.Pairs,
        ScalingGroups = status.ScalingGroups,
        IsAccounting = status.IsAccounting,
        Log = agent.Log,
        Error = status.Version == AgentVersion.Own ? null
            : $"It is of another version of the module ({status.Version}); this one is {AgentVersion.Own}.",
    };

    /// <summary>What it will go on with.</summary>
    private KumoiAgent LookInJournal(AgentClient agent)
    {
        IReadOnlyList<AgentWorkItem> all = agent.MayHaveWork ? Await(KumoiSession.PersistentWork.ReadAsync(StopToken)) : [];
        var items = all.Where(item => item.Error is null).ToList();
        return new KumoiAgent
        {
            State = AgentState.NotRunning,
            ScalingGroups = [.. items.Where(item => item.Kind is AgentWorkKind.Scaling).Select(item => item.Name)],
            IsAccounting = items.Exists(item => item.Kind is AgentWorkKind.Usage),
            Log = agent.Log,
        };
    }
}
