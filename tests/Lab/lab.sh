#!/usr/bin/env bash
# Several real libvirt hosts on one machine, with tiny QEMU guests, for tests. See README.md here.
set -euo pipefail
shopt -s nullglob inherit_errexit

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly here
# shellcheck source-path=SCRIPTDIR
source "$here/lib/requirements.sh"
# shellcheck source-path=SCRIPTDIR
source "$here/lib/generations.sh"
# shellcheck source-path=SCRIPTDIR
source "$here/lib/hosts.sh"
# shellcheck source-path=SCRIPTDIR
source "$here/lib/guests.sh"
# shellcheck source-path=SCRIPTDIR
source "$here/lib/linux.sh"
# shellcheck source-path=SCRIPTDIR
source "$here/lib/firmware.sh"
# shellcheck source-path=SCRIPTDIR
source "$here/lib/faults.sh"

usage() {
  cat <<'END'
usage: lab.sh COMMAND

  check                   why the lab cannot run on this machine as it is, in one line with status 3; nothing: it can
  prepare                 all that 'up' would install and fetch is there
  up [N] [GENERATIONS]    N hosts k1 … kN are there and answer (6 when not said); those that run are left as they are.
                          GENERATIONS: machine (when not said: all run this machine's libvirt and QEMU), newer (all run those of a newer
                          Debian, which are downloaded once), mixed (k1, k3 … the machine's, k2, k4 … the newer; all the machine's where
                          the newer cannot be had)
  down                    nothing of the lab is left, whatever state it was in
  status                  a line per host: name, address, libvirtd's process, generation, versions, guests
  info --json | env       all that a test wants to know, as JSON or as KUMOI_LAB_… exports
  uris | uri HOST         qemu+unix URIs, for use from anywhere on this machine
  tcp-uri HOST            qemu+tcp URI, for use by 'run' and by the hosts themselves

  domain-xml NAME [idle|warm|hot|vhot|local|qcow2|colo|linux]   XML of a tick guest, or of the Linux guest, which is made at its first use
  serial HOST NAME        path of the guest's serial log on that host
  counter HOST NAME       the last counter that the guest has written there, decimal

  exec HOST COMMAND…      runs a command as on that host
  run COMMAND…            runs a command here, but in the lab's network

  damage HOST | mend HOST             its disk images do not open: VMs on them do not start
  power-off HOST [--silent]           loss of power; --silent: its peers are not told by their sockets
  power-on HOST                       it comes back
  kill-daemon HOST                    libvirtd crashes and is restarted; VMs live on
  freeze-daemon HOST                  libvirtd takes connections and answers nothing, until start-daemon; VMs live on
  stop-daemon HOST | start-daemon HOST
  cut HOST | heal HOST                its network cable
  deafen HOST | heal HOST             what little others say to it is lost, such as a migration's return path

KUMOI_LAB_DIR (/var/tmp/kumoi-lab) and KUMOI_LAB_NET (10.77.0) tell labs on one machine apart. KUMOI_LAB_GENERATIONS is what 'up' takes
for GENERATIONS when it is not said.
END
}

fail() {
  printf 'lab: %s\n' "$@" >&2
  exit 1
}

usage_error() {
  printf 'lab: %s\n' "$1" >&2
  usage >&2
  exit 2
}

# --- the lab as a whole --------------------------------------------------------------------------------------

