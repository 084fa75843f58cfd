using System.Management.Automation;

namespace Kumoi.PowerShell.Session;

/// <summary>What PowerShell calls when a runspace imports or removes the module.</summary>
public sealed class ModuleLifetime : IModuleAssemblyInitializer, IModuleAssemblyCleanup
{
    public void OnImport() => KumoiSession.ModuleLoaded();

    public void OnRemove(PSModuleInfo psModuleInfo) => KumoiSession.ModuleRemoved();
}
