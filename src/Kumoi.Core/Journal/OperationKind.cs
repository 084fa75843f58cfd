namespace Kumoi;

/// <summary>What an operation does; one for each call of a hypervisor link that changes something.</summary>
public enum OperationKind
{
    /// <summary>Of a kind that this version does not know: a newer one wrote it.</summary>
    Other = 0,
    Define,

    /// <summary>The inverse of a define, and of a start after it.</summary>
    UndoDefine,
    Start,
    Shutdown,
    Destroy,
    Reboot,
    Reset,
    Suspend,
    Resume,
    Undefine,
    Migrate,

    /// <summary>A live migration to several targets, one of which wins. Its steps are events of the kind Speculation.</summary>
    SpeculativeMigrate,

    /// <summary>A VM is started on one of several hosts. Its steps are events of the kind Speculation.</summary>
    SpeculativeStart,

    /// <summary>The saved memory of a VM that is off is thrown away.</summary>
    DiscardSavedState,
}
