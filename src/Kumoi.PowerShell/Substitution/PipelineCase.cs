using Kumoi.PowerShell.Lineage;

namespace Kumoi.PowerShell.Substitution;

/// <summary>A terminal and the pipeline that it stands in, as rules look at them.</summary>
/// <param name="Terminal">The cmdlet.</param>
/// <param name="Lineage">Its lineage.</param>
/// <param name="InputEnded">All input has come; before that, some is known that stands in the way, and not all.</param>
internal readonly record struct PipelineCase(ISubstitutionTerminal Terminal, TerminalLineage Lineage, bool InputEnded);
