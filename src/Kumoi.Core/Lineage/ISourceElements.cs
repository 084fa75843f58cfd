namespace Kumoi.Lineage;

/// <summary>The elements of a source, whatever their type.</summary>
internal interface ISourceElements
{
    int Count { get; }

    /// <summary>The element as last read.</summary>
    object? ElementOf(LineageItem item);

    string NameOf(LineageItem item);

    /// <inheritdoc cref="LineageItem.Identity"/>
    object IdentityOf(LineageItem item);

    /// <summary>Reads the element again.</summary>
    ValueTask RefreshAsync(LineageItem item, CancellationToken cancellationToken);
}
