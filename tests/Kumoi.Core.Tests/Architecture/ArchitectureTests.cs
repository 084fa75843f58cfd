using Xunit;

namespace Kumoi.Tests.Architecture;

public sealed class ArchitectureTests
{
    private static readonly Rooms House = Rooms.Read();

    [Fact]
    public void No_rooms_know_each_other_in_a_circle()
    {
        var circles = House.All.Select(CircleOf).Where(circle => circle.Count > 1).DistinctBy(circle => string.Join(' ', circle)).ToList();
        Assert.True(circles.Count == 0, string.Join('\n', circles.Select(Describe)));
    }

    /// <summary>All rooms that the room reaches, and that reach it.</summary>
    private static List<string> CircleOf(string room)
    {
        var to = Reach(room, forward: true);
        to.IntersectWith(Reach(room, forward: false));
        return [.. to.Order(StringComparer.Ordinal)];
    }

    private static HashSet<string> Reach(string room, bool forward)
    {
        HashSet<string> seen = [room];
        var left = new Queue<string>([room]);
        while (left.TryDequeue(out var next))
        {
            foreach (var (from, to) in House.Arrows.Keys)
            {
                if ((forward ? from : to) == next && seen.Add(forward ? to : from))
                {
                    left.Enqueue(forward ? to : from);
                }
            }
        }

        return seen;
    }

    private static string Describe(List<string> circle) => $"{string.Join(", ", circle)}:\n" + string.Join('\n', House.Arrows
        .Where(arrow => circle.Contains(arrow.Key.From) && circle.Contains(arrow.Key.To))
        .Select(arrow => $"  {arrow.Key.From} → {arrow.Key.To}: {string.Join(", ", arrow.Value.Take(6))}"));
}
