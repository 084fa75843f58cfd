using System.Globalization;

namespace Kumoi.Agent.Process;

/// <summary>What the program was started with.</summary>
/// <param name="JournalFolder">The folder of the journal whose agent this is.</param>
/// <param name="IdleLimit">It ends when it had nothing to do for so long; zero: never.</param>
/// <param name="Detaches">It leaves the terminal and the session of the one that starts it.</param>
internal sealed record Arguments(string JournalFolder, TimeSpan IdleLimit, bool Detaches)
{
    public static readonly TimeSpan DefaultIdleLimit = TimeSpan.FromMinutes(10);

    public const string Usage = "usage: dotnet Kumoi.Agent.dll [--journal FOLDER] [--idle SECONDS] [--detach]";

    /// <summary>Null: they are not understood.</summary>
    public static Arguments? Parse(IReadOnlyList<string> args)
    {
        string? folder = null;
        var idle = DefaultIdleLimit;
        var detaches = false;
        for (var i = 0; i < args.Count; i++)
        {
            switch (args[i])
            {
                case "--detach":
                    detaches = true;
                    break;
                case "--journal" when i + 1 < args.Count:
                    folder = args[++i];
                    break;
                case "--idle" when i + 1 < args.Count
                    && int.TryParse(args[++i], NumberStyles.None, CultureInfo.InvariantCulture, out var seconds):
                    idle = TimeSpan.FromSeconds(seconds);
                    break;
                default:
                    return null;
            }
        }

        return new Arguments(Path.GetFullPath(folder ?? Kumoi.Journal.JournalFolder.Find()), idle, detaches);
    }
}
