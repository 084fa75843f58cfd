namespace Kumoi.Agent.Work;

/// <summary>Something that the agent does until it is told to end it.</summary>
internal interface IWork
{
    /// <summary>Ends it; a change under way takes effect or leaves nothing behind before this returns.</summary>
    Task EndAsync();
}
