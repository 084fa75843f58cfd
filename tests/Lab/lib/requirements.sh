# shellcheck shell=bash
# What the lab needs of the machine, and how to get it. Sourced by lab.sh.

# Command or file pattern, and the Debian/Ubuntu package that brings it. Two packages: the first where the distribution has it (Debian 13
# has split libvirt's drivers), the second elsewhere.
readonly libvirt_drivers='/usr/lib/*/libvirt/connection-driver/libvirt_driver'
readonly -A lab_needs=(
  [virsh]=libvirt-clients
  [libvirtd]=libvirt-daemon
  ["${libvirt_drivers}_qemu.so"]=libvirt-daemon-driver-qemu
  ["${libvirt_drivers}_storage.so"]='libvirt-daemon-driver-storage libvirt-daemon'
  ["${libvirt_drivers}_network.so"]='libvirt-daemon-driver-network libvirt-daemon'
  ["${libvirt_drivers}_interface.so"]='libvirt-daemon-driver-interface libvirt-daemon'
  [qemu-system-x86_64]=qemu-system-x86
  [qemu-img]=qemu-utils
  [nasm]=nasm
  [ip]=iproute2
  [unshare]=util-linux
  [nsenter]=util-linux
  [flock]=util-linux
)

is_there() {
  case $1 in
    /*) compgen -G "$1" >/dev/null ;;
    *) command -v "$1" >/dev/null ;;
  esac
}

# Whether apt can install it; yes also where apt knows no packages yet, or there is no apt.
is_offered() { apt-cache show --no-all-versions "$1" >/dev/null 2>&1 || ! apt-cache show --no-all-versions libvirt-daemon >/dev/null 2>&1; }

missing_packages() {
  local need package other
  for need in "${!lab_needs[@]}"; do
    is_there "$need" && continue
    read -r package other <<<"${lab_needs[$need]}"
    if [[ ! $other ]] || is_offered "$package"; then echo "$package"; else echo "$other"; fi
  done | sort -u
}

cannot() {
  printf 'lab: %s\n' "$@" >&2
  exit 3
}

require_root() {
  [[ $EUID -eq 0 ]] || cannot 'must be run as root: it makes namespaces, mounts and network links'
}

may_make_namespaces() {
  unshare --mount --uts --ipc --net --pid --fork -- mount -t tmpfs tmpfs /tmp 2>/dev/null
}

# Says in one line why the lab cannot run here as things are, and what to do; with status 3. Changes nothing.
check_machine() {
  local obstacle=''
  local -a packages
  mapfile -t packages < <(missing_packages)
  if ((EUID != 0)); then
    obstacle='it needs root: use sudo'
  elif ((${#packages[@]})); then
    obstacle="${packages[*]} (names of Debian and Ubuntu) is not installed: 'sudo ./build.sh lab up' installs what is missing"
  elif ! may_make_namespaces; then
    obstacle='this root may not make namespaces and mounts: use a machine or VM of your own, or a container with --privileged'
  fi
  [[ ! $obstacle ]] || { echo "$obstacle" && exit 3; }
}

# Installs what is missing when it may; says what is missing, and how to get it, when it may not.
require_machine() {
  require_root
  local -a packages
  mapfile -t packages < <(missing_packages)
  if ((${#packages[@]})); then
    command -v apt-get >/dev/null ||
      cannot "missing: ${packages[*]} (names of Debian and Ubuntu)" 'install them with the package manager of this machine'
    apt-get update >&2 || true # what it could not get is told below
    mapfile -t packages < <(missing_packages) # now that apt knows which packages there are
    echo "lab: installing ${packages[*]}" >&2
    { DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${packages[@]}"; } >&2 ||
      cannot "missing: ${packages[*]}" "get them: apt-get install --no-install-recommends ${packages[*]}"
    mapfile -t packages < <(missing_packages)
    ((${#packages[@]} == 0)) || cannot "still missing after the installation: ${packages[*]}"
  fi
  # For guests that make COLO; all else goes without, and their tests say what is missing.
  command -v cc >/dev/null || ! command -v apt-get >/dev/null ||
    { DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends gcc libc6-dev; } >&2 || true
  may_make_namespaces ||
    cannot 'this root may not make namespaces and mounts' 'run it on a machine or VM of your own, or in a container with --privileged'
}
