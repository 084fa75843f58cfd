namespace Kumoi.Hypervisors.Libvirt.Native;

/// <summary>libvirt-virterror: virErrorDomain, the part of libvirt that raised an error, as far as this driver tells them apart.</summary>
internal enum LibvirtOrigin
{
    None = 0,
    Rpc = 7,
    Qemu = 10,
    Remote = 13,
    Storage = 18,
    Network = 19,
    Cpu = 31,
    ControlGroup = 54,
    Systemd = 56,
    Tpm = 70,
}
