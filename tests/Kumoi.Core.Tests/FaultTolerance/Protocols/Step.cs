namespace Kumoi.Tests.FaultTolerance.Protocols;

/// <summary>One thing that can happen next, and the world after it.</summary>
internal sealed record Step<TWorld>(string What, TWorld World);
