namespace Kumoi;

/// <summary>Implemented by exceptions that know what the failure is of. All others are <see cref="FaultDomain.Unknown"/>.</summary>
public interface IFaultDomainSource
{
    FaultDomain FaultDomain { get; }
}
