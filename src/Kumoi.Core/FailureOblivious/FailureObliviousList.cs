using Kumoi.Fleets;

namespace Kumoi.FailureOblivious;

/// <summary>
/// A sequence of managed objects whose operations leave out what fails, in parallel over the fleet, with the order kept (paper 000,
/// section 4.5). A failing read fails its element: it is not masked to a default. Each operation with failures is one
/// <see cref="MaskedListFailure"/> in the log of the scope, which tells the fleet's journal in the end. Where no scope is entered it is in
/// the log of this list, and there only: the list knows no fleet.
/// </summary>
public sealed class FailureObliviousList<T>
{
    private readonly IReadOnlyList<T> _elements;
    private readonly int _maxConcurrency;

    internal FailureObliviousList(IReadOnlyList<T> elements, int maxConcurrency, MaskLog log)
    {
        _elements = elements;
        _maxConcurrency = maxConcurrency;
        Log = log;
    }

    public MaskLog Log { get; }

    /// <summary>The elements that are left.</summary>
    public IReadOnlyList<T> Elements => _elements;

    /// <summary>May be shorter: elements on which the function fails are left out.</summary>
    public async Task<FailureObliviousList<TResult>> SelectAsync<TResult>(
        Func<T, CancellationToken, Task<TResult>> function, CancellationToken cancellationToken = default) =>
        new([.. (await RunAsync("map", function, cancellationToken)).Select(pair => pair.Result)], _maxConcurrency, Log);

    /// <summary>A failure is no match.</summary>
    public async Task<FailureObliviousList<T>> WhereAsync(
        Func<T, CancellationToken, Task<bool>> predicate, CancellationToken cancellationToken = default) =>
        new([.. (await RunAsync("filter", predicate, cancellationToken)).Where(pair => pair.Result)
            .Select(pair => pair.Element)], _maxConcurrency, Log);

    /// <summary>Reads a value of each element, and folds those that could be read, in order.</summary>
    public async Task<TResult> AggregateAsync<TValue, TResult>(
        TResult seed,
        Func<T, CancellationToken, Task<TValue>> read,
        Func<TResult, TValue, TResult> fold,
        CancellationToken cancellationToken = default) =>
        (await RunAsync("reduce", read, cancellationToken)).Aggregate(seed, (result, pair) => fold(result, pair.Result));

    public async Task<int> CountAsync(Func<T, CancellationToken, Task<bool>> predicate, CancellationToken cancellationToken = default) =>
        (await RunAsync("count", predicate, cancellationToken)).Count(pair => pair.Result);

    /// <summary>No promise that it was done on every element. Returns those on which it was.</summary>
    public async Task<FailureObliviousList<T>> ForEachAsync(
        Func<T, CancellationToken, Task> action, CancellationToken cancellationToken = default) =>
        new(
            [
                .. (await RunAsync(
                    "foreach",
                    async (element, token) =>
                    {
                        await action(element, token);
                        return true;
                    },
                    cancellationToken)).Select(pair => pair.Element),
            ],
            _maxConcurrency, Log);

    /// <summary>Failures are ignored.</summary>
    public async Task<bool> AnyAsync(Func<T, CancellationToken, Task<bool>> predicate, CancellationToken cancellationToken = default) =>
        (await RunAsync("any", predicate, cancellationToken)).Exists(pair => pair.Result);

    /// <summary>Failures are ignored.</summary>
    public async Task<bool> AllAsync(Func<T, CancellationToken, Task<bool>> predicate, CancellationToken cancellationToken = default) =>
        (await RunAsync("all", predicate, cancellationToken)).TrueForAll(pair => pair.Result);

    private async Task<List<(T Element, TResult Result)>> RunAsync<TResult>(
        string operation, Func<T, CancellationToken, Task<TResult>> function, CancellationToken cancellationToken)
    {
        var results = new List<(T, TResult)>();
        var failures = new List<(string, Exception)>();
        await foreach (var outcome in FanOut.RunAsync(_elements, _maxConcurrency, RunElementAsync, cancellationToken))
        {
            if (outcome.Succeeded)
            {
                results.Add((outcome.Element, outcome.Result));
            }
            else if (outcome.Error is Hypervisors.HypervisorException { OutcomeUnknown: true } or Journal.JournalException)
            {
                // It may have been done, or nothing can be done without the journal: that is not for an event, but for somebody to find
                // out.
                throw outcome.Error;
            }
            else
            {
                failures.Add((outcome.Element?.ToString() ?? "", outcome.Error!));
            }
        }

        if (failures.Count > 0)
        {
            Log.Add(new MaskedListFailure(operation, failures));
        }

        return results;

        async Task<TResult> RunElementAsync(T element, CancellationToken token)
        {
            using (FailureObliviousScope.EnterElement())
            {
                return await function(element, token);
            }
        }
    }
}
