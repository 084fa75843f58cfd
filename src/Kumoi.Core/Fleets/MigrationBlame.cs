using Kumoi.Hypervisors;

namespace Kumoi.Fleets;

/// <summary>Whose failure it is when a migration fails. What its own host has done to it counts as the VM's: no other target would do better.</summary>
internal static class MigrationBlame
{
    /// <summary>Migrates. A failure while the VM's own host is out of reach becomes one of the VM.</summary>
    /// <param name="vm">The VM's name.</param>
    /// <param name="source">Its host's name.</param>
    /// <param name="readSource">Reads its host.</param>
    /// <param name="migrate">The migration.</param>
    /// <param name="cancellationToken">Of the read, which is made only after a failure.</param>
    public static async Task<T> RunAsync<T>(
        string vm, string source, Func<CancellationToken, Task> readSource, Func<Task<T>> migrate, CancellationToken cancellationToken)
    {
        try
        {
            return await migrate();
        }
        catch (HypervisorException e) when (!e.OutcomeUnknown && e.FaultDomain is not FaultDomain.VM)
        {
            if (await WhyOutOfReachAsync(readSource, cancellationToken) is { } why)
            {
                throw new HypervisorException(
                    $"{e.Message.TrimEnd('.')}. {source}, the host of '{vm}', is out of reach: {why}", FaultDomain.VM, e.IsTransient,
                    outcomeUnknown: false, e.Error, e.NativeCode, "Move the VM when its host answers again: other targets would fail alike.", e);
            }

            throw;
        }
    }

    /// <summary>Null: the host answers.</summary>
    private static async Task<string?> WhyOutOfReachAsync(Func<CancellationToken, Task> readSource, CancellationToken cancellationToken)
    {
        try
        {
            await readSource(cancellationToken);
            return null;
        }
        catch (HypervisorException e)
        {
            return e.Message;
        }
    }
}
