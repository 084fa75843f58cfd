using System.Management.Automation;

namespace Kumoi.PowerShell.Substitution;

/// <summary>Records that came merged into the output of a script of ours, and belong to other streams.</summary>
internal static class StreamRecords
{
    /// <summary>
    /// Writes the record again to the stream it came from (or drops it, with no cmdlet); false if it is plain output. Errors are the
    /// caller's to decide.
    /// </summary>
    public static bool TryWriteAgain(Cmdlet? cmdlet, object record)
    {
        switch (record)
        {
            case WarningRecord warning:
                cmdlet?.WriteWarning(warning.Message);
                return true;
            case VerboseRecord verbose:
                cmdlet?.WriteVerbose(verbose.Message);
                return true;
            case DebugRecord debug:
                cmdlet?.WriteDebug(debug.Message);
                return true;
            case InformationRecord information:
                cmdlet?.WriteInformation(information);
                return true;
            default:
                return false;
        }
    }
}
