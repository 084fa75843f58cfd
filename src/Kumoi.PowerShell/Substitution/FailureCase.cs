using Kumoi.PowerShell.Actions;

namespace Kumoi.PowerShell.Substitution;

/// <summary>One failure, as rules look at it.</summary>
internal readonly record struct FailureCase(PipelineCase Pipeline, ActionRun Run, Exception Error);
