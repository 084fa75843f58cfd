using System.Management.Automation;

namespace Kumoi.PowerShell.Session;

/// <summary>What PowerShell calls when a runspace imports or removes the module.</summary>
public sealed class ModuleLifetime : IModuleAssemblyInitializer, IModuleAssemblyCleanup
{
    private const string Variable = "global:" + KumoiPreference.VariableName;

    public void OnImport()
    {
        KumoiSession.ModuleLoaded();
        // A binary module cannot export a variable, and only a script gets at the runspace's. One that looked and set for itself ran
        // PowerShell's cmdlets, which had to be found and loaded: two thirds of the time of an import.
        var variables = ((EngineIntrinsics)PSObject.AsPSObject(ScriptBlock.Create("$ExecutionContext").InvokeReturnAsIs()).BaseObject)
            .SessionState.PSVariable;
        // What a profile has set stays.
        if (variables.Get(Variable) is null)
        {
            variables.Set(Variable, KumoiPreference.Session);
        }
    }

    public void OnRemove(PSModuleInfo psModuleInfo) => KumoiSession.ModuleRemoved();
}
