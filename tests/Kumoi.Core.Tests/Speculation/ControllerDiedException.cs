namespace Kumoi.Tests.Speculation;

/// <summary>The process that runs the operation is dead: none of its calls takes effect any more.</summary>
internal sealed class ControllerDiedException() : Exception("the controller is dead");
