namespace Kumoi.Tests.FaultTolerance.Protocols.LogReplay;

/// <summary>A way to a broken promise.</summary>
/// <param name="Broken">Which.</param>
/// <param name="Steps">One after the other, in words.</param>
/// <param name="End">The world in which it is broken.</param>
internal sealed record ReplayTrace(ReplayPromise Broken, IReadOnlyList<string> Steps, ReplayWorld End)
{
    public string Numbered => string.Join('\n', Steps.Select(static (step, i) => $"{i + 1}. {step}"));

    public override string ToString() => $"{Broken}, after which the outside has got {End}\n{Numbered}";
}