choose_lab() {
  lab=$(realpath -ms -- "${KUMOI_LAB_DIR:-/var/tmp/kumoi-lab}")
  # It goes into URIs, XML and configuration files as it is.
  [[ $lab =~ ^[A-Za-z0-9._/-]+$ ]] || fail "KUMOI_LAB_DIR may have letters, digits and ._/- only: '$lab'"
  case $lab/ in
    /run/* | /var/run/* | /var/lib/* | /var/log/* | /var/cache/* | /etc/* | /proc/* | /sys/*)
      fail "KUMOI_LAB_DIR may not be in $lab: hosts have their own there" ;;
  esac
  # 107 bytes is what a unix socket's path may have; the longest is the one for administration.
  local longest=$lab/k250/run/libvirt/libvirt-admin-sock
  ((${#longest} < 108)) || fail "KUMOI_LAB_DIR is too long for socket paths: $longest"

  net=${KUMOI_LAB_NET:-}
  if [[ -s $lab/kumoi-lab ]]; then
    local made_with
    made_with=$(<"$lab/kumoi-lab")
    [[ ! $net || $net == "$made_with" ]] || fail "the lab in $lab has the network $made_with, not $net"
    net=$made_with
  fi
  net=${net:-10.77.0}
  [[ $net =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || fail "KUMOI_LAB_NET is three numbers, as 10.77.0: '$net'"
  readonly lab net
}

# One command at a time makes or unmakes. The lock is on the directory itself, so it leaves no file; the
# directory may have been removed, or made anew, while we waited for it.
lock_lab() {
  while :; do
    { exec 9<"$lab"; } 2>/dev/null || return 1
    flock --timeout 120 9 || fail "another lab.sh has been at work in $lab for two minutes"
    [[ /proc/self/fd/9 -ef $lab ]] && return
  done
}

require_lab() { [[ -s $lab/kumoi-lab ]] || fail "there is no lab in $lab; make one: lab.sh up"; }

up() {
  local count=6 number name
  local -a names=()
  if [[ ${1:-} =~ ^[0-9] ]]; then
    count=$1
    shift
  fi
  (($# <= 1)) || usage_error "'up' wants a number and generations: '$*'"
  [[ $count =~ ^[1-9][0-9]{0,2}$ && $count -le 250 ]] || usage_error "not a number of hosts (1 to 250): '$count'"
  require_machine
  choose_generations "${1:-${KUMOI_LAB_GENERATIONS:-machine}}"
  umask 077
  until mkdir -p "$lab" && lock_lab; do :; done
  [[ -e $lab/kumoi-lab || ! $(ls -A "$lab") ]] || fail "$lab has files that are not a lab's"
  echo "$net" >"$lab/kumoi-lab"
  mkdir -p "$lab/net"

  make_shared_images
  make_colo_lock
  make_switch
  for ((number = 1; number <= count; number++)); do
    name=k$number
    names+=("$name")
    rm -f "$lab/$name/daemon-stopped" # of a 'stop-daemon': it is to answer
    [[ $(host_pid "$name") ]] && continue
    make_host "$name"
    make_host_images "$name"
    boot_host "$name"
  done
  for name in "${names[@]}"; do wait_for_host "$name"; done
  share_qemu_capabilities "${names[@]}"
  write_common_machine "${names[@]}"
  say_generations "${names[@]}"
}

end_processes() {
  local -a pids
  mapfile -t pids < <(lab_pids)
  ((${#pids[@]})) || return 0
  kill -KILL "${pids[@]}" 2>/dev/null || true # one may have ended by itself, or with its host
  return 1                                    # look again: they may not be gone yet
}

# Mount points in the lab's directory, the last made first. The path is the fifth field of mountinfo(5).
lab_mounts() { awk -v within="$lab/" 'index($5, within) == 1 { print $5 }' /proc/self/mountinfo | tac; }

down() {
  require_root
  local mount
  [[ -d $lab ]] && { lock_lab || true; }
  if [[ -d $lab && ! -e $lab/kumoi-lab ]]; then
    # Of an 'up' that was killed before it had said whose the directory is, or not ours at all.
    rmdir "$lab" 2>/dev/null || fail "$lab has files that are not a lab's"
  fi
  wait_until 10 end_processes || fail "processes that do not end: $(lab_pids | paste -sd ' ')"
  while read -r mount; do umount "$mount"; done < <(lab_mounts)
  # The mark goes last: a 'down' that is killed here can be run again.
  [[ ! -d $lab ]] || find "$lab" -xdev -mindepth 1 -maxdepth 1 ! -name kumoi-lab -exec rm -rf --one-file-system {} +
  rm -rf "$lab"
}

# --- what there is -------------------------------------------------------------------------------------------

guests_of() { timeout 5 virsh -q -c "$(uri_of "$1")" list --all 2>/dev/null | awk '{ printf " %s(%s)", $2, $3 }' || true; }

status() {
  local name daemon generation libvirt qemu
  for name in $(all_hosts); do
    if [[ ! $(host_pid "$name") ]]; then
      printf '%-4s %-15s off\n' "$name" "$(address_of "$name")"
      continue
    fi
    daemon=$(daemon_pid "$name")
    read_generation "$name"
    printf '%-4s %-15s libvirtd %-7s %s (libvirt %s, QEMU %s) guests:%s\n' "$name" "$(address_of "$name")" "${daemon:-none}" \
      "$generation" "$libvirt" "$qemu" "$(guests_of "$name")"
  done
}

info_json() {
  local name separator='' generation libvirt qemu
  printf '{\n  "directory": "%s",\n  "network": "%s",\n  "sharedImages": "%s",\n' "$lab" "$net" "$lab/shared"
  printf '  "hostImages": "/var/lib/libvirt/images",\n  "hosts": ['
  for name in $(all_hosts); do
    read_generation "$name"
    printf '%s\n    {"name": "%s", "address": "%s", "uri": "%s", "tcpUri": "%s", "images": "%s", "serialLogs": "%s", "generation": "%s", "libvirt": "%s", "qemu": "%s"}' \
      "$separator" "$name" "$(address_of "$name")" "$(uri_of "$name")" "$(tcp_uri_of "$name")" \
      "$lab/$name/var/lib/libvirt/images" "$lab/$name/var/log/libvirt/qemu" "$generation" "$libvirt" "$qemu"
    separator=,
  done
  printf '\n  ]\n}\n'
}

info_env() {
  local name hosts
  hosts=$(all_hosts | paste -sd ' ')
  printf "export %s='%s'\n" KUMOI_LAB_DIR "$lab" KUMOI_LAB_NET "$net" KUMOI_LAB_SHARED_IMAGES "$lab/shared" KUMOI_LAB_HOSTS "$hosts"
  for name in $hosts; do
    printf "export %s='%s'\n" "KUMOI_LAB_URI_${name^^}" "$(uri_of "$name")" "KUMOI_LAB_TCP_URI_${name^^}" "$(tcp_uri_of "$name")"
  done
}

# Lines have one length, so one that is cut at either end is not taken for a counter.
counter() {
  local log digits
  log=$(serial_of "$1" "$2")
  [[ -r $log ]] || fail "$2 has no serial log on $1"
  digits=$(tail -c 4096 "$log" | { grep -aoE '^C[0-9A-F]{8}$' || true; } | tail -n 1)
  [[ $digits ]] || fail "$2 has not counted on $1 yet"
  echo $((16#${digits#C}))
}

exec_on() {
  local name=$1 pid
  shift
  pid=$(host_pid "$name")
  [[ $pid ]] || fail "$name is off"
  exec nsenter --target "$pid" --mount --uts --ipc --net --pid --wd -- "$@"
}

# --- commands ------------------------------------------------------------------------------------------------

lab_command() { # lab_command COMMAND ARGUMENTS…
  local command=$1 name
  shift
  require_root
  require_lab
  case $command in
    status) status ;;
    info) info_json ;;
    env) info_env ;;
    uris) for name in $(all_hosts); do uri_of "$name"; done ;;
    run)
      (($#)) || usage_error "'run' wants a command"
      exec nsenter --net="$lab/net/switch" -- "$@"
      ;;
  esac
}

host_command() { # host_command COMMAND HOST ARGUMENTS…
  local command=$1 name=${2:-}
  [[ $name ]] || usage_error "'$command' wants a host"
  shift 2
  require_root
  require_lab
  require_host "$name"
  case $command in
    uri) uri_of "$name" ;;
    tcp-uri) tcp_uri_of "$name" ;;
    serial | counter)
      (($#)) || usage_error "'$command' wants a host and a guest's name"
      if [[ $command == serial ]]; then serial_of "$name" "$1"; else counter "$name" "$1"; fi
      ;;
    exec)
      (($#)) || usage_error "'exec' wants a host and a command"
      exec_on "$name" "$@"
      ;;
    damage) damage "$name" ;;
    mend) mend "$name" ;;
    power-off) power_off "$name" "${1:-}" ;;
    power-on) power_on "$name" ;;
    kill-daemon) kill_daemon "$name" ;;
    freeze-daemon) freeze_daemon "$name" ;;
    stop-daemon) stop_daemon "$name" ;;
    start-daemon) start_daemon "$name" ;;
    cut) cut_cable "$name" ;;
    deafen) deafen "$name" ;;
    heal) heal_cable "$name" ;;
  esac
}

main() {
  local command=${1:-help}
  shift || true
  choose_lab
  case $command in
    help | --help | -h) usage ;;
    check) check_machine ;;
    prepare)
      require_machine
      choose_generations mixed
      # Here, where apt has its network: tests ask for the guest from within the lab's.
      # Not in a condition, in which bash goes on after what fails, whatever is set within.
      fetch_linux &
      wait $! || echo "the Linux guest is tried again when it is needed" >&2
      fetch_firmware &
      wait $! || echo "no host has UEFI or a TPM" >&2
      ;;
    up) up "$@" ;;
    down) down ;;
    domain-xml)
      (($#)) || usage_error "'domain-xml' wants a name"
      domain_xml "$1" "${2:-idle}"
      ;;
    status | info | env | uris | run) lab_command "$command" "$@" ;;
    uri | tcp-uri | serial | counter | exec | damage | mend | power-off | power-on | kill-daemon | freeze-daemon | stop-daemon | start-daemon | cut | deafen | heal)
      host_command "$command" "$@"
      ;;
    *) usage_error "no such command: '$command'" ;;
  esac
}

main "$@"
