namespace Kumoi.Fleets.Links;

/// <summary>Makes the policy of one host. Implemented outside Core, on Polly (<c>Kumoi.Resilience</c>).</summary>
public interface ICallPolicyFactory
{
    ICallPolicy ForHost(string host, FleetLimits limits);
}
