// A process that writes or reads a journal, for the tests: "append FOLDER" appends until it is killed and prints a line for each append
// that was acknowledged; "append-one FOLDER" appends one event; "read FOLDER" prints the messages of all events.
using System.Globalization;
using Kumoi;
using Kumoi.Journal;
using Kumoi.Journal.Sqlite;

await using var journal = new SqliteJournal(args[1], TimeProvider.System);
using var output = Console.OpenStandardOutput();
try
{
    switch (args[0])
    {
        case "append":
            await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => AppendForeverAsync()));
            break;
        case "append-one":
            await journal.AppendAsync(Event("one"), CancellationToken.None);
            break;
        default:
            await foreach (var happened in journal.ReadEventsAsync(new EventQuery(), CancellationToken.None))
            {
                Acknowledge(happened.Message);
            }

            break;
    }

    return 0;
}
catch (JournalException e)
{
    Acknowledge($"{e.Error}: {e.Message}");
    return 1;
}

async Task AppendForeverAsync()
{
    while (true)
    {
        var intent = new OperationIntent
        {
            Id = Guid.NewGuid(),
            Kind = OperationKind.Start,
            VMHost = "kvm1",
            IsSimulated = true,
            VM = "web",
            StartedAt = DateTimeOffset.UtcNow,
        };
        var sequence = await journal.BeginAsync(intent, CancellationToken.None);
        Acknowledge(string.Create(CultureInfo.InvariantCulture, $"begun {sequence} {intent.Id:D}"));
        await journal.EndAsync(sequence, new OperationOutcome(OperationState.Succeeded, DateTimeOffset.UtcNow), CancellationToken.None);
        Acknowledge(string.Create(CultureInfo.InvariantCulture, $"ended {sequence} {intent.Id:D}"));
        var message = Guid.NewGuid().ToString("D");
        var number = await journal.AppendAsync(Event(message), CancellationToken.None);
        Acknowledge(string.Create(CultureInfo.InvariantCulture, $"event {number} {message}"));
    }
}

static KumoiEvent Event(string message) => new() { At = DateTimeOffset.UtcNow, Kind = KumoiEventKind.Substitution, VMHost = "kvm1", Message = message };

// One write for each line: what the parent reads of a killed process are whole lines.
void Acknowledge(string line)
{
    lock (output)
    {
        output.Write(System.Text.Encoding.UTF8.GetBytes(line + "\n"));
    }
}
