using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Kumoi.Hypervisors;

namespace Kumoi.Exports;

/// <summary>The file of checksums that an OVF may have beside it (DSP0243): lines like <c>SHA256(disk.vmdk)= 3f…</c>.</summary>
internal static partial class ChecksumFile
{
    private const int MaxBytes = 1 << 20;

    /// <summary>Checks all files that it names.</summary>
    /// <returns>Of which files it has said something.</returns>
    /// <exception cref="HypervisorException">InvalidSpecification: a file is missing or is not what it says.</exception>
    public static HashSet<string> Check(PackageFiles files, string name, CancellationToken cancellationToken)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        using var list = files.Open(name);
        foreach (var text in list.ReadText(MaxBytes).Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var line = Line().Match(text);
            if (!line.Success)
            {
                throw ExportErrors.Refuse(
                    $"'{Visible.Text(name)}' has a line that is no checksum: '{Visible.Text(text)}'.",
                    "Get it again, or remove that file.");
            }

            var algorithm = line.Groups["algorithm"].Value.ToUpperInvariant() switch
            {
                "SHA1" => HashAlgorithmName.SHA1,
                "SHA512" => HashAlgorithmName.SHA512,
                _ => HashAlgorithmName.SHA256,
            };
            using var file = files.Open(line.Groups["file"].Value);
            Ensure(file, algorithm, line.Groups["digest"].Value, cancellationToken);
            seen.Add(file.Name);
        }

        return seen;
    }

    /// <summary>Fails for a file that has another checksum.</summary>
    public static void Ensure(PackageFile file, HashAlgorithmName algorithm, string digest, CancellationToken cancellationToken)
    {
        if (!string.Equals(file.Digest(algorithm, cancellationToken), digest, StringComparison.OrdinalIgnoreCase))
        {
            throw ExportErrors.Refuse(
                $"'{Visible.Text(file.Name)}' is not what it was: its checksum ({algorithm.Name}) is another one.",
                "Get it again: it was changed, or its copying was interrupted.");
        }
    }

    [GeneratedRegex(
        @"^(?<algorithm>SHA1|SHA256|SHA512)\s*\((?<file>.+)\)\s*=\s*(?<digest>[0-9a-f]+)$", RegexOptions.IgnoreCase
        | RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Line();
}
