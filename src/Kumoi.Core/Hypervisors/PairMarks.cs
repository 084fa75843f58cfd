namespace Kumoi.Hypervisors;

/// <summary>
/// Marks of fault-tolerant pairs on hosts: inert definitions, which never run. To define one is to be the first or to be refused, so two
/// admins on two computers cannot both protect a VM.
/// </summary>
public static class PairMarks
{
    private const string Prefix = "kumoi-pair-";

    public static string NameOf(Guid vm) => $"{Prefix}{vm:D}";

    /// <summary>The VM whose mark has this name.</summary>
    public static Guid VMOf(string mark) => Guid.ParseExact(mark.AsSpan(Prefix.Length), "D");

    /// <summary>Whether what has this name is a mark, and no VM.</summary>
    public static bool IsMark(string name) =>
        name.StartsWith(Prefix, StringComparison.Ordinal) && Guid.TryParseExact(name.AsSpan(Prefix.Length), "D", out _);
}
