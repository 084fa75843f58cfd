namespace Kumoi.Journal;

/// <summary>The journal could not be read or written. The call that it was for has not gone out.</summary>
public sealed class JournalException(string message, JournalError error, string recommendedAction, Exception? innerException = null)
    : Exception(message, innerException)
{
    public JournalError Error => error;

    /// <summary>What the admin can do about it.</summary>
    public string RecommendedAction => recommendedAction;
}
