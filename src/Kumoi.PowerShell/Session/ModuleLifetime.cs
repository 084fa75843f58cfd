using System.Management.Automation;

namespace Kumoi.PowerShell.Session;

/// <summary>What PowerShell calls when a runspace imports or removes the module.</summary>
public sealed class ModuleLifetime : IModuleAssemblyInitializer, IModuleAssemblyCleanup
{
    private const string Variable = "global:" + KumoiPreference.VariableName;

    public void OnImport()
    {
        KumoiSession.ModuleLoaded();
        // A binary module cannot export a variable, and only a script gets at those of the runspace: one this small costs a tenth of one
        // that looks and sets itself, which every import would wait for.
        var variables = ((EngineIntrinsics)PSObject.AsPSObject(ScriptBlock.Create("$ExecutionContext").InvokeReturnAsIs()).BaseObject).SessionState.PSVariable;
        // What a profile has set stays.
        if (variables.Get(Variable) is null)
        {
            variables.Set(Variable, KumoiPreference.Session);
        }
    }

    public void OnRemove(PSModuleInfo psModuleInfo) => KumoiSession.ModuleRemoved();
}
