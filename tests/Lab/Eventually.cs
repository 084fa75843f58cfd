using System.Diagnostics;
using Xunit;

namespace Kumoi.Tests.Lab;

/// <summary>Waits for conditions: real hosts and guests take the time that they take.</summary>
internal static class Eventually
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    public static Task HoldsAsync(Func<bool> condition, string what) => HoldsAsync(() => Task.FromResult(condition()), what);

    public static Task HoldsAsync(Func<Task<bool>> condition, string what) => HoldsAsync(condition, () => what);

    public static async Task HoldsAsync(Func<Task<bool>> condition, Func<string> what)
    {
        var began = Stopwatch.GetTimestamp();
        while (!await condition())
        {
            if (Stopwatch.GetElapsedTime(began) > Bound)
            {
                Assert.Fail($"It did not come true within {Bound.TotalSeconds} s: {what()}.");
            }

            await Task.Delay(Pause);
        }
    }
}
