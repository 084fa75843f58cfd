namespace Kumoi.Agents;

/// <summary>What the system says of a file.</summary>
/// <param name="Owner">The number of the user who has it.</param>
/// <param name="Mode">Kind and permissions.</param>
/// <param name="Inode">Tells it from all others of its file system.</param>
internal readonly record struct FileLook(uint Owner, uint Mode, ulong Inode);
