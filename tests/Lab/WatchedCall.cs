using Kumoi.Hypervisors;

namespace Kumoi.Tests.Lab;

/// <summary>One call to a host.</summary>
internal sealed record WatchedCall(string Host, CallKind Kind, Task Running);
