namespace Kumoi;

/// <summary>
/// The kinds of operation that are looked for by name. A call that changes something brings its own kind, and one that a newer version
/// wrote is shown as it is.
/// </summary>
public static class OperationKind
{
    public const string Define = "Define";

    /// <summary>The inverse of a define, and of a start after it.</summary>
    public const string UndoDefine = "UndoDefine";

    public const string Start = "Start";

    public const string Migrate = "Migrate";

    /// <summary>A live migration to several targets, one of which wins. Its steps are events of the kind Speculation.</summary>
    public const string SpeculativeMigrate = "SpeculativeMigrate";

    /// <summary>A live migration with the VM's disks, to one host. The volumes that it makes, and its migration, share its id.</summary>
    public const string MigrateWithStorage = "MigrateWithStorage";

    /// <summary>Disks of a VM are moved to another storage pool of their host. The volumes that it makes share its id.</summary>
    public const string MoveStorage = "MoveStorage";

    /// <summary>A VM is made of files of this computer. The volumes that it makes, and its definition, share its id.</summary>
    public const string Import = "Import";

    /// <summary>A VM is started on one of several hosts. Its steps are events of the kind Speculation.</summary>
    public const string SpeculativeStart = "SpeculativeStart";
}
