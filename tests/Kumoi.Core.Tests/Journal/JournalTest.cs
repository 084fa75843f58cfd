using Kumoi.Journal;
using Kumoi.Journal.Sqlite;

namespace Kumoi.Tests.Journal;

/// <summary>A folder for a journal, gone after the test.</summary>
public abstract class JournalTest : IDisposable
{
    protected JournalTest() => Folder = Path.Combine(Path.GetTempPath(), "kumoi-journal-" + Guid.NewGuid().ToString("N"));

    protected string Folder { get; }

    protected string File => Path.Combine(Folder, "journal.db");

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing)
    {
        if (Directory.Exists(Folder))
        {
            Directory.Delete(Folder, recursive: true);
        }
    }

    private protected SqliteJournal Open() => new(Folder, TimeProvider.System);

    protected static OperationIntent Intent(string vm = "web", string kind = OperationKind.Start) => new()
    {
        Id = Guid.NewGuid(),
        Kind = kind,
        VMHost = "kvm1",
        IsSimulated = true,
        VMId = Guid.NewGuid(),
        VM = vm,
        StartedAt = new DateTimeOffset(2026, 1, 2, 3, 4, 5, 678, TimeSpan.Zero),
        Details = """{"paused":true}""",
    };

    protected static KumoiEvent Event(string message, KumoiEventKind kind = KumoiEventKind.Substitution, DateTimeOffset? at = null) =>
        new()
        {
            At = at ?? new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero),
            Kind = kind,
            VMHost = "kvm1",
            VM = "web",
            Message = message
        };

    protected static async Task<List<KumoiEvent>> EventsAsync(IJournal journal, EventQuery? query = null) =>
        await journal.ReadEventsAsync(query ?? new EventQuery(), CancellationToken.None).ToListAsync();

    protected static async Task<List<KumoiOperation>> OperationsAsync(IJournal journal, OperationQuery? query = null) =>
        await journal.ReadOperationsAsync(query ?? new OperationQuery(), CancellationToken.None).ToListAsync();
}
