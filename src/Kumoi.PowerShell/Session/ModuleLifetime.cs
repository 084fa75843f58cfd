using System.Management.Automation;

namespace Kumoi.PowerShell.Session;

/// <summary>What PowerShell calls when a runspace imports or removes the module.</summary>
public sealed class ModuleLifetime : IModuleAssemblyInitializer, IModuleAssemblyCleanup
{
    public void OnImport()
    {
        KumoiSession.ModuleLoaded();
        using var shell = System.Management.Automation.PowerShell.Create(RunspaceMode.CurrentRunspace);
        // A binary module cannot export a variable. What a profile has set stays.
        shell.AddScript(
            $"if (-not (Test-Path variable:global:{KumoiPreference.VariableName})) {{ $global:{KumoiPreference.VariableName} = [Kumoi.PowerShell.Session.KumoiPreference]::Session }}")
            .Invoke();
    }

    public void OnRemove(PSModuleInfo psModuleInfo) => KumoiSession.ModuleRemoved();
}
