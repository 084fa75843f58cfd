using System.Management.Automation;
using System.Management.Automation.Language;
using System.Management.Automation.Runspaces;
using Kumoi.PowerShell.Jobs;
using Kumoi.PowerShell.Lineage;
using Kumoi.PowerShell.Session;

namespace Kumoi.PowerShell.Cmdlets.Base;

/// <summary>
/// A cmdlet's work in a runspace of its own, which has the caller's folder and what it does on errors, and of its script blocks copies, with the
/// variables and functions that they read, as they are when it is made.
/// </summary>
internal sealed class CmdletInRunspace
{
    /// <summary>Warnings and the like are in the job whether or not the caller shows them: who receives them decides that.</summary>
    private static readonly string[] Preferences = ["ErrorActionPreference", "VerbosePreference", "DebugPreference"];

    /// <summary>What belongs to the caller's pipeline, and what the caller has answered.</summary>
    private static readonly HashSet<string> NotHandedOver = new(StringComparer.OrdinalIgnoreCase)
    {
        nameof(StepwiseCmdlet.AsJob), "WhatIf", "Confirm", "OutVariable", "OutBuffer", "PipelineVariable", "ErrorVariable",
        "WarningVariable", "InformationVariable",
    };

    private readonly CancellationTokenSource _stop = new();
    private readonly InitialSessionState _state = InitialSessionState.CreateDefault2();
    private readonly Dictionary<string, object> _parameters = [];
    private readonly IReadOnlyList<object>? _elements;
    private readonly string _cmdlet;
    private readonly string _folder;
    private readonly KumoiPreference _preference;
    private readonly bool _asks;

    public CmdletInRunspace(PSCmdlet cmdlet, IReadOnlyDictionary<string, object> parameters, IReadOnlyList<object>? elements)
    {
        (_cmdlet, _elements) = (cmdlet.MyInvocation.MyCommand.Name, elements);
        _folder = cmdlet.SessionState.Path.CurrentFileSystemLocation.ProviderPath;
        _preference = KumoiPreference.Of(cmdlet);
        _asks = cmdlet.MyInvocation.MyCommand.Parameters.ContainsKey("Confirm");
        _state.LanguageMode = cmdlet.SessionState.LanguageMode;
        _state.ImportPSModule([Path.Combine(cmdlet.MyInvocation.MyCommand.Module.ModuleBase, "Kumoi.psd1")]);
        foreach (var name in Preferences)
        {
            _state.Variables.Add(new SessionStateVariableEntry(name, cmdlet.SessionState.PSVariable.GetValue(name), ""));
        }

        foreach (var (name, value) in parameters.Where(parameter => !NotHandedOver.Contains(parameter.Key)))
        {
            _parameters[name] = value is ScriptBlock block ? Copy(block, cmdlet.SessionState) : value;
        }
    }

    /// <summary>As Ctrl+C does.</summary>
    public void Stop() => _stop.Cancel();

    /// <summary>Writes into the job's streams. False: something has failed.</summary>
    public async Task<bool> RunAsync(KumoiJob job)
    {
        using var runspace = RunspaceFactory.CreateRunspace(_state);
        runspace.Open();
        runspace.SessionStateProxy.Path.SetLocation(WildcardPattern.Escape(_folder));
        runspace.SessionStateProxy.PSVariable.Set("global:" + KumoiPreference.VariableName, _preference);
        using var shell = System.Management.Automation.PowerShell.Create();
        shell.Runspace = runspace;
        shell.AddCommand(_cmdlet).AddParameters(_parameters);
        if (_asks)
        {
            shell.AddParameter("Confirm", false);
        }

        job.WriteAllOf(shell);
        if (_stop.IsCancellationRequested)
        {
            return false;
        }

        try
        {
            var input = _elements is null ? null : new PSDataCollection<object>(_elements);
            var run = Task.Factory.FromAsync(shell.BeginInvoke(input, job.Output), shell.EndInvoke);
            using var stopping = _stop.Token.Register(() => shell.BeginStop(null, null));
            await run;
            return !shell.HadErrors;
        }
        catch (PipelineStoppedException)
        {
            return false;
        }
        catch (RuntimeException e)
        {
            job.Error.Add(e.ErrorRecord); // it has ended the cmdlet
            return false;
        }
    }

    /// <summary>
    /// One that belongs to no runspace: a script block of the prompt's would wait for the prompt. What it reads and calls is copied too.
    /// </summary>
    private ScriptBlock Copy(ScriptBlock block, SessionState session)
    {
        var reads = new ScriptReads(block.Module?.SessionState ?? session);
        reads.Add(block.Ast);
        foreach (var path in reads.Variables.Concat(VariableUse.Filled(block.Ast)).Where(
            static path => !path.StartsWith("env:", StringComparison.OrdinalIgnoreCase)))
        {
            var name = path[(path.LastIndexOf(':') + 1)..];
            if (_state.Variables[name] is [] && RecordedReads.Find(reads.Session, path) is { } variable && !IsFixed(variable))
            {
                _state.Variables.Add(new SessionStateVariableEntry(name, variable.Value, ""));
            }
        }

        foreach (var name in reads.Commands)
        {
            if (_state.Commands[name] is [] && CommandResolution.Resolve(reads.Session.InvokeCommand, name) is FunctionInfo
                {
                    Module: null
                } function)
            {
                _state.Commands.Add(new SessionStateFunctionEntry(name, function.Definition));
            }
        }

        return block.Ast is ScriptBlockAst ast ? ast.GetScriptBlock() : ScriptBlock.Create(block.ToString());
    }

    /// <summary>The engine's own: each runspace has one.</summary>
    private static bool IsFixed(PSVariable variable) =>
        (variable.Options & (ScopedItemOptions.Constant | ScopedItemOptions.ReadOnly | ScopedItemOptions.AllScope)) != ScopedItemOptions.None;
}
