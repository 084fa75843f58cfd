using Kumoi.Hypervisors;

namespace Kumoi.Exports;

/// <summary>What is wrong with an export or an import: of domain VM, where no other host would help.</summary>
internal static class ExportErrors
{
    /// <summary><see cref="HypervisorError.InvalidSpecification"/>.</summary>
    public static HypervisorException Refuse(string message, string action, Exception? inner = null) => new(
        message, FaultDomain.VM, error: HypervisorError.InvalidSpecification, recommendedAction: action, innerException: inner);

    /// <summary>A file that ends before what it announces.</summary>
    public static HypervisorException Truncated(string file) => Refuse(
        $"'{Visible.Text(file)}' is cut off: it ends before what it announces.", "Get it again: its copying may have been interrupted.");

    public static HypervisorException Unreadable(string file, Exception e) => Refuse(
        $"Cannot read '{Visible.Text(file)}': {e.Message}", "Give a file or folder of this computer that you may read.", e);

    public static HypervisorException Unwritable(string file, Exception e) => Refuse(
        $"Cannot write '{Visible.Text(file)}': {e.Message}", "Give a place on this computer where you may write and there is room.", e);

    /// <summary>Failures of this computer's files as errors of ours.</summary>
    public static bool IsOfFiles(Exception e) =>
        e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException;
}
