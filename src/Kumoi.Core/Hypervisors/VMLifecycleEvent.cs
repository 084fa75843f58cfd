namespace Kumoi.Hypervisors;

/// <summary>What happened to a VM, as the hypervisor told it.</summary>
public readonly record struct VMLifecycleEvent(DateTimeOffset At, Guid VMId, string VMName, VMLifecycle Kind);
