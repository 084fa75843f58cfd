# shellcheck shell=bash disable=SC2154 # lab, net and here are lab.sh's
# Hosts and their network: made, started, found, ended. Sourced by lab.sh, which sets $lab, $net and $here.
#
# All of it lies under $lab:
#   kumoi-lab             says that this directory is a lab, and its network prefix
#   net/switch, net/k1 …  the network namespaces, each held by a mount on its file
#   shared/               images that every host sees under the same path
#   k1/                   what this host has as /run, /var/lib, /var/log, /var/cache, /etc/libvirt …
#
# There are no files of process ids, which could be stale: each process of a host carries the lab in its
# environment, and that is where it is looked up. QEMU's environment is made by libvirt and has no such mark,
# but QEMU lives in the host's process namespace and ends with its process 1.

in_network_of() { # in_network_of switch|k1 COMMAND…
  local node=$1
  shift
  nsenter --net="$lab/net/$node" -- "$@"
}

number_of() { echo "${1#k}"; }
address_of() { echo "$net.$(number_of "$1")"; }
socket_of() { echo "$lab/$1/run/libvirt/libvirt-sock"; }
uri_of() { echo "qemu+unix:///system?socket=$(socket_of "$1")"; }
tcp_uri_of() { echo "qemu+tcp://$(address_of "$1")/system"; }
serial_of() { echo "$lab/$1/var/log/libvirt/qemu/$2.serial"; }

all_hosts() {
  local directory
  for directory in "$lab"/k[1-9]*/; do basename "$directory"; done | sort -V
}

require_host() {
  [[ $1 =~ ^k[1-9][0-9]*$ && -d $lab/$1 ]] || fail "there is no host '$1' in $lab"
}

# Polls a condition 50 times a second. wait_until SECONDS COMMAND…
wait_until() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS <= end)) || return 1
    sleep 0.02
  done
}

# --- processes -----------------------------------------------------------------------------------------------

# Ids of processes whose environment has this very entry, as "NAME=value".
pids_marked() {
  local file
  { grep -lszxF -e "$1" /proc/[0-9]*/environ || true; } | while IFS=/ read -r _ _ file _; do echo "$file"; done
}

lab_pids() { pids_marked "KUMOI_LAB_PROCESS=$lab"; }

# Process 1 of the host, by its id on this machine; nothing when the host is off.
host_pid() {
  local pid
  for pid in $(pids_marked "KUMOI_LAB_PROCESS_HOST=$lab/$1"); do
    # "NSpid: <id here> <id in the host>"; a process that is not in a namespace of its own has one id only
    if grep -qsE '^NSpid:(\s[0-9]+)+\s1$' "/proc/$pid/status"; then
      echo "$pid"
      return
    fi
  done
}

# The host's libvirtd: the child of its process 1 that is one (after a daemon's crash, QEMUs are children too).
daemon_pid() {
  local parent child
  local -a children
  parent=$(host_pid "$1")
  [[ $parent ]] || return 0
  read -ra children <"/proc/$parent/task/$parent/children" || true # it ends without a line feed
  for child in "${children[@]}"; do
    if [[ $(cat "/proc/$child/comm" 2>/dev/null) == libvirtd ]]; then
      echo "$child"
      return
    fi
  done
}

is_gone() { [[ ! -e /proc/$1 ]]; }

kill_and_wait() { # kill_and_wait SIGNAL PID
  kill -"$1" "$2" 2>/dev/null || true
  wait_until 10 is_gone "$2" || fail "process $2 does not end"
}

answers() {
  [[ -S $(socket_of "$1") ]] && virsh -q -c "$(uri_of "$1")" hostname >/dev/null 2>&1
}

# --- network -------------------------------------------------------------------------------------------------

# A network namespace that lives for as long as the mount on its file.
make_network_namespace() {
  local file=$lab/net/$1
  [[ $(stat -f -c %T "$file" 2>/dev/null) == nsfs ]] && return
  : >"$file"
  unshare --net="$file" true
  in_network_of "$1" ip link set lo up
}

make_switch() {
  make_network_namespace switch
  in_network_of switch ip link show bridge >/dev/null 2>&1 ||
    in_network_of switch ip link add bridge type bridge stp_state 0 forward_delay 0
  in_network_of switch ip -batch - <<END
addr replace $net.254/24 dev bridge
link set bridge up
END
}

# The host's network card is eth0 in its namespace, the other end of the cable is a port of the switch. The card is a port of the host's
# bridge 'guests', which has the host's address, so that guests are in the same network.
connect_to_switch() {
  local name=$1 number mac
  number=$(number_of "$name")
  # always the same for a host, or the others' ARP entries are stale when it returns
  printf -v mac '02:77:00:00:00:%02x' "$number"
  in_network_of switch ip link show "$name" >/dev/null 2>&1 ||
    in_network_of switch ip link add "$name" type veth peer name eth0 address "$mac" netns "$lab/net/$name"
  in_network_of switch ip link set "$name" master bridge up
  in_network_of "$name" ip link show guests >/dev/null 2>&1 ||
    in_network_of "$name" ip link add guests address "$mac" type bridge stp_state 0 forward_delay 0
  in_network_of "$name" ip -batch - <<END
link set eth0 master guests up
addr replace $net.$number/24 dev guests
link set guests up
END
}

