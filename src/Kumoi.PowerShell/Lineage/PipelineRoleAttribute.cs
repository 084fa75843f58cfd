namespace Kumoi.PowerShell.Lineage;

/// <summary>What a cmdlet of Kumoi's does with the elements of a pipeline; those that do not say it are opaque.</summary>
[AttributeUsage(AttributeTargets.Class)]
internal sealed class PipelineRoleAttribute(StepKind kind) : Attribute
{
    public StepKind Kind => kind;
}
