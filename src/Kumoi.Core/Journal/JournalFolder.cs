namespace Kumoi.Journal;

/// <summary>Where a user's journal is.</summary>
public static class JournalFolder
{
    /// <summary>The environment variable that names another folder.</summary>
    public const string Variable = "KUMOI_STATE";

    /// <summary>The journal in it.</summary>
    public const string FileName = "journal.db";

    /// <summary>
    /// <c>KUMOI_STATE</c>; or else <c>kumoi</c> in the local application data (Windows), in <c>XDG_STATE_HOME</c>, or in
    /// <c>~/.local/state</c> (https://specifications.freedesktop.org/basedir-spec/latest/: a relative path there counts as none).
    /// </summary>
    public static string Find() => Find(
        Environment.GetEnvironmentVariable,
        Environment.GetFolderPath(
            OperatingSystem.IsWindows() ? Environment.SpecialFolder.LocalApplicationData : Environment.SpecialFolder.UserProfile));

    /// <inheritdoc cref="Find()"/>
    internal static string Find(Func<string, string?> variable, string home)
    {
        if (variable(Variable) is { Length: > 0 } chosen)
        {
            return Path.GetFullPath(chosen);
        }

        if (!OperatingSystem.IsWindows() && variable("XDG_STATE_HOME") is { } state && Path.IsPathRooted(state))
        {
            return Path.Combine(state, "kumoi");
        }

        if (home.Length == 0)
        {
            throw new JournalException(
                "There is no folder for the journal: the user has no home folder.", JournalError.Unavailable,
                $"Set the environment variable {Variable} to a folder.");
        }

        return OperatingSystem.IsWindows() ? Path.Combine(home, "kumoi") : Path.Combine(home, ".local", "state", "kumoi");
    }
}
