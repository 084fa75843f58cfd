namespace Kumoi.Journal;

/// <summary>What is wrong with a journal.</summary>
public enum JournalError
{
    /// <summary>It could not be opened, read or written: rights, space, a missing folder.</summary>
    Unavailable = 0,

    /// <summary>It is no journal, or no longer a whole one.</summary>
    Damaged,

    /// <summary>A newer version has made it.</summary>
    NewerSchema,

    /// <summary>Another process has held it for too long.</summary>
    Busy,
}
