using System.Management.Automation;

namespace Kumoi.PowerShell.Jobs;

/// <summary>Where the work of an action is written to: the pipeline of its cmdlet, or its job.</summary>
internal interface IActionOutput
{
    void WriteObject(object output);

    void WriteError(ErrorRecord error);

    /// <summary>A warning as a terminal may show it.</summary>
    void WriteWarning(string text);

    void WriteInformation(InformationRecord information);

    /// <summary>A record as a terminal may show it.</summary>
    void WriteProgress(ProgressRecord progress);
}
