namespace Kumoi.Exports;

/// <summary>A disk of a package.</summary>
/// <param name="Target">Its name in the VM of an export; of an OVF its own name of it.</param>
/// <param name="File">Its file in the package; null: it is empty.</param>
/// <param name="Format">Of the volume that is made of it: <c>qcow2</c> or <c>raw</c>.</param>
/// <param name="CapacityBytes">What the guest sees.</param>
/// <param name="IsPacked">The file is a VMDK, which is unpacked first.</param>
/// <param name="LengthBytes">Of the file.</param>
internal sealed record ImportDisk(string Target, string? File, string Format, long CapacityBytes, bool IsPacked, long LengthBytes);
