# shellcheck shell=bash disable=SC2154 # lab is lab.sh's
# Hosts of another generation: the programs of a newer Debian, bound over a host's /usr. Sourced by lab.sh.
#
# They are downloaded from the mirror of this machine's own apt configuration, checked by apt (signature of the release, checksums of the
# packages), and unpacked into a cache folder: nothing is installed, no script of a package runs, nothing else on this machine changes.

readonly newer_suite=trixie
readonly newer_libvirt=11.3
readonly newer_recipe=1 # goes up with every change of what is unpacked: a root that is there, which a lab may be using, is never changed
readonly newer_packages=(
  libvirt-daemon libvirt-daemon-driver-qemu libvirt-daemon-driver-storage libvirt-daemon-driver-network libvirt-daemon-driver-interface
  libvirt-clients qemu-system-x86 qemu-utils
  iproute2 bash dash coreutils util-linux hostname grep sed # what host-main.sh, lab.sh and the tests run on a host
)

# Why there is no second generation; said by 'up'.
one_generation_because=''
no_newer() {
  one_generation_because=$1
  return 1
}

version_of_libvirtd() { libvirtd --version | sed -E 's/.* ([0-9][0-9.]*).*/\1/'; }
version_of_qemu() { qemu-system-x86_64 --version | sed -nE '1s/.*version ([0-9][0-9.]*).*/\1/p'; }

is_older() { # is_older VERSION THAN
  [[ $1 != "$2" && $(printf '%s\n' "$1" "$2" | sort -V | head -n 1) == "$1" ]]
}

cache_folder() { echo "${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/kumoi-lab"; }
newer_root() { echo "$(cache_folder)/$newer_suite-$newer_recipe"; }
has_newer_root() { [[ -s $(newer_root)/kumoi-lab-versions && -O $(newer_root) ]]; } # hosts run it as root

# A folder of the cache, made by one process at a time: whatever kills this leaves nothing under its name, or all of it. MAKE is a function that
# is given a folder to work in, and leaves what is wanted there as "made".
make_in_cache() { # make_in_cache FOLDER MAKE WHAT-IT-SAYS-OTHERWISE
  local folder=$1 make=$2 otherwise=$3 work
  [[ -d $folder ]] && return
  mkdir -p -m 755 "$(cache_folder)"
  (
    exec 8<"$(cache_folder)"
    flock --timeout 600 8
    [[ -d $folder ]] && exit
    work=$(mktemp -d "$folder.new.XXXXXX")
    # Not in the condition itself, where bash goes on after what fails.
    "$make" "$work" >"$work/said" 2>&1 &
    if wait $!; then
      mv -T "$work/made" "$folder"
      rm -rf --one-file-system "$work"
    else
      tail -n 3 "$work/said" >&2
      rm -rf --one-file-system "$work"
      fail "$otherwise"
    fi
  )
}

# Mirrors of Debian in this machine's apt configuration, one a line; none before the first 'apt-get update'.
debian_mirrors() {
  apt-get indextargets --format "\$(ORIGIN) \$(LABEL) \$(COMPONENT) \$(REPO_URI)" 'Created-By: Packages' 2>/dev/null |
    sed -n 's/^Debian Debian main //p' | sort -u
}

# Makes the root, or finds it. Whatever kills this leaves either nothing under the root's name or all of it.
fetch_newer() {
  local cache
  has_newer_root && return
  cache=$(cache_folder)
  mkdir -p -m 755 "$cache" 2>/dev/null || no_newer "there can be no folder $cache" || return
  # One at a time; who comes second finds it made. In a subshell, which the lock ends with.
  one_generation_because=$(
    exec 8<"$cache"
    flock --timeout 600 8 || { echo "another process has been fetching into $cache for ten minutes" && exit; }
    has_newer_root && exit
    find "$cache" -xdev -mindepth 1 -maxdepth 1 -name "$newer_suite.new.*" -exec rm -rf --one-file-system {} + # of one that was killed
    work=$(mktemp -d "$cache/$newer_suite.new.XXXXXX") || { echo "nothing can be written to $cache" && exit; }
    make_newer_root "$work"
  )
  [[ ! $one_generation_because ]]
}

