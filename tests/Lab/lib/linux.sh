# shellcheck shell=bash disable=SC2154 # lab and here are lab.sh's
# The Linux guest: Debian's cloud kernel, busybox, and guests/linux-init. Sourced by lab.sh, which sets $lab and $here.
#
# As the newer generation's programs, the packages come from this machine's own apt, are checked by it, and are unpacked into the cache
# folder: nothing is installed.

readonly linux_recipe=5 # goes up with every change of what is made
readonly linux_modules=(virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci failover net_failover virtio_net
  virtio_console af_packet # only where it has an agent, and where it asks for an address
  scsi_common scsi_mod cdrom sr_mod virtio_scsi isofs # only where it reads a disc of cloud-init's, or says its disks
  virtio_blk) # only where it says its disks

linux_folder() { echo "$(cache_folder)/linux-$linux_recipe"; }

# Prints nothing. In the folder: vmlinuz and initrd.gz.
fetch_linux() { make_in_cache "$(linux_folder)" make_linux "the Linux guest could not be made"; }

make_linux() (
  set -e
  cd "$1"
  mkdir unpacked made root
  kernel=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/.*Depends: \(linux-image-[0-9][^ ]*\)$/\1/p' | head -n 1)
  apt-get -qq -o APT::Sandbox::User=root download busybox-static cpio "$kernel"
  for package in *.deb; do dpkg-deb -x "$package" unpacked; done
  cp unpacked/boot/vmlinuz-* made/vmlinuz
  mkdir -p root/{bin,lib,proc,sys,dev}
  cp unpacked/bin/busybox root/bin
  for module in "${linux_modules[@]}"; do find unpacked/lib/modules -name "$module.ko" -exec cp {} root/lib \; ; done
  install -m 755 "$here/guests/linux-init" root/init
  install -m 755 "$here/guests/linux-serve" root/bin/serve
  install -m 644 "$here/guests/linux-seed" root/bin/seed
  install -m 644 "$here/guests/linux-disks" root/bin/disks
  install -m 755 "$here/guests/linux-agent" root/bin/agent
  (cd root && find . | LC_ALL=C sort | ../unpacked/bin/cpio --quiet -o -H newc) | gzip -1 >made/initrd.gz
)

# The address is the guest's; one guest of this kind runs at a time.
linux_xml() { # linux_xml NAME MACHINE [MORE FOR THE KERNEL]
  fetch_linux
  cat <<XML
<domain type='qemu'>
  <name>$1</name>
  <memory unit='MiB'>96</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='$2'>hvm</type>
    <kernel>$(linux_folder)/vmlinuz</kernel>
    <initrd>$(linux_folder)/initrd.gz</initrd>
    <cmdline>console=ttyS0 quiet panic=-1 tsc=unstable kip=$net.200 ${3:-}</cmdline>
  </os>
  <features>
    <acpi/>
  </features>
  <on_poweroff>destroy</on_poweroff>
  <on_reboot>restart</on_reboot>
  <on_crash>destroy</on_crash>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <controller type='usb' model='none'/>
    <interface type='bridge'>
      <mac address='52:54:00:77:00:c8'/>
      <source bridge='guests'/>
      <model type='virtio'/>
      <driver name='qemu'/>
      <rom enabled='no'/>
    </interface>
    <serial type='file'>
      <source path='/var/log/libvirt/qemu/$1.serial' append='on'/>
    </serial>
    <memballoon model='none'/>
    <video>
      <model type='none'/>
    </video>
  </devices>
</domain>
XML
}
