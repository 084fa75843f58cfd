using Xunit;

namespace Kumoi.Tests.Architecture;

public sealed class ArchitectureTests
{
    /// <summary>Who may use whom: only what comes later. As in docs/architecture.md.</summary>
    private static readonly string[] Order =
    [
        "Kumoi.PowerShell.Cmdlets", "Kumoi.PowerShell.Cmdlets.Base", "Kumoi.PowerShell.Substitution", "Kumoi.PowerShell.Actions",
        "Kumoi.PowerShell.Completion", "Kumoi.PowerShell.Jobs", "Kumoi.PowerShell.Parameters", "Kumoi.PowerShell.Lineage",
        "Kumoi.PowerShell.Session",
        "Kumoi.Composition", "Kumoi.Agents", "Kumoi.Exports", "Kumoi.Workloads", "Kumoi.Lineage", "Kumoi.PolicySimulation", "Kumoi.Speculation",
        "Kumoi.FaultTolerance", "Kumoi.FailureOblivious", "Kumoi.Fleets", "Kumoi.Fleets.Maintenance", "Kumoi.Fleets.Journaling",
        "Kumoi.Fleets.Links",
        "Kumoi.CloudInit", "Kumoi.GuestSystems",
        "Kumoi.Hypervisors.Libvirt", "Kumoi.Hypervisors.Simulated", "Kumoi.Relaying", "Kumoi.Hypervisors.Calls", "Kumoi.Hypervisors.Faults",
        "Kumoi.Hypervisors", "Kumoi.Journal", "Kumoi.Text",
    ];

    private static readonly Rooms House = Rooms.Read();

    [Fact]
    public void No_rooms_know_each_other_in_a_circle()
    {
        var circles = House.All.Select(CircleOf).Where(circle => circle.Count > 1).DistinctBy(circle => string.Join(' ', circle)).ToList();
        Assert.True(circles.Count == 0, string.Join('\n', circles.Select(Describe)));
    }

    [Fact]
    public void Every_arrow_points_downwards()
    {
        var upwards = House.Arrows.Where(arrow => Level(arrow.Key.From) > Level(arrow.Key.To))
            .Select(arrow => $"{arrow.Key.From} → {arrow.Key.To}: {string.Join(", ", arrow.Value.Take(6))}");
        Assert.Empty(upwards);
    }

    [Fact]
    public void Only_who_opens_links_knows_the_drivers()
    {
        string[] drivers = ["Kumoi.Hypervisors.Libvirt", "Kumoi.Hypervisors.Simulated"];
        var knowing = House.Arrows.Keys.Where(arrow => IsIn(arrow.To, drivers) && !IsIn(arrow.From, drivers)).Select(arrow => arrow.From)
            .Distinct();
        Assert.Equal(["Kumoi.PowerShell.Session"], knowing);
    }

    [Fact]
    public void The_picture_in_the_page_is_what_the_code_gives()
    {
        var path = Path.Combine(Rooms.Source, "..", "docs", "architecture.md");
        var page = File.ReadAllText(path).ReplaceLineEndings("\n");
        var drawn = RoomsPicture.PutInto(page, House);
        if (Environment.GetEnvironmentVariable("KUMOI_DRAW") is "1")
        {
            File.WriteAllText(path, drawn);
            return;
        }

        Assert.True(
            page == drawn, "docs/architecture.md shows other rooms or arrows than the assemblies have. Draw it anew: ./build.sh docs");
    }

    private static bool IsIn(string room, string[] houses) =>
        Array.Exists(houses, house => room == house || room.StartsWith(house + ".", StringComparison.Ordinal));

    /// <summary>The place in the order of the longest name that the room begins with.</summary>
    private static int Level(string room)
    {
        var level = Enumerable.Range(0, Order.Length).Where(i => IsIn(room, [Order[i]])).OrderByDescending(i => Order[i].Length).ToList();
        Assert.True(level.Count > 0, $"{room} has no place in the order.");
        return level[0];
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
