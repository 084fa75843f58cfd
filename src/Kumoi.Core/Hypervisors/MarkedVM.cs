namespace Kumoi.Hypervisors;

/// <summary>A VM that an operation on several hosts works on, or has left.</summary>
public sealed record MarkedVM(Guid Id, string Name, SpeculationMark Mark);
