namespace Kumoi.Tests.Lineage;

internal static class Throw
{
    /// <summary>Returns false, or throws.</summary>
    public static bool If(bool condition) => condition ? throw new InvalidOperationException("planned") : false;
}
