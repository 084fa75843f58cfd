"""What users of libvirt write instead of Kumoi's pipelines: python3-libvirt, and a pool of threads.

    peers.py inventory URI...    connects to all, reads their VMs, prints how many there are, and ends
    peers.py session URI...      stays connected; for each line of input it does one thing to the VMs whose names begin with "peer-", and
                                 prints the milliseconds: "start", "destroy", or "migrate FROM TO THREADS" (FROM and TO count the URIs)
"""
import concurrent.futures
import sys
import time

import libvirt

THREADS = 32
MIGRATION = libvirt.VIR_MIGRATE_LIVE | libvirt.VIR_MIGRATE_PERSIST_DEST | libvirt.VIR_MIGRATE_UNDEFINE_SOURCE


def run(work, things, threads=THREADS):
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, things))


def vms(connections):
    return [vm for connection in connections for vm in connection.listAllDomains() if vm.name().startswith("peer-")]


def read(uri):
    return [
        (vm.name(), vm.UUIDString(), vm.isPersistent(), stats, *vm.info()) for vm, stats in libvirt.openReadOnly(uri).getAllDomainStats()]


def session(uris):
    connections = run(libvirt.open, uris)
    print("ready", flush=True)
    for line in sys.stdin:
        what, *arguments = line.split()
        if what == "migrate":
            source, target, threads = map(int, arguments)
            found = vms([connections[source]])
            work = lambda vm: vm.migrate3(connections[target], {}, MIGRATION)
        else:
            found, threads = vms(connections), THREADS
            work = lambda vm: vm.create() if what == "start" else vm.destroy()
        began = time.perf_counter()
        run(work, found, threads)
        print((time.perf_counter() - began) * 1000, flush=True)


if sys.argv[1] == "inventory":
    print(sum(map(len, run(read, sys.argv[2:]))))
else:
    session(sys.argv[2:])
