namespace Kumoi.Lineage;

/// <summary>Carries a failure of one element out of an arrangement; it never leaves the evaluation.</summary>
#pragma warning disable CA1064 // see above
internal sealed class FailedElementException(LineageItem item, Exception failure) : Exception(failure.Message, failure)
#pragma warning restore CA1064
{
    public LineageItem Item => item;
}
