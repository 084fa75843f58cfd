using System.Text.Json.Nodes;
using Kumoi.Hypervisors;

namespace Kumoi.Speculation;

/// <summary>
/// The folder of this computer in which an import unpacks disks. Its name has the operation's id, by which a repair knows whose it is.
/// </summary>
internal static class ImportFolder
{
    private const string Property = "folder";

    /// <summary>Where it is to be. It is in the journal before it is there.</summary>
    public static string PathOf(OperationId operation) => Path.Combine(Path.GetTempPath(), NameOf(operation));

    public static void AddTo(JsonObject details, string path) => details[Property] = path;

    /// <summary>For this user only: what is in it is what the VM's disks have.</summary>
    public static void Create(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(path);
        }
        else
        {
            Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    /// <summary>Removes what a process that has died has left. Null: it is gone; else what stays, and why.</summary>
    public static string? Remove(OperationId operation, string details)
    {
        // The journal may be of another computer, or of a time before there was such a record.
        if ((string?)JsonNode.Parse(details)?[Property] is not { } path || Path.GetFileName(path) != NameOf(operation))
        {
            return null;
        }

        try
        {
            if (new DirectoryInfo(path) is { Exists: true, LinkTarget: null } folder)
            {
                folder.Delete(recursive: true);
            }

            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"the folder '{path}' of this computer ({e.Message})";
        }
    }

    private static string NameOf(OperationId operation) => $"kumoi-import-{operation.Value:N}";
}
