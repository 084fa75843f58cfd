// A process that writes or reads a journal, for the tests: "append FOLDER" appends until it is killed and prints 'ready', and a line for
// each append that was acknowledged; "append-one FOLDER" appends one event; "read FOLDER" prints the messages of all events; "measure
// FOLDER" prints what an append costs.
using System.Diagnostics;
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
            Acknowledge("ready");
            await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => AppendForeverAsync()));
            break;
        case "append-one":
            await journal.AppendAsync(Event("one"), CancellationToken.None);
            break;
        case "measure":
            await MeasureAsync();
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
        await journal.EndAsync(
            sequence, intent.Id, new OperationOutcome(OperationState.Succeeded, DateTimeOffset.UtcNow), CancellationToken.None);
        Acknowledge(string.Create(CultureInfo.InvariantCulture, $"ended {sequence} {intent.Id:D}"));
        var message = Guid.NewGuid().ToString("D");
        var number = await journal.AppendAsync(Event(message), CancellationToken.None);
        Acknowledge(string.Create(CultureInfo.InvariantCulture, $"event {number} {message}"));
    }
}

async Task MeasureAsync()
{
    const int waves = 50;
    await Task.WhenAll(Enumerable.Range(0, 2000).Select(_ => journal.AppendAsync(Event("warm"), CancellationToken.None)));
    var alone = new List<double>();
    for (var i = 0; i < 400; i++)
    {
        var began = Stopwatch.GetTimestamp();
        await journal.AppendAsync(Event("alone"), CancellationToken.None);
        alone.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
    }

    alone.Sort();
    var start = Stopwatch.GetTimestamp();
    await Task.WhenAll(Enumerable.Range(0, 100).Select(async _ =>
    {
        for (var i = 0; i < waves; i++)
        {
            await journal.AppendAsync(Event("together"), CancellationToken.None);
        }
    }));
    var together = Stopwatch.GetElapsedTime(start);
    Acknowledge(string.Create(
        CultureInfo.InvariantCulture,
        $"one at a time: {alone[alone.Count / 2]:0.00} ms (p95 {alone[(int)(alone.Count * 0.95)]:0.00}); 100 at a time: "
            + $"{100 * waves / together.TotalSeconds:0} appends/s, {together.TotalMilliseconds / waves:0.00} ms each"));
}

static KumoiEvent Event(string message) =>
    new() { At = DateTimeOffset.UtcNow, Kind = KumoiEventKind.Substitution, VMHost = "kvm1", Message = message };

// One write for each line: what the parent reads of a killed process are whole lines.
void Acknowledge(string line)
{
    lock (output)
    {
        output.Write(System.Text.Encoding.UTF8.GetBytes(line + "\n"));
    }
}
