using System.ComponentModel;
using System.Diagnostics;
using Kumoi.FaultTolerance.Detection;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.FaultTolerance.Fencing;

/// <summary>
/// Makes sure that a host does not run a VM: by its libvirt, or, where that does not answer, by a command that switches its power off. What
/// does not prove it is no fence: an error, no answer, a daemon that is down.
/// </summary>
/// <param name="command">The command, to which the host's name is added; empty: none.</param>
/// <param name="patience">How long each of the two may take.</param>
/// <param name="time">The clock of that.</param>
internal sealed class HostFence(IReadOnlyList<string> command, TimeSpan patience, TimeProvider time)
{
    /// <summary>Null: the host runs none of the domains, which are all that may be the VM. Else why that is not known.</summary>
    public async Task<string?> FenceAsync(
        string hostName, IHypervisorLink? link, IReadOnlyList<Guid> domains, CancellationToken cancellationToken)
    {
        var reason = link is null ? $"{hostName} is not connected" : await ByHypervisorAsync(link, domains, cancellationToken);
        return reason is null ? null : await ByCommandAsync(hostName, reason, cancellationToken);
    }

    private async Task<string?> ByHypervisorAsync(IHypervisorLink link, IReadOnlyList<Guid> domains, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        string? refusal = null; // what comes after it does not say why
        try
        {
            foreach (var domain in domains)
            {
                refusal = null;
                if ((await link.SendAsync(new ReadWhereabouts(domain), either.Token)).IsNotRunning())
                {
                    continue;
                }

                refusal = await TryDestroyAsync(link, domain, either.Token);
                var place = await link.SendAsync(new ReadWhereabouts(domain), either.Token);
                if (!place.IsNotRunning())
                {
                    return refusal ?? $"{link.HostName} still has the VM: {place}";
                }
            }

            return null;
        }
        catch (HypervisorException e)
        {
            return refusal ?? e.Message;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return refusal ?? FormattableString.Invariant($"{link.HostName} has not answered for {patience.TotalSeconds:0.#} s");
        }
    }

    /// <summary>
    /// Null: it is done. One that dies at the same moment is refused, as it does not run any more: only what the host has then tells, and
    /// its power is not switched off for that.
    /// </summary>
    private static async Task<string?> TryDestroyAsync(IHypervisorLink link, Guid domain, CancellationToken cancellationToken)
    {
        try
        {
            await link.SendAsync(new DestroyVM(domain), cancellationToken);
            return null;
        }
        catch (HypervisorException e)
        {
            return e.Message;
        }
    }

    private async Task<string?> ByCommandAsync(string hostName, string reason, CancellationToken cancellationToken)
    {
        if (command.Count == 0)
        {
            return reason;
        }

        using var limit = new CancellationTokenSource(patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        var start = new ProcessStartInfo(command[0])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var argument in command.Skip(1).Append(hostName))
        {
            start.ArgumentList.Add(argument);
        }

        try
        {
            using var process = Process.Start(start)!;
            try
            {
                // Its output must not fill the pipe; what it says is not needed.
                await Task.WhenAll(
                    process.StandardOutput.BaseStream.CopyToAsync(Stream.Null, either.Token),
                    process.StandardError.BaseStream.CopyToAsync(Stream.Null, either.Token),
                    process.WaitForExitAsync(either.Token));
            }
            catch (OperationCanceledException)
            {
                process.Kill(entireProcessTree: true);
                throw;
            }

            return process.ExitCode == 0 ? null : FormattableString.Invariant($"{reason}; the fence command ended with {process.ExitCode}");
        }
        catch (Win32Exception e)
        {
            return $"{reason}; the fence command cannot be started: {e.Message}";
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return FormattableString.Invariant($"{reason}; the fence command did not end within {patience.TotalSeconds:0.#} s");
        }
    }
}
