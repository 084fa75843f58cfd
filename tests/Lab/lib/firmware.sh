# shellcheck shell=bash disable=SC2154 # lab is lab.sh's
# UEFI firmware of two hosts, one of each generation: all others have none, as their tests want it. Sourced by lab.sh.
#
# As the Linux guest, the package comes from this machine's own apt, is checked by it, and is unpacked into the cache folder: nothing is
# installed. A host sees it in /usr/share/qemu, which is the host's own then.

readonly firmware_recipe=1 # goes up with every change of what is made
readonly firmware_hosts=(k5 k6)

firmware_folder() { echo "$(cache_folder)/firmware-$firmware_recipe"; }

# Prints nothing, and makes the folder with OVMF's images and their descriptors if it is not there.
fetch_firmware() {
  local work
  [[ -d $(firmware_folder) ]] && return
  mkdir -p -m 755 "$(cache_folder)"
  (
    exec 8<"$(cache_folder)"
    flock --timeout 600 8
    [[ -d $(firmware_folder) ]] && exit
    work=$(mktemp -d "$(cache_folder)/firmware.new.XXXXXX")
    # Not in the condition itself, where bash goes on after what fails.
    make_firmware "$work" >"$work/said" 2>&1 &
    if wait $!; then
      mv -T "$work/made" "$(firmware_folder)"
      rm -rf --one-file-system "$work"
    else
      tail -n 3 "$work/said" >&2
      rm -rf --one-file-system "$work"
      fail "the firmware could not be fetched"
    fi
  )
}

make_firmware() (
  set -e
  cd "$1"
  mkdir -p made/firmware
  apt-get -qq -o APT::Sandbox::User=root download ovmf
  dpkg-deb -x ovmf_*.deb unpacked
  cp unpacked/usr/share/OVMF/OVMF_{CODE_4M,CODE_4M.secboot,VARS_4M,VARS_4M.ms}.fd made
  for file in unpacked/usr/share/qemu/firmware/*.json; do
    sed 's#/usr/share/OVMF/#/usr/share/qemu/#; s#OVMF_CODE_4M.ms.fd#OVMF_CODE_4M.secboot.fd#' "$file" >"made/firmware/$(basename "$file")"
  done
)

# What the host has as /usr/share/qemu: that of its generation, and the firmware. None where it was not fetched, which its tests say.
write_firmware() { # write_firmware HOST
  local name=$1 host=$lab/$1
  [[ " ${firmware_hosts[*]} " == *" $name "* && -d $(firmware_folder) ]] || return 0
  rm -rf "$host/qemu"
  cp -a "$([[ ! -e $host/root ]] || realpath "$host/root")/usr/share/qemu" "$host/qemu"
  cp -a "$(firmware_folder)/." "$host/qemu"
}
