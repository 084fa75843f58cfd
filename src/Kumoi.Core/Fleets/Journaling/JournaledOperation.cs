using Kumoi.Journal;

namespace Kumoi.Fleets.Journaling;

/// <summary>
/// An operation that was begun: the journal that has its intent, and its place there. Whatever follows from it belongs there too.
/// </summary>
internal sealed record JournaledOperation(IJournal Journal, long Sequence, OperationIntent Intent);