# --- hosts ---------------------------------------------------------------------------------------------------

# The machine's accounts and those that libvirtd wants: without them it ends at once, with status 0.
write_accounts() {
  local host=$1 group
  cp /etc/passwd /etc/group "$host/etc"
  grep -q '^libvirt-qemu:' "$host/etc/passwd" ||
    echo 'libvirt-qemu:x:64055:64055::/var/lib/libvirt:/usr/sbin/nologin' >>"$host/etc/passwd"
  for group in libvirt-qemu:64055 kvm:64056 libvirt:64057; do
    grep -q "^${group%:*}:" "$host/etc/group" || echo "${group%:*}:x:${group#*:}:" >>"$host/etc/group"
  done
}

write_host_names() {
  local number
  echo '127.0.0.1 localhost'
  for ((number = 1; number <= 64; number++)); do echo "$net.$number k$number"; done
}

write_configuration() {
  local name=$1 host=$lab/$1 number
  number=$(number_of "$name")
  write_accounts "$host"
  write_host_names >"$host/etc/hosts"
  # No passwords: the address is reachable in the lab's network namespaces only, the socket by root only.
  cat >"$host/etc/libvirt/libvirtd.conf" <<END
listen_tls = 0
listen_tcp = 1
auth_tcp = "none"
auth_unix_ro = "none"
auth_unix_rw = "none"
unix_sock_group = "root"
unix_sock_ro_perms = "0700"
unix_sock_rw_perms = "0700"
host_uuid = "$(printf '00000000-0000-4000-8000-%012d' "$number")"
keepalive_interval = 5
keepalive_count = 3
max_clients = 500
log_outputs = "3:file:/var/log/libvirt/libvirtd.log"
END
  cat >"$host/etc/libvirt/qemu.conf" <<END
security_driver = "none"
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
namespaces = []
swtpm_user = "root"
swtpm_group = "root"
cgroup_controllers = []
seccomp_sandbox = 0
stdio_handler = "file"
max_core = 0
migration_address = "0.0.0.0"
migration_host = "$(address_of "$name")"
keepalive_interval = 2
keepalive_count = 3
END
  cat >"$host/etc/libvirt/storage/default.xml" <<END
<pool type='dir'>
  <name>default</name>
  <uuid>$(printf '00000000-0000-4000-9000-%012d' "$number")</uuid>
  <target>
    <path>/var/lib/libvirt/images</path>
  </target>
</pool>
END
  ln -sf ../default.xml "$host/etc/libvirt/storage/autostart/default.xml"
}

make_host() {
  local name=$1 host=$lab/$1
  mkdir -p "$host"/{run,etc/libvirt/{qemu,storage/autostart},var/{lib/libvirt/images,log/libvirt/qemu,cache/libvirt/qemu}}
  write_generation "$name"
  write_firmware "$name"
  write_configuration "$name"
  make_network_namespace "$name"
  connect_to_switch "$name"
}

# Starts the host's first process with a clean environment, in a session of its own, and returns.
boot_host() {
  local name=$1 path=/usr/sbin:/usr/bin:/sbin:/bin
  ! has_firmware "$name" || path=$(firmware_folder)/tpm/bin:$path
  rm -f "$lab/$name/run/libvirt/libvirt-sock" # of before a loss of power
  env -i PATH="$path" HOME=/root \
    KUMOI_LAB_PROCESS="$lab" KUMOI_LAB_PROCESS_HOST="$lab/$name" \
    setsid bash "$here/host-main.sh" enter "$lab" "$name" </dev/null >>"$lab/$name/var/log/host.log" 2>&1 &
}

wait_for_host() {
  wait_until 30 answers "$1" ||
    fail "$1 does not answer after 30 s; see $lab/$1/var/log/host.log and $lab/$1/var/log/libvirt/libvirtd.log"
}

# A host asks a new QEMU for what it can do, which takes it a second. One host of each generation does, the others copy.
share_qemu_capabilities() {
  local name each generation libvirt qemu
  local -A names=()
  for name in "$@"; do
    read_generation "$name"
    names[$generation]+=" $name"
  done
  for each in "${!names[@]}"; do
    # shellcheck disable=SC2086 # names of hosts have no spaces
    share_capabilities_of_generation ${names[$each]}
  done
}

share_capabilities_of_generation() {
  local name source='' cache=var/cache/libvirt/qemu
  for name in "$@"; do
    compgen -G "$lab/$name/$cache/capabilities/*.xml" >/dev/null && source=$name && break
  done
  if [[ ! $source ]]; then
    source=$1
    virsh -q -c "$(uri_of "$source")" domcapabilities --virttype qemu --emulatorbin /usr/bin/qemu-system-x86_64 >/dev/null
  fi
  for name in "$@"; do
    [[ $name == "$source" ]] || cp -a --update "$lab/$source/$cache/." "$lab/$name/$cache/"
  done
}
