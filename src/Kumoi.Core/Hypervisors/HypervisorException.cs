namespace Kumoi.Hypervisors;

/// <summary>A failed call on a hypervisor link. Callers decide by the properties, never by the message's text.</summary>
public sealed class HypervisorException : Exception, IFaultDomainSource
{
    /// <summary>
    /// A message may quote a host, and libvirt: passwords of URIs are taken out of it, and control characters are made visible.
    /// </summary>
    public HypervisorException(
        string message,
        FaultDomain faultDomain = FaultDomain.Unknown,
        bool isTransient = false,
        bool outcomeUnknown = false,
        HypervisorError error = HypervisorError.Other,
        int nativeCode = 0,
        string? recommendedAction = null,
        Exception? innerException = null)
        : base(Visible.Lines(Secrets.Mask(message)), innerException)
    {
        FaultDomain = faultDomain;
        IsTransient = isTransient;
        OutcomeUnknown = outcomeUnknown;
        Error = error;
        NativeCode = nativeCode;
        RecommendedAction = recommendedAction is null ? null : Visible.Lines(Secrets.Mask(recommendedAction));
    }

    /// <summary>What the failure is of.</summary>
    public FaultDomain FaultDomain { get; }

    /// <summary>The same call may succeed if it is made again.</summary>
    public bool IsTransient { get; }

    /// <summary>
    /// Of a connection that could not be opened: somebody has said no, the host or a router on the way. At once it would be said again.
    /// </summary>
    public bool IsRefusal { get; init; }

    /// <summary>The request may have taken effect: nobody may assume that it did not, and it is never retried blindly.</summary>
    public bool OutcomeUnknown { get; }

    public HypervisorError Error { get; }

    /// <summary>libvirt's virErrorNumber; 0 where the failure is not libvirt's.</summary>
    public int NativeCode { get; }

    /// <summary>What the admin can do about it.</summary>
    public string? RecommendedAction { get; }
}
