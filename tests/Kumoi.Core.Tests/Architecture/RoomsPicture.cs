using System.Text;

namespace Kumoi.Tests.Architecture;

/// <summary>
/// The picture of the rooms in docs/architecture.md, drawn from the compiled assemblies. An arrow that follows from others is left out:
/// who uses a room may use what stands below it.
/// </summary>
internal static class RoomsPicture
{
    public const string Begin = "<!-- The picture begins. ./build.sh docs draws it from the compiled assemblies. -->";
    public const string End = "<!-- The picture ends. -->";

    /// <summary>The page with the picture as the code gives it.</summary>
    public static string PutInto(string page, Rooms house)
    {
        var begin = page.IndexOf(Begin, StringComparison.Ordinal);
        var end = page.IndexOf(End, StringComparison.Ordinal);
        return begin >= 0 && end > begin
            ? $"{page[..(begin + Begin.Length)]}\n{Draw(house)}{page[end..]}"
            : throw new InvalidOperationException("docs/architecture.md has lost the two lines between which the picture stands.");
    }

    private static string Draw(Rooms house)
    {
        var rooms = house.All.Order(StringComparer.Ordinal).ToList();
        var below = rooms.ToDictionary(
            room => room, room => house.Arrows.Keys.Where(arrow => arrow.From == room).Select(arrow => arrow.To).ToHashSet());
        var picture = new StringBuilder("```mermaid\nflowchart TD\n");
        foreach (var part in rooms.GroupBy(HouseOf).OrderByDescending(one => one.Key, StringComparer.Ordinal))
        {
            picture.Append($"  subgraph {part.Key}\n");
            foreach (var room in part)
            {
                picture.Append($"    {room}[{NameOf(room)}]\n");
            }

            picture.Append("  end\n");
        }

        foreach (var room in rooms)
        {
            foreach (var used in below[room].Where(used => !below[room].Any(other => Reaches(below, other, used)))
                .Order(StringComparer.Ordinal))
            {
                picture.Append($"  {room} --> {used}\n");
            }
        }

        return picture.Append("```\n").ToString();
    }

    private static string HouseOf(string room) => room.StartsWith("Kumoi.PowerShell", StringComparison.Ordinal) ? "PowerShell" : "Core";

    private static string NameOf(string room) =>
        room.Replace("Kumoi.PowerShell.", "", StringComparison.Ordinal).Replace("Kumoi.", "", StringComparison.Ordinal);

    /// <summary>Through whatever rooms. That there are no circles is another test's to see: this one must not fail for it.</summary>
    private static bool Reaches(Dictionary<string, HashSet<string>> below, string from, string to)
    {
        HashSet<string> seen = [from];
        var left = new Queue<string>([from]);
        while (from != to && left.TryDequeue(out var room))
        {
            foreach (var next in below[room].Where(seen.Add))
            {
                if (next == to)
                {
                    return true;
                }

                left.Enqueue(next);
            }
        }

        return false;
    }
}
