namespace Kumoi.Hypervisors;

/// <summary>What a VM boots with.</summary>
public enum FirmwareKind
{
    /// <summary>UEFI where the host has it for the VM's machine, else BIOS. A kernel or a floppy that is booted directly: BIOS.</summary>
    Auto = 0,

    Bios,

    /// <summary>UEFI which starts whatever is there, signed or not.</summary>
    Uefi,

    /// <summary>UEFI which starts only what is signed by a key that it came with.</summary>
    SecureBoot,
}
