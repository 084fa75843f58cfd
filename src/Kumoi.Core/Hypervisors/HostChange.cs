using System.Text.Json.Nodes;

namespace Kumoi.Hypervisors;

/// <summary>A call that changes something. It is journaled: the intent before it goes out, the outcome after it.</summary>
/// <typeparam name="T">The result; <see cref="Done"/> if there is none.</typeparam>
public abstract record HostChange<T> : HostCall<T>
{
    /// <summary>Changes that belong together, such as a definition, the start after it and its undoing, share it.</summary>
    public OperationId Operation { get; init; } = OperationId.New();

    public override CallKind Kind => CallKind.Write;

    /// <summary>What the journal calls it, such as <c>Start</c>.</summary>
    public abstract string JournalKind { get; }

    /// <summary>
    /// What is asked for, as the journal keeps it. An allow-list: nothing that is secret, and nothing that may hold a secret. Null:
    /// nothing.
    /// </summary>
    public virtual JsonObject? Details => null;

    /// <summary>What the journal keeps at the end; null: as <see cref="Details"/>.</summary>
    public virtual JsonObject? DetailsOf(T result) => null;

    /// <summary>Cancelled, it has left everything as it was. Of the others nobody knows how far they came.</summary>
    public virtual bool IsUndoneByCancellation => false;

    /// <summary>Whether this result proves that what the same operation may have made before is gone.</summary>
    public virtual bool ProvesUndone(T result) => false;
}
