#!/usr/bin/env bash
# What runs as one host of the lab. lab.sh starts it; it is not for people.
#
#   host-main.sh enter LAB NAME   in the machine's namespaces: goes into the host's own
#   host-main.sh boot LAB NAME    process 1 of the host: mounts, hostname, libvirtd in a loop
set -euo pipefail

enter_namespaces() {
  local lab=$1 name=$2 descriptor
  # lab.sh hands the lab's lock down to here, so that until now, when our environment carries the lab's mark,
  # no 'down' could come in between and miss us. Kept any longer, it would lock everybody out for as long as
  # the host runs. So would a pipe of lab.sh's caller make that one wait.
  for descriptor in "/proc/$$/fd"/*; do
    descriptor=${descriptor##*/}
    ((descriptor <= 2 || descriptor == 255)) || exec {descriptor}>&- # 255: bash reads this script from it
  done
  exec nsenter --net="$lab/net/$name" -- \
    unshare --mount --uts --ipc --pid --fork --kill-child -- \
    bash "${BASH_SOURCE[0]}" boot "$lab" "$name"
}

# A /dev with what libvirtd and QEMU need, and without /dev/kvm: where it exists in a virtual machine it may be
# far too slow to use, and guests shall run the same everywhere, by software emulation. It must not be there at
# all: a /dev/kvm that does not open makes libvirt ask QEMU anew, 5 s, at each call.
make_devices() {
  local devices=$1 node
  mkdir -p "$devices"
  mount -t tmpfs -o mode=755 tmpfs "$devices"
  mkdir "$devices"/{net,pts,shm}
  for node in null zero full random urandom tty net/tun userfaultfd; do
    [[ -c /dev/$node ]] || continue
    : >"$devices/$node"
    mount --bind "/dev/$node" "$devices/$node" # in a container nodes cannot be made, only shown again
  done
  mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$devices/pts"
  mount -t tmpfs -o mode=1777 tmpfs "$devices/shm"
  ln -s pts/ptmx "$devices/ptmx"
  ln -s /proc/self/fd "$devices/fd"
  for node in 0:stdin 1:stdout 2:stderr; do ln -s "/proc/self/fd/${node%:*}" "$devices/${node#*:}"; done
  mount --move "$devices" /dev
}

boot() {
  local lab=$1 name=$2 host=$1/$2 namespace
  # This host's copies of the mounts that hold the lab's network namespaces: they would keep them alive.
  for namespace in "$lab"/net/*; do
    umount "$namespace" 2>/dev/null || true # a neighbour's that is being made has no mount yet
  done
  mount -t proc proc /proc
  mount -t sysfs sysfs /sys
  make_devices "$host/dev"
  # Memories of VMs that ran when it lost its power: a VM of that name and number, of another size, would not start.
  rm -rf "$host/var/lib/libvirt/qemu/ram"
  # libvirt names cgroups by VM: those of two hosts would clash.
  mount -t tmpfs tmpfs /sys/fs/cgroup

  # The programs of another generation: all of them are in /usr, and find each other's libraries by this cache. Before the
  # directories below, in one of which they may lie; and nothing on a host can change them for the others.
  if [[ -e $host/root ]]; then
    mount --bind "$host/root/etc/ld.so.cache" /etc/ld.so.cache
    mount --bind "$host/root/usr" /usr
    hash -r
    mount -o remount,bind,ro /usr
  fi

  [[ ! -d $host/qemu ]] || mount --bind "$host/qemu" /usr/share/qemu # with firmware

  rm -rf "${host:?}"/run # as a real /run: empty after each boot
  mkdir -p "$host"/run/{libvirt,lock} # lock: libvirt opens no console without
  # Whole directories where they hold nothing that a host needs: then no mount point must be made on the machine.
  local private
  for private in run var/lib var/log var/cache etc/libvirt etc/hosts etc/passwd etc/group; do
    mount --bind "$host/$private" "/$private"
  done
  hostname "$name"
  cd /

  while :; do
    while [[ -e $host/daemon-stopped ]]; do sleep 0.1; done
    libvirtd --listen --pid-file /run/libvirt/libvirtd.pid || echo "libvirtd ended with $?"
    sleep 0.2
  done
}

case $1 in
  enter) enter_namespaces "$2" "$3" ;;
  boot) boot "$2" "$3" ;;
esac
