using Kumoi.Journal;

namespace Kumoi.Fleets.Journaling;

/// <summary>
/// The changes of one piece of work that may have taken effect and that nobody has proven either way, collected from the calls themselves:
/// a script that hides an error, or throws another, hides nothing here. A watch that was begun within another is a part of it. It goes
/// along to threads that are begun within it, jobs and other runspaces of a script among them.
/// </summary>
internal sealed class OpenOutcomes
{
    private static readonly AsyncLocal<OpenOutcomes?> Ambient = new();

    private readonly OpenOutcomes? _parent;
    private readonly HashSet<OpenOutcome> _left = [];

    /// <summary>Begins to watch, as a part of <paramref name="parent"/>; null: it tells nobody.</summary>
    public OpenOutcomes(OpenOutcomes? parent)
    {
        _parent = parent;
        Depth = parent is null ? 0 : parent.Depth + 1;
    }

    /// <summary>The watch that the current work is in; null: none.</summary>
    public static OpenOutcomes? Current => Ambient.Value;

    /// <summary>In how many others this one was begun.</summary>
    public int Depth { get; }

    /// <summary>What is open, or still under way.</summary>
    public IReadOnlyList<OpenOutcome> Left
    {
        get
        {
            lock (_left)
            {
                return [.. _left];
            }
        }
    }

    public bool IsOpen
    {
        get
        {
            lock (_left)
            {
                return _left.Count > 0;
            }
        }
    }

    /// <summary>What is begun from here on, and what that begins, is watched, until the end of the scope.</summary>
    public IDisposable Enter()
    {
        var scope = new Scope(Ambient.Value);
        Ambient.Value = this;
        return scope;
    }

    /// <summary>A change is about to be asked for. Until it has ended, its outcome is open.</summary>
    public static OpenOutcome Begin(OperationIntent intent)
    {
        var vm = intent.VM ?? intent.VMId?.ToString("D");
        var begun = new OpenOutcome(intent.Id, intent.VMHost, $"{intent.Kind} of {(vm is null ? "a VM" : $"'{vm}'")} on {intent.VMHost}");
        Ambient.Value?.Add(begun);
        return begun;
    }

    /// <summary>What an operation made on the host was found and removed: whether it had been made is no longer open.</summary>
    public static void Undone(OperationIntent undoing)
    {
        foreach (var open in Ambient.Value?.Left ?? [])
        {
            if (open.Operation == undoing.Id && string.Equals(open.VMHost, undoing.VMHost, StringComparison.Ordinal))
            {
                open.Close();
            }
        }
    }

    /// <summary>Something else whose outcome is open.</summary>
    public void Add(string what, string why)
    {
        var open = new OpenOutcome(Guid.NewGuid(), "", what);
        open.Leave(why);
        Add(open);
    }

    private void Add(OpenOutcome open)
    {
        for (var watch = this; watch is not null; watch = watch._parent)
        {
            lock (watch._left)
            {
                watch._left.Add(open);
            }

            open.Closed += watch.Remove;
        }
    }

    private void Remove(OpenOutcome closed)
    {
        lock (_left)
        {
            _left.Remove(closed);
        }
    }

    private sealed class Scope(OpenOutcomes? before) : IDisposable
    {
        public void Dispose() => Ambient.Value = before;
    }
}
