using System.Collections;
using System.Globalization;
using System.Management.Automation;

namespace Kumoi.PowerShell.Lineage;

/// <summary>
/// The values of what pieces of script read, as they were when this was made. A replay must mean what the pipeline meant, so it must find
/// the same.
/// </summary>
internal sealed class RecordedReads
{
    /// <summary>By which comparisons and conversions go, and what becomes of errors.</summary>
    private static readonly string[] Preferences = ["ErrorActionPreference", "WhatIfPreference", "ConfirmPreference", "OFS"];

    /// <summary>Stands for all values that a job was given by $using:.</summary>
    public const string UsingValues = "using:";

    private readonly SessionState _session;
    private readonly List<(string Path, object? Value)> _variables = [];
    private readonly List<(string Name, object? Value)> _commands = [];
    private readonly List<DefaultValue> _defaults = [];
    private readonly string _culture;

    public RecordedReads(ScriptReads reads)
    {
        _session = reads.Session;
        _culture = Culture();
        foreach (var path in reads.Variables.Concat(Preferences))
        {
            if (!TryRead(path, out var value, out var found))
            {
                Obstacle ??= $"${path} holds a {PlainValue.NameOf(found)}, whose value at the choice cannot be recorded";
            }

            _variables.Add((path, value));
        }

        foreach (var name in reads.Commands)
        {
            _commands.Add((name, Identity(name)));
        }

        foreach (var (key, value) in Defaults())
        {
            Obstacle ??= PlainValue.TryCopy(value, out _) && !PlainValue.BlocksIn(value).Any()
                ? null
                : $"$PSDefaultParameterValues has a {PlainValue.NameOf(value)} for {key}, which cannot be recorded";
        }

        _defaults = CopyOf(Defaults());
    }

    /// <summary>What is read cannot be recorded; null: all of it is.</summary>
    public string? Obstacle { get; }

    /// <summary>The first thing that is no longer as it was; null: all of it is.</summary>
    public string? Changed(string? except)
    {
        foreach (var (path, before) in _variables)
        {
            if (!string.Equals(path, except, StringComparison.OrdinalIgnoreCase)
                && !(TryRead(path, out var now, out _) && PlainValue.AreSame(before, now)))
            {
                return $"${path} has changed since the choice";
            }
        }

        foreach (var (name, before) in _commands)
        {
            if (!PlainValue.AreSame(before, Identity(name)))
            {
                return $"'{name}' means something else than at the choice";
            }
        }

        var defaults = CopyOf(Defaults());
        return defaults.Count != _defaults.Count || !defaults.Zip(_defaults).All(pair =>
            pair.First.Key.Equals(pair.Second.Key, StringComparison.Ordinal) && PlainValue.AreSame(pair.First.Value, pair.Second.Value))
                ? "$PSDefaultParameterValues has changed since the choice"
            : !string.Equals(_culture, Culture(), StringComparison.Ordinal) ? "the culture has changed since the choice"
            : null;
    }

    /// <summary>The variable of a path; null: there is none.</summary>
    public static PSVariable? Find(SessionState session, string path) =>
        session.PSVariable.Get(path.StartsWith("variable:", StringComparison.OrdinalIgnoreCase) ? path["variable:".Length..] : path);

    private bool TryRead(string path, out object? copy, out object? found)
    {
        copy = found = null;
        if (path.StartsWith("env:", StringComparison.OrdinalIgnoreCase))
        {
            copy = Environment.GetEnvironmentVariable(path["env:".Length..]);
            return true;
        }

        if (path is UsingValues)
        {
            // The engine keeps them beside the parameters, and does not publish them.
            const System.Reflection.BindingFlags any =
                System.Reflection.BindingFlags.Instance | System.Reflection.BindingFlags.Public | System.Reflection.BindingFlags.NonPublic;
            var parameters = _session.PSVariable.GetValue("PSBoundParameters");
            found = parameters?.GetType().GetProperty("ImplicitUsingParameters", any)?.GetValue(parameters);
            return found is not null && PlainValue.TryCopy(found, out copy);
        }

        if (Find(_session, path) is not { } variable)
        {
            return true;
        }

        // A variable of the author's own kind runs code when it is read.
        if (variable.GetType().Assembly != typeof(PSVariable).Assembly)
        {
            found = variable;
            return false;
        }

        found = variable.Value;
        return PlainValue.TryCopy(found, out copy);
    }

    /// <summary>What a name of a command means: a function by its body.</summary>
    private object? Identity(string name)
    {
        PlainValue.TryCopy(
            CommandResolution.Resolve(_session.InvokeCommand, name) switch
            {
                FunctionInfo function => function.ScriptBlock,
                CmdletInfo cmdlet => cmdlet.ImplementingType.AssemblyQualifiedName,
                _ => null,
            },
            out var identity);
        return identity;
    }

    private IEnumerable<DefaultValue> Defaults() =>
        _session.PSVariable.GetValue("PSDefaultParameterValues") is IDictionary table
            ? table.Keys.Cast<object>().Select(key => new DefaultValue(key.ToString()!, table[key])).Where(entry => IsOfSteps(entry.Key))
                .OrderBy(entry => entry.Key, StringComparer.Ordinal)
            : [];

    /// <summary>Whether a default value is for a command that is called, or turns all of them off.</summary>
    private bool IsOfSteps(string key)
    {
        var colon = key.IndexOf(':', StringComparison.Ordinal);
        if (colon < 0)
        {
            return true;
        }

        var pattern = WildcardPattern.Get(key[..colon].Trim(), WildcardOptions.IgnoreCase);
        var parameter = WildcardPattern.Get(key[(colon + 1)..].Trim(), WildcardOptions.IgnoreCase);
        return _commands.Exists(command => CommandResolution.Resolve(_session.InvokeCommand, command.Name) is { } found
            && (pattern.IsMatch(found.Name) || pattern.IsMatch(command.Name) || pattern.IsMatch($"{found.ModuleName}\\{found.Name}"))
            && (found is not CmdletInfo
                || found.Parameters.Values.Any(own => parameter.IsMatch(own.Name) || own.Aliases.Any(parameter.IsMatch))));
    }

    private static List<DefaultValue> CopyOf(IEnumerable<DefaultValue> entries) =>
        [.. entries.Select(entry => entry with { Value = PlainValue.TryCopy(entry.Value, out var copy) ? copy : entry.Value })];

    /// <summary>How this thread writes numbers and dates and compares words.</summary>
    private static string Culture() => string.Create(
        CultureInfo.CurrentCulture, $"{CultureInfo.CurrentCulture.Name}/{CultureInfo.CurrentUICulture.Name} "
            + $"{-1234567.891:N3} {DateTime.UnixEpoch:G} {CultureInfo.CurrentCulture.CompareInfo.Name}");

    /// <summary>Of <c>$PSDefaultParameterValues</c>.</summary>
    private sealed record DefaultValue(string Key, object? Value);
}
