# shellcheck shell=bash disable=SC2154 # lab, net and here are lab.sh's
# The tick guest's images and domain XML. Sourced by lab.sh, which sets $lab and $here.

# Pages written per tick (18.2 a second), and the window of pages that they are taken from.
#   idle  none
#   warm  1 MiB/s in 2 MiB: converges in a few rounds
#   hot   9 MiB/s in 8 MiB
#   vhot  73 MiB/s in 24 MiB: a migration limited to 40 MiB/s does not converge (1,493 rounds in 600 s)
#   restless  one at each number, and it counts without any pause, some ten times a second
readonly -A tick_variants=([idle]='0 1' [warm]='16 512' [hot]='128 2048' [vhot]='1024 6144' [restless]='1 512 1')

# Makes the images that every host sees, under the same path, in $lab/shared: anew when the guest has changed since, or tests of a lab
# that stays up would run with a guest that does not do what they ask of it.
make_shared_images() {
  local variant pages window restless work
  # The one that is made last.
  [[ -e $lab/shared/tick.qcow2 && ! $here/guests/tick.asm -nt $lab/shared/tick.qcow2 ]] && return
  work=$lab/shared.new
  rm -rf "$work"
  mkdir -p "$work"
  for variant in "${!tick_variants[@]}"; do
    read -r pages window restless <<<"${tick_variants[$variant]}"
    nasm -f bin -D PAGES_PER_TICK="$pages" -D WINDOW_PAGES="$window" -D RESTLESS="${restless:-0}" \
      -o "$work/tick-$variant.img" "$here/guests/tick.asm"
    # SeaBIOS boots this from any bus and as a floppy; a virtio disk of 64 KB it does not.
    truncate -s 1M "$work/tick-$variant.img"
  done
  qemu-img convert -f raw -O qcow2 "$work/tick-idle.img" "$work/tick.qcow2"
  mkdir -p "$lab/shared"
  mv "$work"/*.img "$lab/shared" # guests that run keep theirs
  mv "$work/tick.qcow2" "$lab/shared"
  rmdir "$work"
}

# What QEMUs need to make COLO by software emulation; guests/colo-lock.c says why. Nothing where there is no C compiler.
make_colo_lock() {
  [[ -e $lab/shared/colo-lock.so ]] && return
  command -v cc >/dev/null || return 0
  cc -shared -fPIC -O2 -Wall -o "$lab/shared.colo-lock" "$here/guests/colo-lock.c" || return 0
  mv "$lab/shared.colo-lock" "$lab/shared/colo-lock.so"
}

# The images that a host has for itself, and that 'damage' hits.
make_host_images() {
  local images=$lab/$1/var/lib/libvirt/images
  [[ -e $images/web.qcow2 ]] && return
  cp "$lab/shared/tick-idle.img" "$images/tick.img"
  cp "$lab/shared/tick.qcow2" "$images/web.qcow2.new"
  mv "$images/web.qcow2.new" "$images/web.qcow2"
}

floppy_xml() {
  cat <<XML
    <disk type='file' device='floppy'>
      <driver name='qemu' type='raw'/>
      <source file='$1'/>
      <target dev='fda' bus='fdc'/>
      <readonly/>
    </disk>
XML
}

# Read-only, so that libvirt takes it as safe to migrate: each host has its own, equal copy.
virtio_disk_xml() {
  cat <<XML
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2'/>
      <source file='$1'/>
      <target dev='vda' bus='virtio'/>
      <readonly/>
    </disk>
XML
}

need_colo_lock() {
  [[ -e $lab/shared/colo-lock.so ]] ||
    cannot "guests that make COLO need a C compiler: apt-get install --no-install-recommends gcc libc6-dev, then 'lab.sh up' again"
}

colo_lock_xml() {
  cat <<XML
  <qemu:commandline>
    <qemu:env name='LD_PRELOAD' value='$lab/shared/colo-lock.so'/>
  </qemu:commandline>
XML
}

# domain_xml NAME VARIANT
domain_xml() {
  local name=$1 variant=$2 disk machine
  [[ $name =~ ^[A-Za-z0-9][A-Za-z0-9._-]*$ ]] || usage_error "not a name for a guest: '$name'"
  case $variant in
    idle | warm | hot | vhot | restless) disk=$(floppy_xml "$lab/shared/tick-$variant.img") ;;
    local) disk=$(floppy_xml /var/lib/libvirt/images/tick.img) ;;
    qcow2) disk=$(virtio_disk_xml /var/lib/libvirt/images/web.qcow2) ;;
    colo)
      need_colo_lock
      disk=$(floppy_xml "$lab/shared/tick-warm.img")
      ;;
    linux | busy | linux-colo) disk='' ;;
    *) usage_error "no such variant: '$variant' (idle, warm, hot, vhot, restless, local, qcow2, colo, linux, busy, linux-colo)" ;;
  esac
  machine=$(cat "$lab/machine" 2>/dev/null || echo pc)
  case $variant in
    linux)
      linux_xml "$name" "$machine"
      return
      ;;
    linux-colo)
      need_colo_lock
      linux_xml "$name" "$machine" | sed "s|^<domain type='qemu'>|<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>|; /^<\/domain>/d"
      colo_lock_xml
      echo '</domain>'
      return
      ;;
    busy)
      linux_xml "$name" "$machine" kwork=1
      return
      ;;
  esac
  cat <<XML
<domain type='qemu'$([[ $variant != colo ]] || echo " xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'")>
  <name>$name</name>
  <memory unit='MiB'>32</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='$machine'>hvm</type>
  </os>
  <on_poweroff>destroy</on_poweroff>
  <on_reboot>restart</on_reboot>
  <on_crash>destroy</on_crash>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
$disk
    <controller type='usb' model='none'/>
    <serial type='file'>
      <source path='/var/log/libvirt/qemu/$name.serial' append='on'/>
    </serial>
    <memballoon model='none'/>
    <video>
      <model type='none'/>
    </video>
  </devices>
$([[ $variant != colo ]] || colo_lock_xml)
</domain>
XML
}
