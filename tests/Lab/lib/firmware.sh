# shellcheck shell=bash disable=SC2154 # lab is lab.sh's
# UEFI firmware and emulated TPMs of two hosts, one of each generation: all others have none, as their tests want it. Sourced by lab.sh.
#
# As the Linux guest, the packages come from this machine's own apt, are checked by it, and are unpacked into the cache folder: nothing is
# installed. A host sees the firmware in /usr/share/qemu, which is the host's own then, and finds swtpm by its PATH.

readonly firmware_recipe=2 # goes up with every change of what is made
readonly firmware_hosts=(k5 k6)

firmware_folder() { echo "$(cache_folder)/firmware-$firmware_recipe"; }

# Prints nothing. In the folder: qemu with OVMF's images and their descriptors, tpm with swtpm's programs.
fetch_firmware() { make_in_cache "$(firmware_folder)" make_firmware "the firmware could not be fetched"; }

make_firmware() (
  set -e
  cd "$1"
  mkdir -p made/qemu/firmware made/tpm/{bin,programs,lib}
  apt-get -qq -o APT::Sandbox::User=root download ovmf swtpm swtpm-libs swtpm-tools libtpms0 libjson-glib-1.0-0
  for file in *.deb; do dpkg-deb -x "$file" unpacked; done
  cp unpacked/usr/share/OVMF/OVMF_{CODE_4M,CODE_4M.secboot,VARS_4M,VARS_4M.ms}.fd made/qemu
  for file in unpacked/usr/share/qemu/firmware/*.json; do
    sed 's#/usr/share/OVMF/#/usr/share/qemu/#; s#OVMF_CODE_4M.ms.fd#OVMF_CODE_4M.secboot.fd#' "$file" >"made/qemu/firmware/$(basename "$file")"
  done
  cp unpacked/usr/bin/swtpm{,_setup,_ioctl} made/tpm/programs
  find unpacked/usr/lib -name '*.so*' -exec cp -a -t made/tpm/lib {} +
  cp unpacked/etc/swtpm_setup.conf made/tpm
  for file in made/tpm/programs/*; do write_tpm_program "$(basename "$file")" >"made/tpm/bin/$(basename "$file")"; done
  chmod 755 made/tpm/bin/*
)

# Starts a program with its libraries. Certificates of a manufacturer, for which libvirt asks, would need one more package and its tools.
write_tpm_program() { # write_tpm_program NAME
  cat <<END
#!/bin/sh
folder=\$(dirname "\$(dirname "\$0")")
export LD_LIBRARY_PATH="\$folder/lib"
for argument do
  shift
  case \$argument in --create-ek-cert | --create-platform-cert) ;; *) set -- "\$@" "\$argument" ;; esac
done
exec "\$folder/programs/$1" "\$@"$([[ $1 != swtpm_setup ]] || echo " --config \"\$folder/swtpm_setup.conf\"")
END
}

has_firmware() { [[ " ${firmware_hosts[*]} " == *" $1 "* && -d $(firmware_folder) ]]; }

# What the host has as /usr/share/qemu: that of its generation, and the firmware. None where it was not fetched, which its tests say.
write_firmware() { # write_firmware HOST
  local name=$1 host=$lab/$1
  has_firmware "$name" || return 0
  rm -rf "$host/qemu"
  cp -a "$([[ ! -e $host/root ]] || realpath "$host/root")/usr/share/qemu" "$host/qemu"
  cp -a "$(firmware_folder)/qemu/." "$host/qemu"
}
