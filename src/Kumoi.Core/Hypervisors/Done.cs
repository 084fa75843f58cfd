namespace Kumoi.Hypervisors;

/// <summary>The result of a call that gives none.</summary>
public readonly record struct Done;
