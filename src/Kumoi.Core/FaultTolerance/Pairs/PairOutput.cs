using Kumoi.FaultTolerance.Engines;
using Kumoi.FaultTolerance.Gates;
using Kumoi.FaultTolerance.Protocols;
using Kumoi.Hypervisors;

namespace Kumoi.FaultTolerance.Pairs;

/// <summary>What a VM puts out: what is held of it, and what has gone out.</summary>
/// <exception cref="IOException">Another controller has the pair.</exception>
internal sealed class PairOutput(PairPlan plan) : IDisposable
{
    private readonly HeldOutput _held = new(plan.VM, plan.Folder);
    private ConsoleGate? _console;
    private NetworkGate? _network;

    /// <summary>What the outside has seen of the console.</summary>
    public ConsoleLog Log { get; } = new(plan.ConsoleLog);

    /// <summary>All output of the console since its gate was made was taken.</summary>
    public bool IsWhole => _console?.IsWhole ?? true;

    /// <summary>The QEMU at the console's gate has ended: the id of its domain. Never, where it is on a computer of its own.</summary>
    public Task<Guid> ProcessEnded => plan.SeesProcesses && _console is { } console ? console.ProcessEnded : Never;

    private static Task<Guid> Never { get; } = new TaskCompletionSource<Guid>().Task;

    public ConsoleGate Console => _console ?? throw new InvalidOperationException("The console has no gate.");

    /// <summary>Makes the gate to which the console of the VM, or of the standby that it is now, connects.</summary>
    public void MakeGate(int? standby)
    {
        Forget();
        _console = new ConsoleGate(plan.ConsoleSocketOf(standby), Log, Log.Length, plan.GateBytes);
    }

    /// <summary>Holds the console's output, by the gate that is there, or by a new one.</summary>
    /// <param name="standby">Which standby the VM is.</param>
    /// <param name="isFromCut">
    /// Nothing before the cut of the first checkpoint: until then nothing is anywhere that could contradict it, and nobody feels how long it
    /// takes until a backup is ready. Else: from now on.
    /// </param>
    public void Hold(int? standby, bool isFromCut)
    {
        EnsureGate(standby);
        Console.Open(isFromCut);
    }

    public void EnsureGate(int? standby)
    {
        if (_console is null)
        {
            MakeGate(standby);
        }
    }

    /// <summary>The gate for what the VM sends.</summary>
    /// <param name="host">Where it runs.</param>
    /// <param name="domain">What it is there.</param>
    /// <param name="isHeld">Holds from now on; false: from the cut of the first checkpoint on.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    public async Task<NetworkGate> NetworkAsync(IHypervisorLink host, Guid domain, bool isHeld, CancellationToken cancellationToken)
    {
        var gate = _network ??= plan.Engine is CheckpointEngine.Colo ? NetworkGate.WithoutCards(host, domain) : new NetworkGate(host, domain);
        if (isHeld)
        {
            await gate.CloseAsync(cancellationToken);
        }

        return gate;
    }

    /// <summary>Another host has the VM now, and its console is connected to another gate.</summary>
    public async Task TakeOverAsync(Func<Task<ConsoleGate>> bring)
    {
        Forget();
        _console = await bring();
    }

    /// <summary>Lets out what a committed checkpoint covers, wherever its controller has died.</summary>
    public void Release(CheckpointMark checkpoint) => _held.Release(checkpoint, Log);

    /// <summary>What the checkpoint covers is in a file, and goes out when it is committed.</summary>
    public Task WriteAsync(CheckpointMark checkpoint, CancellationToken cancellationToken) =>
        _held.WriteAsync(checkpoint, Console, cancellationToken);

    public void Drop(CheckpointMark? but) => _held.Drop(but);

    /// <summary>Lets out all that is held of the console, and from now on everything at once.</summary>
    public void Open()
    {
        _held.Drop(but: null);
        _console?.Open(true);
    }

    /// <summary>Lets out all that was sent, and from now on everything at once. False: it is to be tried again.</summary>
    public async Task<bool> OpenNetworkAsync(IHypervisorLink host, Guid domain, CancellationToken cancellationToken)
    {
        _network = null;
        try
        {
            await NetworkGate.OpenAsync(host, domain, cancellationToken);
            return true;
        }
        catch (HypervisorException e)
        {
            return e.Error is HypervisorError.VMNotFound;
        }
    }

    public void Dispose()
    {
        Forget();
        Log.Dispose();
    }

    private void Forget()
    {
        _console?.Dispose();
        (_console, _network) = (null, null);
    }
}
