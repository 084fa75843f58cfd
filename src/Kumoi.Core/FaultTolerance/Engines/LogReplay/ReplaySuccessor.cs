using System.Xml.Linq;
using Kumoi.FaultTolerance.Gates;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.FaultTolerance.Engines.LogReplay;

/// <summary>
/// The QEMU that is going to take over: started beforehand, recorded, and paused, on the backup's host. QEMU cannot end a replay, and to
/// start another one takes longer than all the rest of a takeover: this one only has to load the state in which the replica stands.
/// </summary>
/// <remarks>It is a standby of its own, beside the replica, and its number is what the pair's record has.</remarks>
internal sealed class ReplaySuccessor : IDisposable
{
    private readonly ReplayFiles _files;
    private readonly QemuReplay _qemu;
    private bool _isGivenAway;

    private ReplaySuccessor(ReplayFiles files, QemuReplay qemu, int number, string recording, ConsoleGate console)
    {
        _files = files;
        _qemu = qemu;
        (Number, Recording, Console) = (number, recording, console);
    }

    /// <summary>Which standby it is.</summary>
    public int Number { get; }

    public Guid Domain => _qemu.Domain;

    /// <summary>What it is recorded to. Nothing is, before it goes on.</summary>
    public string Recording { get; }

    public ConsoleGate Console { get; }

    /// <summary>Starts it, in place of what was left there.</summary>
    public static async Task<ReplaySuccessor> StartAsync(
        PairPlan plan, ReplayFiles files, ConsoleLog log, XElement live, IHypervisorLink host, int number, string attempt,
        TimeProvider time, CancellationToken cancellationToken)
    {
        var id = PairDomains.Of(plan.VM, number);
        await host.SendAsync(new RemoveStandby(plan.VM, id), cancellationToken);
        var recording = Guid.NewGuid().ToString("N");
        var gate = new ConsoleGate(plan.ConsoleSocketOf(number), log, from: 0, plan.GateBytes);
        try
        {
            var definition = ReplayDefinition.Successor(live, plan, number, attempt, files.Record(recording));
            await host.SendAsync(new StartStandby(plan.VM, id, definition.ToString()), cancellationToken);
            return new ReplaySuccessor(files, new QemuReplay(host, id, time), number, recording, gate);
        }
        catch
        {
            gate.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Takes the state that a replica was saved to. It is paused still; the gate of its console is the caller's from here on.
    /// </summary>
    /// <param name="image">The image that has the state. It stays as it is.</param>
    /// <param name="position">What the VM had put out by then.</param>
    /// <param name="cancellationToken">Leaves it where it is: it is then of no use, and is started anew.</param>
    public async Task<ConsoleGate> LoadAsync(string image, long position, CancellationToken cancellationToken)
    {
        ReplayImage.GoOnByItsClock(image, _files.Image(Recording));
        await _qemu.AddImageAsync(_files.Image(Recording), cancellationToken);
        await _qemu.LoadAsync(ReplayDefinition.Live, cancellationToken);
        await _qemu.SaveAsync(ReplayDefinition.Begin, cancellationToken); // what the next replica begins with
        Console.BeginAt(position);
        _isGivenAway = true;
        return Console;
    }

    public void Dispose()
    {
        if (!_isGivenAway)
        {
            Console.Dispose();
        }
    }
}
