namespace Kumoi.Hypervisors;

/// <summary>
/// One call on a host, with all that the layers between its caller and the hypervisor need to know of it. A call is a value: it can be
/// written down, and be sent to another machine, but for what only exists in this process (another host's link, an open migration, who is
/// told of its progress).
/// </summary>
/// <typeparam name="T">The result; <see cref="Done"/> if there is none.</typeparam>
public abstract record HostCall<T>
{
    /// <summary>Tells it from all other calls: the name of its type. A fault rule can name it, and what was masked shows it.</summary>
    public string Name => GetType().Name;

    /// <summary>How long it may take, and whether it may be made again.</summary>
    public abstract CallKind Kind { get; }

    /// <summary>Which group of calls it belongs to for fault rules: one of <see cref="Faults.FaultOperation"/>.</summary>
    public abstract string FaultOperation { get; }

    public virtual MaskPolicy Masking => MaskPolicy.Never;

    /// <summary>The VM that it is about; null: none, or one that is known by name only.</summary>
    public virtual Guid? VMId => null;

    /// <summary>The VM's name; null where the call does not know it.</summary>
    public virtual string? VMName => null;

    /// <summary>
    /// It brings a VM to a host, or starts one there: to <see cref="OtherHost"/> if there is one. A host in maintenance refuses.
    /// </summary>
    public virtual bool BringsVM => false;

    /// <summary>The second host, such as the target of a migration; null: only one is concerned.</summary>
    public virtual IHypervisorLink? OtherHost => null;

    /// <summary>The same call with another link to <see cref="OtherHost"/>: drivers know their own links only.</summary>
    public virtual HostCall<T> WithOtherHost(IHypervisorLink link) => this;
}
