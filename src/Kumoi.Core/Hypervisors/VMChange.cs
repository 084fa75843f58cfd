namespace Kumoi.Hypervisors;

/// <summary>A change of one VM that the host has.</summary>
/// <param name="Id">The VM: names can be given to another between two calls.</param>
public abstract record VMChange<T>(Guid Id) : HostChange<T>
{
    public override Guid? VMId => Id;

    /// <summary>It can be done with a template, too: what changes one otherwise is refused.</summary>
    public virtual bool IsForTemplates => false;
}
