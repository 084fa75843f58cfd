using System.Management.Automation;

namespace Kumoi.PowerShell.Substitution;

/// <summary>One call of a script block on one element, in a form that needs no variable in the caller's scope.</summary>
internal sealed class ScriptBlockCall : IDisposable
{
    private readonly string _token = Guid.NewGuid().ToString("N");

    public ScriptBlockCall(ScriptBlock block, PSObject element) => Replay.AddCall(_token, block, element);

    /// <summary>Dot-sourced: the action's assignments are the caller's, as in ForEach-Object, and all its errors are merged.</summary>
    public ScriptBlock Text => ScriptBlock.Create(
        $". {{ [Kumoi.PowerShell.Substitution.Replay]::CallElement('{_token}') | Microsoft.PowerShell.Core\\ForEach-Object -Process "
        + $"([Kumoi.PowerShell.Substitution.Replay]::CallBlock('{_token}')) }} *>&1");

    /// <summary>break, continue and exit are the author's business. Their exception types are internal to the engine.</summary>
    public static bool IsFlowControl(Exception e) => e.GetType().Name is "BreakException" or "ContinueException" or "ExitException";

    public void Dispose() => Replay.RemoveCall(_token);
}