# Prints why it did not succeed; nothing: it did.
make_newer_root() {
  local work=$1 mirror keyring said=''
  local -a mirrors=()
  for keyring in /usr/share/keyrings/debian-archive-keyring.{gpg,pgp} ''; do [[ ! -s $keyring ]] || break; done
  mapfile -t mirrors < <(debian_mirrors)
  if [[ ! $keyring ]]; then
    said='the keys of Debian are not here (debian-archive-keyring)'
  else
    if ((${#mirrors[@]} == 0)); then
      apt-get -qq update >/dev/null 2>&1 || true
      mapfile -t mirrors < <(debian_mirrors)
    fi
    said="apt has no mirror of Debian"
    for mirror in "${mirrors[@]}"; do
      if said=$(download_newer "$work" "$keyring" "$mirror" 2>&1 && unpack_newer "$work" 2>&1); then
        said=''
        mv -T "$work/root" "$(newer_root)"
        break
      fi
      said="its programs could not be fetched ($(grep -E '^E: ' <<<"$said" | head -n 1 | cut -c 4- || tail -n 1 <<<"$said"))"
    done
  fi
  rm -rf --one-file-system "$work"
  printf '%s' "$said"
}

# With the machine's own apt configuration (proxies, credentials, limits), but none of its sources and nothing of what it has installed.
download_newer() { # download_newer WORK KEYRING MIRROR
  local work=$1
  local -a apt=(apt-get -qq
    -o "Dir::State=$work/state" -o "Dir::State::lists=$work/state/lists" -o "Dir::State::status=$work/status"
    -o "Dir::Cache=$work/cache" -o "Dir::Cache::archives=$work/cache/archives"
    -o "Dir::Etc::SourceList=$work/sources.list" -o Dir::Etc::SourceParts=/dev/null
    -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null -o APT::Default-Release=
    -o APT::Get::AllowUnauthenticated=false -o Acquire::AllowInsecureRepositories=false # whatever this machine allows
    -o Acquire::Languages=none -o APT::Sandbox::User=root)
  mkdir -p "$work"/{state/lists/partial,cache/archives/partial}
  : >"$work/status"
  echo "deb [arch=amd64 signed-by=$2] $3 $newer_suite main" >"$work/sources.list"
  "${apt[@]}" update && "${apt[@]}" -y --no-install-recommends --download-only install "${newer_packages[@]}"
}

unpack_newer() { # unpack_newer WORK
  local root=$1/root package tool version
  local -A versions=()
  mkdir -m 755 "$root" || return
  for package in "$1"/cache/archives/*.deb; do
    dpkg-deb --fsys-tarfile "$package" |
      tar -x -C "$root" --exclude='./usr/share/'{doc,man,locale,info}'/*' || return
    version=$(dpkg-deb -f "$package" Version) || return
    version=${version#*:}
    versions[$(dpkg-deb -f "$package" Package)]=${version%%[-+]*}
  done
  # Made by the packages' scripts otherwise; libvirt's network driver wants them.
  for tool in iptables ip6tables; do ln -sf xtables-nft-multi "$root/usr/sbin/$tool" || return; done
  ldconfig -r "$root" || return
  echo "$newer_suite ${versions[libvirt-daemon]} ${versions[qemu-system-x86]}" >"$root/kumoi-lab-versions" # last: it says that all is there
}

# Sets $one_generation_because, if there are none.
require_newer() {
  local mine program
  mine=$(version_of_libvirtd)
  is_older "$mine" "$newer_libvirt" || no_newer "this machine's libvirt $mine is not older than the newer one, $newer_libvirt" || return
  [[ -L /bin && -L /lib ]] || no_newer "this machine's programs are not all in /usr" || return
  for program in apt-get dpkg-deb tar ldconfig; do
    command -v "$program" >/dev/null || no_newer "this machine has no $program" || return
  done
  [[ $(uname -m) == x86_64 ]] || no_newer "it is for x86_64 only" || return
  fetch_newer
}

# --- of hosts ------------------------------------------------------------------------------------------------

# How many hosts of which generation 'up' makes:
#   machine   all run this machine's programs
#   newer     all run the newer ones
#   mixed     k1, k3, k5 … this machine's, k2, k4, k6 … the newer ones; where there are none, all run this machine's
choose_generations() { # sets $generations and $machine_versions
  generations=$1
  machine_versions="$(version_of_libvirtd) $(version_of_qemu)"
  case $generations in
    machine) ;;
    newer) require_newer || cannot "there is no newer generation: $one_generation_because" ;;
    mixed)
      if ! require_newer; then
        generations=machine
        echo "lab: one generation of hosts: $one_generation_because" >&2
      fi
      ;;
    *) usage_error "no such generations: '$generations' (machine, newer, mixed)" ;;
  esac
}

generation_for() { # generation_for HOST
  case $generations in
    mixed) (($(number_of "$1") % 2)) && echo machine || echo newer ;;
    *) echo "$generations" ;;
  esac
}

# What the host boots from now on: 'machine' or 'newer', and the versions of libvirt and QEMU.
write_generation() {
  local name=$1 suite libvirt qemu
  if [[ $(generation_for "$name") == newer ]]; then
    ln -sfn "$(realpath "$(newer_root)")" "$lab/$name/root"
    read -r suite libvirt qemu <"$lab/$name/root/kumoi-lab-versions"
    echo "newer $libvirt $qemu" >"$lab/$name/generation"
  else
    rm -f "$lab/$name/root"
    echo "machine $machine_versions" >"$lab/$name/generation"
  fi
}

read_generation() { # read_generation HOST: sets $generation, $libvirt and $qemu
  read -r generation libvirt qemu <"$lab/$1/generation"
}

# Where there are hosts of two generations, a guest's machine is the older's, which all of them have, wherever it is made: 'pc' would be each
# host's newest, and what was made on a newer host could not go to an older one.
write_common_machine() {
  local name generation libvirt qemu
  local -A seen=()
  for name in "$@"; do
    read_generation "$name"
    seen[$generation]=1
  done
  rm -f "$lab/machine"
  ((${#seen[@]} == 1)) || qemu-system-x86_64 -machine help | sed -n 's/^pc .*(alias of \([^)]*\)).*/\1/p' >"$lab/machine"
}

# Nothing where all hosts are of this machine's generation.
say_generations() {
  local name generation libvirt qemu
  local -A hosts=()
  for name in "$@"; do
    read_generation "$name"
    hosts["libvirt $libvirt, QEMU $qemu"]+=" $name"
  done
  ((${#hosts[@]} == 1)) ||
    echo "lab: two generations of hosts: $(for name in "${!hosts[@]}"; do echo "$name on${hosts[$name]}"; done | sort -V | paste -sd ';' | sed 's/;/; /g')" >&2
}
