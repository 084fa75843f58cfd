namespace Kumoi.Tests.Lab;

/// <summary>Moments of a call to a host at which a test may step in.</summary>
internal enum CallMoment
{
    /// <summary>It has not gone out yet.</summary>
    Before = 0,

    /// <summary>It has gone out.</summary>
    While,

    /// <summary>It has succeeded.</summary>
    After,
}
