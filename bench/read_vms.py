"""The peer of Get-KumoiVM: reads all VMs on an open connection once for each line of input, and prints the milliseconds.

A line 'full' reads what Get-KumoiVM gives (name, id, state, persistence, CPUs, memory, CPU time), 'states' names and states only.
"""
import sys
import time

import libvirt

connection = libvirt.openReadOnly(sys.argv[1])
for line in sys.stdin:
    began = time.perf_counter()
    if line.strip() == "full":
        vms = [(vm.name(), vm.UUIDString(), vm.isPersistent(), stats, *vm.info()) for vm, stats in connection.getAllDomainStats()]
    else:
        vms = [(vm.name(), stats["state.state"]) for vm, stats in connection.getAllDomainStats()]
    elapsed = (time.perf_counter() - began) * 1000
    assert len(vms) == 1000
    print(elapsed, flush=True)
