namespace Kumoi.PolicySimulation;

/// <summary>What happens in a simulation happens to one of these.</summary>
internal interface IEventHandler
{
    /// <summary>It happens now.</summary>
    /// <param name="subject">As it was given when the event was scheduled.</param>
    void Handle(int subject);
}
