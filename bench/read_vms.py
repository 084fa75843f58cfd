"""The peer of Get-KumoiVM: reads all VMs on an open connection once for each line of input, and prints the milliseconds.

It reads what Get-KumoiVM gives: name, id, state, persistence, CPUs, memory, CPU time.
"""
import sys
import time

import libvirt

connection = libvirt.openReadOnly(sys.argv[1])
for _ in sys.stdin:
    began = time.perf_counter()
    vms = [(vm.name(), vm.UUIDString(), vm.isPersistent(), stats, *vm.info()) for vm, stats in connection.getAllDomainStats()]
    elapsed = (time.perf_counter() - began) * 1000
    assert len(vms) == 1000
    print(elapsed, flush=True)
