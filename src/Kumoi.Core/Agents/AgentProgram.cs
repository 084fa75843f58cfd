using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Kumoi.Agents;

/// <summary>The agent's program: where it is, what runs it, and how it is started.</summary>
/// <param name="assembly">The path of Kumoi.Agent.dll.</param>
/// <param name="variable">Reads the environment.</param>
public sealed class AgentProgram(string assembly, Func<string, string?> variable)
{
    /// <summary>The exit status of an agent that found another one.</summary>
    public const int AnotherRuns = 75;

    /// <summary>What it writes when it answers. Before it there may be a failure.</summary>
    public const string Ready = "ready\n";

    private const string Framework = "Microsoft.AspNetCore.App";

    /// <summary>The host's status where a runtime is missing (0x80008096, of which the last byte is left).</summary>
    private const int FrameworkMissing = 0x96;

    private const int LongestAnswer = 64 * 1024;

    /// <summary>Starts it, and returns when it answers.</summary>
    /// <returns>False: another one holds the lock.</returns>
    /// <exception cref="AgentException">It could not be started.</exception>
    public async Task<bool> StartAsync(string journalFolder, int? idleSec, CancellationToken cancellationToken)
    {
        using var process = Start(journalFolder, idleSec);
        process.StandardInput.Close();
        var errors = ReadAsync(process.StandardError, cancellationToken);
        var answer = await ReadAsync(process.StandardOutput, cancellationToken);
        if (answer == Ready)
        {
            return true;
        }

        await process.WaitForExitAsync(cancellationToken);
        if (process.ExitCode == AnotherRuns)
        {
            return false;
        }

        throw process.ExitCode == FrameworkMissing ? RuntimeMissing(found: true)
            : ParseFailure(answer) ?? new AgentException(
                $"The agent ended before it was ready (status {process.ExitCode.ToString(CultureInfo.InvariantCulture)}). "
                    + $"{(await errors).Trim()}".TrimEnd(),
                AgentError.StartFailed, $"See its log: {Path.Combine(AgentFolder.Of(journalFolder), "agent.log")}");
    }

    /// <summary>The program that runs it.</summary>
    /// <exception cref="AgentException">There is none.</exception>
    internal string FindRuntime()
    {
        var roots = Roots().ToList();
        return roots.Find(root => HasFramework(root)) is { } root ? Path.Combine(root, "dotnet") : throw RuntimeMissing(roots.Count > 0);
    }

    private static AgentException RuntimeMissing(bool found) => new(
        found
            ? "The agent needs the ASP.NET Core 10 runtime, and the .NET on this machine does not have it."
            : "The agent needs the ASP.NET Core 10 runtime, and there is no dotnet on this machine.",
        AgentError.RuntimeMissing,
        "Install it: 'apt-get install aspnetcore-runtime-10.0' on Ubuntu, and on Debian with Microsoft's package source "
            + "(https://learn.microsoft.com/dotnet/core/install/linux-debian). If it is in a folder of its own, set DOTNET_ROOT to that.");

    private static bool HasFramework(string root)
    {
        try
        {
            return Directory.EnumerateDirectories(Path.Combine(root, "shared", Framework), "10.*").Any();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>In the order in which they are looked at: folders that have a dotnet.</summary>
    private IEnumerable<string> Roots()
    {
        IEnumerable<string?> candidates =
        [
            variable("DOTNET_ROOT"),
            .. (variable("PATH") ?? "").Split(Path.PathSeparator).Select(FolderOnPath),
            ReadLine("/etc/dotnet/install_location"),
            "/usr/share/dotnet", "/usr/lib/dotnet", "/usr/lib64/dotnet", "/usr/local/share/dotnet",
            variable("HOME") is { Length: > 0 } home ? Path.Combine(home, ".dotnet") : null,
        ];
        return candidates.OfType<string>().Where(root => Path.IsPathFullyQualified(root) && File.Exists(Path.Combine(root, "dotnet")))
            .Distinct(StringComparer.Ordinal);
    }

    private static string? FolderOnPath(string folder)
    {
        if (!Path.IsPathFullyQualified(folder))
        {
            return null;
        }

        try
        {
            var file = new FileInfo(Path.Combine(folder, "dotnet"));
            return file.Exists ? Path.GetDirectoryName((file.ResolveLinkTarget(returnFinalTarget: true) ?? file).FullName) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static string? ReadLine(string path)
    {
        try
        {
            return File.Exists(path) ? File.ReadLines(path).FirstOrDefault()?.Trim() : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static Exception? ParseFailure(string answer)
    {
        try
        {
            return JsonSerializer.Deserialize(answer, AgentJson.Default.AgentFailure)?.ToException();
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>To its end, or until it is ready; what is too long is cut.</summary>
    private static async Task<string> ReadAsync(StreamReader from, CancellationToken cancellationToken)
    {
        var text = new System.Text.StringBuilder();
        var buffer = new char[1024];
        while (await from.ReadAsync(buffer, cancellationToken) is > 0 and var count)
        {
            text.Append(buffer, 0, Math.Min(count, LongestAnswer - text.Length));
            if (text.Length == Ready.Length && text.Equals(Ready))
            {
                break;
            }
        }

        return text.ToString();
    }

    private Process Start(string journalFolder, int? idleSec)
    {
        if (!File.Exists(assembly))
        {
            throw new AgentException(
                $"This module has no agent: {assembly} is missing.", AgentError.NotInstalled,
                "Install the module again, the whole package; or leave out -Persistent, and keep the session open.");
        }

        var start = new ProcessStartInfo(FindRuntime())
        {
            UseShellExecute = false,
            WorkingDirectory = "/",
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var argument in (IEnumerable<string>)["exec", assembly, "--journal", Path.GetFullPath(journalFolder), "--detach"])
        {
            start.ArgumentList.Add(argument);
        }

        if (idleSec is { } idle)
        {
            start.ArgumentList.Add("--idle");
            start.ArgumentList.Add(idle.ToString(CultureInfo.InvariantCulture));
        }

        try
        {
            return Process.Start(start)!;
        }
        catch (Exception e) when (e is Win32Exception or InvalidOperationException)
        {
            throw new AgentException(
                $"The agent could not be started: {e.Message}", AgentError.StartFailed, $"See whether '{start.FileName}' runs.", e);
        }
    }
}
