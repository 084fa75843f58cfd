#!/usr/bin/env bash
# The lab does what README.md says. Makes a lab of its own beside any other; ends it whatever happens.
# A line per check; stops at the first that fails, with status 1.
set -euo pipefail
shopt -s nullglob inherit_errexit

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly here
readonly directory=${TMPDIR:-/var/tmp}/kumoi-lab-selftest
readonly neighbour=$directory-neighbour
readonly net=10.79.0
scratch=$(mktemp -d)
readonly scratch
output=$scratch/output
mkdir "$scratch/few-programs"
for program in dirname realpath sort; do ln -s "$(command -v "$program")" "$scratch/few-programs"; done

lab() { KUMOI_LAB_DIR=$directory KUMOI_LAB_NET=$net "$here/lab.sh" "$@"; }
neighbour_lab() { KUMOI_LAB_DIR=$neighbour KUMOI_LAB_NET=$net "$here/lab.sh" "$@"; }

on_exit() {
  lab down || true
  neighbour_lab down || true
  rm -rf "$scratch"
}
trap on_exit EXIT

# --- checking ------------------------------------------------------------------------------------------------

# check DESCRIPTION COMMAND…: the command succeeds
check() {
  local description=$1 started=$EPOCHREALTIME
  shift
  if "$@" >"$output" 2>&1; then
    LC_ALL=C awk -v text="$description" -v from="$started" -v to="$EPOCHREALTIME" 'BEGIN { printf "ok  %5.2f s  %s\n", to - from, text }'
  else
    printf 'FAILED       %s\n  %s\n' "$description" "$*"
    sed 's/^/  | /' "$output"
    exit 1
  fi
}

# fails TEXT COMMAND…: the command fails, and says this
fails() {
  local text=$1
  shift
  if "$@" >"$scratch/said" 2>&1; then
    echo 'it succeeded'
    return 1
  fi
  cat "$scratch/said"
  grep -qF -- "$text" "$scratch/said"
}

# says TEXT COMMAND…: the command succeeds, and says this
says() {
  local text=$1
  shift
  "$@" >"$scratch/said" 2>&1 || { cat "$scratch/said" && return 1; }
  cat "$scratch/said"
  grep -qF -- "$text" "$scratch/said"
}

# within SECONDS COMMAND…: the command succeeds at last
within() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS <= end)) || return 1
    sleep 0.02
  done
}

# --- conditions ----------------------------------------------------------------------------------------------

on() { # on HOST VIRSH-COMMAND…
  local host=$1
  shift
  virsh -q -c "$(lab uri "$host")" "$@"
}

start_guest() { # start_guest HOST NAME VARIANT
  lab domain-xml "$2" "$3" >"$scratch/$2.xml"
  on "$1" create "$scratch/$2.xml"
}

runs_on() { [[ $(on "$1" domstate "$2" 2>/dev/null) == running ]]; }
is_not_on() { ! on "$1" domstate "$2" >/dev/null 2>&1; }
counts_beyond() { (($(lab counter "$1" "$2" 2>/dev/null || echo 0) > $3)); }
counts() { # counts HOST NAME: ten more than now
  within 5 counts_beyond "$1" "$2" 0 && within 5 counts_beyond "$1" "$2" $(($(lab counter "$1" "$2") + 10))
}

migrate() { # migrate NAME FROM TO
  lab run virsh -q -c "$(lab tcp-uri "$2")" migrate --live "$1" "$(lab tcp-uri "$3")"
}

