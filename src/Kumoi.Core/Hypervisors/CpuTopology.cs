using System.Globalization;

namespace Kumoi.Hypervisors;

/// <summary>How a VM's CPUs look to its guest.</summary>
/// <param name="Sockets">1 or more.</param>
/// <param name="Cores">In each socket.</param>
/// <param name="Threads">In each core.</param>
public sealed record CpuTopology(int Sockets, int Cores, int Threads)
{
    private const int Most = 1024;

    /// <summary>How many CPUs there are together.</summary>
    public int CpuCount => Sockets * Cores * Threads;

    /// <summary>Of <c>2x4x1</c>: sockets, cores in each, threads in each.</summary>
    /// <exception cref="HypervisorException"><see cref="HypervisorError.InvalidSpecification"/>.</exception>
    public static CpuTopology Parse(string text)
    {
        var parts = text.Split('x');
        var numbers = parts.Select(static part =>
            int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number is > 0 and <= Most ? number : 0)
            .ToArray();
        return numbers.Length == 3 && !numbers.Contains(0) && (long)numbers[0] * numbers[1] * numbers[2] <= Most
            ? new CpuTopology(numbers[0], numbers[1], numbers[2])
            : throw new HypervisorException(
                $"'{Visible.Text(text)}' is no topology of up to {Most} CPUs.", FaultDomain.VM,
                error: HypervisorError.InvalidSpecification,
                recommendedAction: "Give sockets, cores in each and threads in each, such as 1x4x2.");
    }

    public override string ToString() => FormattableString.Invariant($"{Sockets}x{Cores}x{Threads}");
}
