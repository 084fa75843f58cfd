namespace Kumoi.Hypervisors;

/// <summary>How a disk is connected in the guest.</summary>
public enum DiskBus
{
    Virtio = 0,
    Scsi,
    Sata,
    Usb,
}
