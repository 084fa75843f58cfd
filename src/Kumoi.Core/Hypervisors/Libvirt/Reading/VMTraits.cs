namespace Kumoi.Hypervisors.Libvirt.Reading;

/// <summary>What neither statistics nor libvirt's info tell of a VM.</summary>
internal readonly record struct VMTraits(bool IsPersistent, bool HasSavedState, bool IsAutostart);
