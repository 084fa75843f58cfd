namespace Kumoi.Fleets;

/// <summary>What became of one element: its result, or its failure.</summary>
/// <remarks>A class: the code that enumerates outcomes is compiled ahead for all of them at once.</remarks>
public sealed class Outcome<TElement, TResult>
{
    private readonly TResult? _result;

    private Outcome(TElement element, TResult? result, Exception? error)
    {
        Element = element;
        _result = result;
        Error = error;
    }

    public TElement Element { get; }

    /// <summary>Null: it succeeded.</summary>
    public Exception? Error { get; }

    public bool Succeeded => Error is null;

    /// <summary>Only of an element that succeeded.</summary>
    public TResult Result => Succeeded ? _result! : throw new InvalidOperationException("The element failed: it has no result.", Error);

    public static Outcome<TElement, TResult> Success(TElement element, TResult result) => new(element, result, null);

    public static Outcome<TElement, TResult> Failure(TElement element, Exception error) => new(element, default, error);
}
