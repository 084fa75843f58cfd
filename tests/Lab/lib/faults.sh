# shellcheck shell=bash disable=SC2154 # lab, net and here are lab.sh's
# What can happen to a host. Sourced by lab.sh, which sets $lab.

# --- disk images ---------------------------------------------------------------------------------------------

is_qcow2() { [[ $(head -c 3 "$1") == QFI ]]; }

# After this no VM with one of the host's own images starts or arrives there. Those that run are not touched:
# they keep the file that they have open, which only changes its place.
#   qcow2: the header is gone. QEMU: "Image is not in qcow2 format".
#   raw:   has no header and any content is good, so a directory is in its place, as after a damage to the
#          file system. QEMU: "'file' driver requires … to be a regular file".
# Both are libvirt's error 1 (internal error) from its QEMU driver (domain 10): QEMU's words, after "process
# exited while connecting to monitor" or, by chance of timing, "qemu unexpectedly closed the monitor".
damage() {
  local images=$lab/$1/var/lib/libvirt/images sound=$lab/$1/sound-images image name
  mkdir -p "$sound"
  for image in "$images"/*; do
    name=${image##*/}
    [[ -f $image && ! -e $sound/$name ]] || continue
    mv "$image" "$sound/$name"
    if is_qcow2 "$sound/$name"; then
      cp "$sound/$name" "$image"
      dd if=/dev/zero of="$image" bs=512 count=1 conv=notrunc status=none
    else
      mkdir "$image"
    fi
  done
}

mend() {
  local images=$lab/$1/var/lib/libvirt/images sound=$lab/$1/sound-images image
  for image in "$sound"/*; do
    rm -rf "${images:?}/${image##*/}"
    mv "$image" "$images"
  done
  rm -rf "$sound"
}

# --- power ---------------------------------------------------------------------------------------------------

# The kernel of this machine lives on, and closes the dead host's sockets: its peers know at once. A real loss
# of power tells nobody, which --silent imitates by pulling the cable first.
power_off() {
  local name=$1 how=$2 pid
  case $how in
    '') ;;
    --silent) cut_cable "$name" ;;
    *) usage_error "'power-off' does not know '$how'" ;;
  esac
  pid=$(host_pid "$name")
  [[ ! $pid ]] || kill_and_wait KILL "$pid" # process 1: the kernel takes libvirtd and the QEMUs with it
}

power_on() {
  local name=$1
  lock_lab
  heal_cable "$name"
  [[ $(host_pid "$name") ]] || boot_host "$name"
  signal_daemon CONT "$name"
  [[ -e $lab/$name/daemon-stopped ]] || wait_for_host "$name"
}

# --- daemon --------------------------------------------------------------------------------------------------

kill_daemon() {
  local pid
  pid=$(daemon_pid "$1")
  [[ ! $pid ]] || kill_and_wait KILL "$pid"
}

# As a service manager stops a service: what does not end is killed (libvirt may be in a deadlock of its own when it is told to end while a VM
# arrives). The file keeps host-main.sh from starting it again.
stop_daemon() {
  local name=$1 pid
  : >"$lab/$name/daemon-stopped"
  pid=$(daemon_pid "$name")
  [[ $pid ]] || return 0
  kill -TERM "$pid" 2>/dev/null || true
  wait_until 3 is_gone "$pid" || kill_and_wait KILL "$pid"
}

# It takes connections and answers nothing. 'start-daemon' and 'power-on' let it go on.
freeze_daemon() { signal_daemon STOP "$1"; }

signal_daemon() {
  local pid
  pid=$(daemon_pid "$2")
  [[ ! $pid ]] || kill "-$1" "$pid"
}

start_daemon() {
  local name=$1
  signal_daemon CONT "$name"
  rm -f "$lab/$name/daemon-stopped"
  [[ $(host_pid "$name") ]] || fail "$name is off"
  wait_for_host "$name"
}

# --- network -------------------------------------------------------------------------------------------------

cut_cable() { in_network_of switch ip link set "$1" down; }

heal_cable() {
  in_network_of switch ip link set "$1" up
  in_network_of switch tc qdisc delete dev "$1" root 2>/dev/null || true # as it is where it is not deaf
}

# What little others say to the host is lost: TCP segments with 4 to 75 bytes of data, except those to its daemon. So a migration's
# stream, which is acknowledged by segments without data, flows, and its return path, which has messages of 8 bytes, does not: a segment
# that is sent again may have several of them. Headers have 20 and 32 bytes; those of an acknowledgement that is longer are not touched.
deafen() {
  local little="protocol ip prio 2 u32 match ip protocol 6 0xff match u8 0x80 0xf0 at 32 match u8 0x10 0x12 at 33"
  in_network_of switch tc -batch - <<END
qdisc replace dev $1 root handle 1: htb
class replace dev $1 parent 1: classid 1:1 htb rate 10gbit quantum 60000
class replace dev $1 parent 1: classid 1:2 htb rate 10gbit quantum 60000
qdisc replace dev $1 parent 1:2 blackhole
filter add dev $1 parent 1: protocol ip prio 1 u32 match ip dport 16509 0xffff flowid 1:1
filter add dev $1 parent 1: $little match u16 56 0xfff8 at 2 flowid 1:2
filter add dev $1 parent 1: $little match u16 64 0xffc0 at 2 flowid 1:2
END
}
