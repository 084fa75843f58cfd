namespace Kumoi.Hypervisors;

/// <summary>Where one host is. <see cref="ExpectedName"/> names it in errors before it could be asked for its own name.</summary>
public sealed record HostAddress(string Uri, string ExpectedName);
