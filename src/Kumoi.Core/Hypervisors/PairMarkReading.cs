namespace Kumoi.Hypervisors;

/// <summary>A mark of a pair on a host.</summary>
/// <param name="Name">By <see cref="PairMarks.NameOf"/>.</param>
/// <param name="Text">What whoever put it there has written into it.</param>
public sealed record PairMarkReading(string Name, string Text);
