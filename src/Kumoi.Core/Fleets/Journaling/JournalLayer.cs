using System.Text.Json.Nodes;
using Kumoi.Fleets.Links;
using Kumoi.Hypervisors;
using Kumoi.Journal;

namespace Kumoi.Fleets.Journaling;

/// <summary>
/// The one place where changes are journaled: the intent before the call goes out, the outcome after it. A call whose intent cannot be
/// written does not go out.
/// </summary>
internal sealed class JournalLayer(LinkedHost host, FleetJournal journal) : LinkLayer
{
    private const int MaxErrorLength = 4096;

    public override ValueTask<T> SendAsync<T>(HostCall<T> call, Next next, CancellationToken cancellationToken) =>
        call is HostChange<T> change ? new(ChangeAsync(change, next, cancellationToken)) : next.SendAsync(call, cancellationToken);

    private async Task<T> ChangeAsync<T>(HostChange<T> change, Next next, CancellationToken cancellationToken)
    {
        var intent = IntentOf(change);
        var operation = await journal.BeginAsync(intent, cancellationToken);
        var open = OpenOutcomes.Begin(intent);
        if (cancellationToken.IsCancellationRequested)
        {
            open.Close();
            await journal.EndAsync(
                operation, new OperationOutcome(OperationState.Failed, journal.Now, "Cancelled before the call went out."));
            cancellationToken.ThrowIfCancellationRequested();
        }

        T result;
        try
        {
            result = await next.SendAsync(change, cancellationToken);
        }
        catch (Exception e)
        {
            var outcome = OutcomeOf(change, e);
            if (outcome.State is OperationState.Unknown)
            {
                open.Leave(outcome.Error);
            }
            else
            {
                open.Close();
            }

            await journal.EndAsync(operation, outcome);
            throw;
        }

        open.Close();
        var vm = result as VMReading;
        await journal.EndAsync(operation, new OperationOutcome(OperationState.Succeeded, journal.Now)
        {
            VMId = vm?.Id,
            VM = vm?.Name,
            Details = change.DetailsOf(result)?.ToJsonString(),
        });
        if (change.ProvesUndone(result))
        {
            OpenOutcomes.Undone(intent);
        }

        return result;
    }

    private OperationIntent IntentOf<T>(HostChange<T> change) => new()
    {
        Id = change.Operation.Value,
        Kind = change.JournalKind,
        VMHost = host.Name,
        IsSimulated = host.IsSimulated,
        VMId = change.VMId,
        VM = change.VMName ?? (change.VMId is { } id ? host.VMNames.Find(id) : null),
        Target = change.OtherHost?.HostName,
        StartedAt = journal.Now,
        Details = change.Details?.ToJsonString() ?? OperationIntent.NoDetails,
    };

    private OperationOutcome OutcomeOf<T>(HostChange<T> change, Exception error)
    {
        var (state, message) = error switch
        {
            HypervisorException e => (e.OutcomeUnknown ? OperationState.Unknown : OperationState.Failed, e.Message),
            OperationCanceledException when change.IsUndoneByCancellation => (OperationState.Failed, "Cancelled."),
            OperationCanceledException => (OperationState.Unknown, "Cancelled while it was under way."),
            _ => (OperationState.Unknown, $"{error.GetType().Name}: {error.Message}"),
        };
        return new OperationOutcome(state, journal.Now, message.Length > MaxErrorLength ? message[..MaxErrorLength] : message)
        {
            Details = error is HypervisorException failure ? WithFailure(change.Details, failure).ToJsonString() : null,
        };
    }

    /// <summary>What a failure was of: who reads it later must not have to guess it from its text.</summary>
    private static JsonObject WithFailure(JsonObject? details, HypervisorException failure)
    {
        details ??= [];
        details[JournalDetails.FaultDomain] = failure.FaultDomain.ToString();
        details[JournalDetails.ErrorCode] = failure.Error.ToString();
        return details;
    }
}
