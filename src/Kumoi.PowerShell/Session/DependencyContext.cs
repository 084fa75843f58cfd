using System.Reflection;
using System.Runtime.Loader;
using Kumoi.Fleets.Links;
using Kumoi.Journal;

namespace Kumoi.PowerShell.Session;

/// <summary>
/// Loads <c>deps/</c> (Polly, SQLite and what stands on them) apart from everything else in the process, so that another module's older
/// Polly does not become ours. Core stays in the default context: its types are the interface between the two.
/// </summary>
internal sealed class DependencyContext : AssemblyLoadContext
{
    private static readonly Lazy<DependencyContext> Shared = new(() => new DependencyContext());

    private readonly string _folder = Path.Combine(Path.GetDirectoryName(typeof(DependencyContext).Assembly.Location)!, "..", "deps");

    private DependencyContext()
        : base("Kumoi")
    {
    }

    public static ICallPolicyFactory CreateCallPolicies()
    {
        var assembly = Shared.Value.LoadFromAssemblyName(new AssemblyName("Kumoi.Resilience"));
        return (ICallPolicyFactory)Activator.CreateInstance(
            assembly.GetType("Kumoi.Resilience.PollyCallPolicyFactory", throwOnError: true)!)!;
    }

    public static IJournal CreateJournal(string folder)
    {
        var assembly = Shared.Value.LoadFromAssemblyName(new AssemblyName("Kumoi.Journal.Sqlite"));
        return (IJournal)Activator.CreateInstance(assembly.GetType("Kumoi.Journal.Sqlite.SqliteJournal", throwOnError: true)!, folder,
            TimeProvider.System)!;
    }

    protected override Assembly? Load(AssemblyName assemblyName)
    {
        var file = Path.GetFullPath(Path.Combine(_folder, assemblyName.Name + ".dll"));
        return File.Exists(file) ? LoadFromAssemblyPath(file) : null;
    }
}
