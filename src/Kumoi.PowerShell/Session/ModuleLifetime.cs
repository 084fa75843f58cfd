using System.Management.Automation;

namespace Kumoi.PowerShell.Session;

/// <summary>What PowerShell calls when a runspace imports or removes the module.</summary>
public sealed class ModuleLifetime : IModuleAssemblyInitializer, IModuleAssemblyCleanup
{
    private const string Variable = "global:" + KumoiPreference.VariableName;

    public void OnImport()
    {
        KumoiSession.ModuleLoaded();
        // A binary module cannot export a variable, and gets at the runspace's by a session state that is linked to it. A script that
        // looked and set for itself took most of the time of an import.
        var variables = new PSModuleInfo(linkToGlobal: true).SessionState.PSVariable;
        // What a profile has set stays.
        if (variables.Get(Variable) is null)
        {
            variables.Set(Variable, KumoiPreference.Session);
        }
    }

    public void OnRemove(PSModuleInfo psModuleInfo) => KumoiSession.ModuleRemoved();
}