never_booted_on() { ! grep -q BOOT "$(lab serial "$1" "$2")"; }
each_counter_once() { # each_counter_once NAME HOST…: all lines of all hosts, in order, are 1, 2, 3 …
  local name=$1 host
  shift
  for host in "$@"; do cat "$(lab serial "$host" "$name")"; done |
    grep -aE '^C[0-9A-F]{8}$' | while read -r line; do echo $((16#${line#C})); done |
    awk '$1 != NR { print "line " NR " is " $1; exit 1 }'
}

answers() { on "$1" hostname >/dev/null 2>&1; }
reaches() { # reaches FROM TO: libvirtd's TCP port
  lab exec "$1" timeout 1 bash -c ": </dev/tcp/$net.${2#k}/16509" 2>/dev/null
}
reaches_not() { ! reaches "$@"; }
daemon_of() { lab status | awk -v host="$1" '$1 == host { print $4 }'; }
daemon_changed() { [[ $(daemon_of "$1") =~ ^[0-9]+$ && $(daemon_of "$1") != "$2" ]]; }
is_json() { ! command -v python3 >/dev/null || python3 -m json.tool >/dev/null; }

# --- generations ---------------------------------------------------------------------------------------------

without_drivers() { # without_drivers OFFERED: 'lab.sh check' with an apt that offers the packages of which OFFERED is true
  local drivers
  drivers=$(dirname /usr/lib/*/libvirt/connection-driver/libvirt_driver_qemu.so)
  mkdir -p "$scratch/apt"
  printf '#!/bin/sh\n%s\n' "$1" >"$scratch/apt/apt-cache"
  chmod +x "$scratch/apt/apt-cache"
  PATH=$scratch/apt:$PATH unshare --mount -- sh -c 'mount -t tmpfs tmpfs "$1" && exec "$2" check' sh "$drivers" "$here/lab.sh"
}

# With a cache folder of its own, and no mirror in its apt configuration.
without_mirror() {
  local apt=$scratch/no-mirror
  mkdir -p "$apt"
  printf 'Dir::Etc::SourceList "/dev/null";\nDir::Etc::SourceParts "/dev/null";\n' >"$apt/apt.conf"
  XDG_CACHE_HOME=$scratch/empty-cache APT_CONFIG=$apt/apt.conf KUMOI_LAB_DIR=$neighbour KUMOI_LAB_NET=$net "$here/lab.sh" "$@"
}

fetch_into() { XDG_CACHE_HOME=$1 "$here/lab.sh" prepare; }
fetch_twice_at_once() { # fetch_twice_at_once CACHE
  local other
  fetch_into "$1" &
  other=$!
  fetch_into "$1" && wait "$other"
}
unpacking() { compgen -G "$1/kumoi-lab/*.new.*/root" >/dev/null; }
kill_fetch_midway() { # kill_fetch_midway CACHE
  local fetch
  XDG_CACHE_HOME=$1 setsid "$here/lab.sh" prepare & # a session of its own, all of which is killed
  fetch=$!
  within 120 unpacking "$1" && kill -KILL -- -"$fetch"
  ! wait "$fetch"
}
holds_one_root() { [[ $(ls "$1/kumoi-lab") =~ ^[a-z]+-[0-9]+$ && -s $(echo "$1"/kumoi-lab/*)/kumoi-lab-versions ]]; }

# The lab's network namespaces, as /proc/<pid>/ns/net names them.
network_namespaces() { # network_namespaces DIRECTORY
  local file
  for file in "$1"/net/*; do
    [[ $(stat -f -c %T "$file") != nsfs ]] || stat -c 'net:[%i]' "$file"
  done
}

# Nothing is left of a lab: told by other means than the lab's own. Prints what is.
nothing_left() { # nothing_left DIRECTORY NETWORK-NAMESPACES
  local found=0 process
  [[ ! -e $1 ]] || { found=1 && echo "files: $(find "$1" | head -n 5)"; }
  echo "$1" >"$scratch/pattern" # from a file, so that grep does not find itself
  for process in /proc/[0-9]*; do
    if grep -qsaF -f "$scratch/pattern" "$process"/{mountinfo,cmdline,environ} ||
      { [[ $2 ]] && readlink "$process/ns/net" 2>/dev/null | grep -qF -e "$2"; }; then
      found=1
      echo "process ${process#/proc/}: $(tr '\0' ' ' <"$process/cmdline")"
    fi
  done
  return "$found"
}

# --- the checks ----------------------------------------------------------------------------------------------

use() {
  check 'it can run here' lab check
  check 'without a program it cannot, and says so' fails 'is not installed' env PATH="$scratch/few-programs" "$BASH" "$here/lab.sh" check
  check "without libvirt's drivers it cannot, and names their packages where apt has such" \
    fails 'libvirt-daemon-driver-interface libvirt-daemon-driver-network libvirt-daemon-driver-qemu libvirt-daemon-driver-storage' without_drivers true
  check 'elsewhere it names the one that has them' fails 'libvirt-daemon libvirt-daemon-driver-qemu ' without_drivers 'test "$3" = libvirt-daemon'
  check 'down with nothing there' lab down
  check 'up 3' lab up 3
  check 'up 3 again leaves all as it is' lab up 3
  check 'hosts have their names' test "$(lab exec k2 hostname)" = k2
  check 'each answers with its own name' test "$(on k3 hostname)" = k3
  check 'info is JSON' is_json < <(lab info --json)
  check 'the default pool is active' on k1 pool-info default
  check 'a host has no /dev/kvm' lab exec k1 test ! -e /dev/kvm
  check 'so it offers software emulation only' test "$(on k1 capabilities | grep -o "domain type='[a-z]*'" | sort -u)" = "domain type='qemu'"
  check 'the sockets are for root only' test "$(stat -c %a "$directory/k1/run/libvirt/libvirt-sock")" = 700

  check 'a tick guest starts on k1' start_guest k1 roamer idle
  check 'it counts' counts k1 roamer
  check 'it migrates live to k2' migrate roamer k1 k2
  check 'it counts on k2' counts k2 roamer
  check 'it was not booted there' never_booted_on k2 roamer
  check 'no counter is missing or twice' each_counter_once roamer k1 k2
  check 'it is gone from k1' is_not_on k1 roamer
}

damaged_images() {
  check 'damage k3' lab damage k3
  check 'a qcow2 guest does not start there' fails 'Image is not in qcow2 format' start_guest k3 web-qcow2 qcow2
  check 'nor does one on a raw image' fails 'to be a regular file' start_guest k3 web-local local
  check 'the qcow2 guest starts on k1' start_guest k1 web-qcow2 qcow2
  check 'the one on a raw image starts on k1' start_guest k1 web-local local
  check 'it does not migrate to k3' fails 'Image is not in qcow2 format' migrate web-qcow2 k1 k3
  check 'it still counts on k1' counts k1 web-qcow2
  check 'a guest on a shared image starts on k3' start_guest k3 unhurt idle
  check 'mend k3' lab mend k3
  check 'the qcow2 guest migrates to k3' migrate web-qcow2 k1 k3
  check 'it counts there' counts k3 web-qcow2
  check 'damage k3 does not touch those that run' lab damage k3
  check 'it counts on' counts k3 web-qcow2
  check 'mend k3' lab mend k3
}

lost_power() {
  check 'power-off k3' lab power-off k3
  check 'k3 does not answer' fails 'Connection refused' on k3 hostname
  check 'status says that it is off' grep -q '^k3 .* off$' <(lab status)
  check 'power-on k3' lab power-on k3
  check 'its guests are gone' is_not_on k3 web-qcow2
  check 'a guest starts there' start_guest k3 after-power-on qcow2
  check 'it counts' counts k3 after-power-on
  check 'power-off k3 --silent' lab power-off k3 --silent
  check 'power-on k3' lab power-on k3
  check 'k2 reaches it' reaches k2 k3
}

lost_network() {
  check 'k1 reaches k3' reaches k1 k3
  check 'cut k3' lab cut k3
  check 'k1 does not reach k3' reaches_not k1 k3
  check 'k1 reaches k2' reaches k1 k2
  check 'k3 answers on its socket' answers k3
  check 'heal k3' lab heal k3
  check 'k1 reaches k3 again' within 5 reaches k1 k3
}

lost_daemon() {
  local before
  before=$(daemon_of k2)
  check 'kill-daemon k2' lab kill-daemon k2
  check 'it is restarted' within 10 daemon_changed k2 "$before"
  check 'it knows its guest' within 10 runs_on k2 roamer
  check 'the guest counts on' counts k2 roamer
  check 'stop-daemon k2' lab stop-daemon k2
  check 'k2 does not answer' fails 'Failed to connect socket' on k2 hostname
  check 'the guest counts on' counts k2 roamer
  check 'start-daemon k2' lab start-daemon k2
  check 'it knows its guest' runs_on k2 roamer
  check 'never was it booted anew' each_counter_once roamer k1 k2
}

neighbours() {
  check 'a second lab beside it, with the same network' neighbour_lab up 1
  check 'up 4 adds a host' lab up 4
  check 'k1 reaches k4' reaches k1 k4
  check 'down of the second' neighbour_lab down
  check 'nothing is left of it' nothing_left "$neighbour" ''
  check 'the first one still counts' counts k2 roamer
}

generations() {
  local mixed=(env KUMOI_LAB_DIR="$neighbour" KUMOI_LAB_NET="$net" "$here/lab.sh")
  check 'without a mirror there is one generation, and it says so' says 'lab: one generation of hosts: ' without_mirror up 2 mixed
  check 'both hosts are of it' test "$(neighbour_lab status | awk '{ print $5 }' | sort -u)" = machine
  check 'newer hosts only cannot be had then' fails 'there is no newer generation' without_mirror up 2 newer
  check 'other generations there are not' fails 'no such generations' neighbour_lab up 2 older
  check 'down' neighbour_lab down
  if [[ $("${mixed[@]}" prepare 2>&1) ]]; then
    echo "left out: two generations, because $("${mixed[@]}" prepare 2>&1)"
    return
  fi
  check 'up 4 mixed' says 'lab: two generations of hosts: ' neighbour_lab up 4 mixed
  check 'k1 and k3 run what this machine runs' test "$(neighbour_lab status | awk '/^k[13]/ { print $5 }' | sort -u)" = machine
  check 'k2 and k4 run the newer one' test "$(neighbour_lab status | awk '/^k[24]/ { print $5 }' | sort -u)" = newer
  check 'their daemons say so too' fails 'differ' bash -c "diff <(virsh -c '$(neighbour_lab uri k1)' version --daemon) <(virsh -c '$(neighbour_lab uri k2)' version --daemon) || { echo differ; false; }"
  check 'info is JSON' is_json < <(neighbour_lab info --json)
  check 'a host cannot change the programs' fails 'Read-only' neighbour_lab exec k2 touch /usr/bin/x
  check 'power-off k2' neighbour_lab power-off k2
  check 'power-on k2' neighbour_lab power-on k2
  check 'it is still newer' test "$(neighbour_lab status | awk '/^k2/ { print $5 }')" = newer
  check 'down' neighbour_lab down
  check 'nothing is left' nothing_left "$neighbour" ''
  check 'two processes that fetch at once' fetch_twice_at_once "$scratch/cache"
  check 'make one root and nothing else' holds_one_root "$scratch/cache"
  check 'one that is killed while it unpacks' kill_fetch_midway "$scratch/killed"
  check 'leaves what the next one makes whole' fetch_into "$scratch/killed"
  check 'and nothing else' holds_one_root "$scratch/killed"
}

ending() {
  local namespaces stranger
  namespaces=$(network_namespaces "$directory")
  env KUMOI_LAB_PROCESS="$scratch" sleep 60 &
  stranger=$!
  check 'down' lab down
  check 'nothing is left' within 5 nothing_left "$directory" "$namespaces"
  check "another lab's process lives" kill "$stranger"
  wait "$stranger" 2>/dev/null || true
}

# Points on the way of 'up' at which it is killed.
directory_made() { [[ -d $directory ]]; }
images_begun() { [[ -d $directory/shared.new ]]; }
switch_made() { [[ $(stat -f -c %T "$directory/net/switch" 2>/dev/null) == nsfs ]]; }
first_host_made() { [[ -d $directory/k1/var ]]; }
first_host_booted() { [[ -d $directory/k1/run/libvirt ]]; }
second_host_answers() { [[ -S $directory/k2/run/libvirt/libvirt-sock ]]; }

kill_up_when() { # kill_up_when CONDITION
  local up end=$((SECONDS + 20))
  KUMOI_LAB_DIR=$directory KUMOI_LAB_NET=$net "$here/lab.sh" up 3 & # not by the function: it would be a shell's id
  up=$!
  until "$1"; do ((SECONDS <= end)) || return 1; done
  kill -KILL "$up"
  ! wait "$up" # it was not done yet
}

crashes() {
  local point namespaces
  for point in directory_made images_begun switch_made first_host_made first_host_booted second_host_answers; do
    check "up, killed: ${point//_/ }" kill_up_when "$point"
    namespaces=$(network_namespaces "$directory")
    check 'down' lab down
    check 'nothing is left' within 5 nothing_left "$directory" "$namespaces"
  done
  check 'up, killed: first host booted' kill_up_when first_host_booted
  check 'up 3 makes it whole' lab up 3
  check 'a guest starts' start_guest k3 last idle
  namespaces=$(network_namespaces "$directory")
  check 'down' lab down
  check 'nothing is left' within 5 nothing_left "$directory" "$namespaces"
}

use
damaged_images
lost_power
lost_network
lost_daemon
neighbours
generations
ending
crashes
echo "all is well ($SECONDS s)"
