namespace Microsoft.CodeAnalysis;

/// <summary>Marks what no other assembly sees, whatever internals are shown to it.</summary>
[AttributeUsage(AttributeTargets.All, Inherited = false)]
internal sealed partial class EmbeddedAttribute : Attribute;
