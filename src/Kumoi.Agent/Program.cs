using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.Loader;

// In the module's package the agent has its own assemblies beside it, and shares the module's: bin/ and deps/.
AssemblyLoadContext.Default.Resolving += FindBeside;
return await RunAsync(args);

// Not before the assemblies can be found.
[MethodImpl(MethodImplOptions.NoInlining)]
static Task<int> RunAsync(string[] args) => Kumoi.Agent.Process.AgentProcess.RunAsync(args);

static Assembly? FindBeside(AssemblyLoadContext context, AssemblyName name) =>
    new[] { "bin", "deps" }.Select(folder => Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", folder, name.Name + ".dll")))
        .FirstOrDefault(File.Exists) is { } file ? context.LoadFromAssemblyPath(file) : null;
