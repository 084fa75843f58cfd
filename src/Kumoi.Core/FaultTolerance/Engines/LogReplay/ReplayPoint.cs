using System.Security.Cryptography;
using Kumoi.Hypervisors;

namespace Kumoi.FaultTolerance.Engines.LogReplay;

/// <summary>An output, and the instruction by which the guest had put it out.</summary>
/// <param name="Id">Of the output, as the protocol has it: the number of the checkpoint that covers it.</param>
/// <param name="Count">How many instructions the guest had carried out.</param>
/// <param name="Position">The position at the console after it.</param>
/// <param name="Hash">Of the bytes from the output before to this one.</param>
internal sealed record ReplayPoint(long Id, long Count, long Position, string Hash)
{
    public static string HashOf(ReadOnlySpan<byte> output) => Convert.ToHexString(SHA256.HashData(output));

    /// <summary>The replica must have put out the same.</summary>
    /// <exception cref="HypervisorException">They differ.</exception>
    public void Compare(byte[]? echo)
    {
        if (echo is null || HashOf(echo) != Hash)
        {
            throw new HypervisorException(
                FormattableString.Invariant($"The replica has put out something else than the VM did (output {Id}): it is not used."),
                FaultDomain.VM, error: HypervisorError.InvalidState,
                recommendedAction: "Another one is made. If it happens again, the VM's console was full, which is not recorded: start the VM and "
                    + "its pair anew, with root's rights or more room (sysctl net.core.wmem_default=16777216); or take -Mode Checkpoint.");
        }
    }
}
