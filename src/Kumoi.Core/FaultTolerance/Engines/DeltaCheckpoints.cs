using System.IO.Compression;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Kumoi.FaultTolerance.Detection;
using Kumoi.FaultTolerance.Gates;
using Kumoi.FaultTolerance.Pairs;
using Kumoi.FaultTolerance.Protocols;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.FaultTolerance.Engines;

/// <summary>
/// Checkpoints of what has changed: the VM's memory is in a shared file, of which the changed pages are found while the guest stands still,
/// and its devices are sent by a migration that leaves that memory out. Pages and devices are written beside the pair's record; the pages
/// go into the standby's memory when the checkpoint is committed, so that one that is not whole never touches it.
/// </summary>
/// <remarks>
/// Putting pages in again changes nothing, so that whoever goes on with a committed checkpoint puts its pages in once more. What they are
/// put into is the standby's memory, which is lost with its host.
/// </remarks>
internal sealed class DeltaCheckpoints(PairPlan plan, ConsoleLog log, TimeProvider time) : ICheckpointEngine
{
    private readonly List<(IHypervisorLink Host, Guid Id, ConsoleGate Console)> _left = [];
    private readonly StandbyMaker _maker = new(plan, log, time);
    private DeltaCourse? _course;

    private string StateSocket => Path.Combine(plan.Folder, "state.sock");

    public async Task<MadeCheckpoint?> MakeAsync(CheckpointJob job, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(plan.CheckpointPatience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            return await MakeWithinAsync(job, either.Token);
        }
        catch (HypervisorException)
        {
            await LeaveAsync();
            throw;
        }
        catch (OperationCanceledException)
        {
            await LeaveAsync();
            cancellationToken.ThrowIfCancellationRequested();
            throw new HypervisorException(
                FormattableString.Invariant($"A checkpoint was not ready within {plan.CheckpointPatience.TotalSeconds:0.#} s."),
                FaultDomain.Host, isTransient: true, error: HypervisorError.TimedOut, recommendedAction: "Check the load of both hosts.");
        }
    }

    public async Task<bool> HasAsync(IHypervisorLink host, CheckpointMark checkpoint, CancellationToken cancellationToken) =>
        !(await host.SendAsync(new ReadWhereabouts(PairDomains.Of(plan.VM, checkpoint.Standby)), cancellationToken)).IsNotRunning()
            && await StandbyStart.IsThereAsync(
                host, plan.VM, checkpoint.Standby, checkpoint.Attempt.Split('-')[0], cancellationToken);

    public async Task<TimeSpan> DrillAsync(IHypervisorLink host, CheckpointMark checkpoint, CancellationToken cancellationToken)
    {
        var begun = time.GetTimestamp();
        return await HasAsync(host, checkpoint, cancellationToken)
            ? time.GetElapsedTime(begun)
            : throw new HypervisorException(
                $"{host.HostName} does not have the last checkpoint any more.", error: HypervisorError.VMNotFound,
                recommendedAction: "The next one replaces it: look with Get-KumoiFtPair whether checkpoints are being made.");
    }

    public async Task<ConsoleGate> BringAsync(IHypervisorLink host, CheckpointMark checkpoint, CancellationToken cancellationToken)
    {
        var number = checkpoint.Standby ?? throw new InvalidOperationException($"{checkpoint} is in no standby.");
        var id = PairDomains.Of(plan.VM, number);
        await LeaveAsync();
        var known = _left.Find(left => left.Host == host && left.Id == id).Console;
        _left.RemoveAll(left => left.Host == host && left.Id == id);
        if (await StandbyStart.StatusAsync(host, id, cancellationToken) is not "completed") // else another controller came as far as this
        {
            using (var memory = await SharedMemory.OpenAsync(host, id, RootOf(host), cancellationToken))
            {
                PutIn(checkpoint, memory);
            }

            await LoadAsync(host, id, PathOf(checkpoint, "state"), cancellationToken);
        }

        await host.SendAsync(
            new QemuCommand(id, "migrate-set-capabilities", QemuMigration.LeavingOutShared(false)), cancellationToken);
        var gate = await _maker.GateAsync(known, host, number, checkpoint.Cut, cancellationToken);
        await StandbyStart.AnnounceAsync(host, id, cancellationToken);
        return gate;
    }

    public async Task DropAsync(CheckpointMark? but, CancellationToken cancellationToken)
    {
        if (but is not null && _course is { } course && but.Attempt.StartsWith(course.Attempt, StringComparison.Ordinal))
        {
            PutIn(but, course.Target);
            course.Shadow.Sent();
        }
        else if (but is null)
        {
            await LeaveAsync();
        }

        var kept = but is null ? "-" : Path.GetFileNameWithoutExtension(PathOf(but, "state"));
        foreach (var file in new[] { "pages", "state" }.SelectMany(kind => Directory.EnumerateFiles(plan.Folder, $"{plan.VM:N}-*.{kind}"))
            .Where(file => Path.GetFileNameWithoutExtension(file) != kept))
        {
            File.Delete(file);
        }

        foreach (var left in _left.Where(left => but is null || PairDomains.Of(plan.VM, but.Standby) != left.Id).ToList())
        {
            await RemoveAsync(left.Host, left.Id, cancellationToken);
            left.Console.Dispose();
            _left.Remove(left);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await LeaveAsync();
        _left.ForEach(static left => left.Console.Dispose()); // the standbys themselves stay: another controller may need them
    }

    private async Task<MadeCheckpoint?> MakeWithinAsync(CheckpointJob job, CancellationToken cancellationToken)
    {
        var domain = PairDomains.Of(plan.VM, job.Standby);
        if (_course is { } old && (old.Backup != job.Backup || old.Migration.Host != job.Primary || old.Migration.Domain != domain))
        {
            await LeaveAsync();
        }

        var course = _course ??= await BeginAsync(job, domain, cancellationToken);
        var mark = new CheckpointMark(job.Number, 0)
        {
            Attempt = FormattableString.Invariant($"{course.Attempt}-{++course.Tries}"),
            Standby = course.Number,
        };
        var migration = course.Migration;
        await job.Network.CloseAsync(cancellationToken);
        await migration.LeaveOutSharedAsync(true);
        byte[] state;
        try
        {
            await migration.StopAsync(cancellationToken);
            mark = mark with { Cut = job.Console.Cut() };
            await job.Network.CutAsync(cancellationToken);
            course.Shadow.Look(course.Source);
            state = await SendAsync(migration, cancellationToken);
        }
        finally
        {
            await migration.GoOnAsync();
            await migration.LeaveOutSharedAsync(false); // or a migration by libvirt would leave the memory out too
        }

        var bytes = await WriteAsync(mark, course, state, cancellationToken);
        await course.Backup.SendAsync(new QemuCommand(course.Id, "query-status"), cancellationToken); // it must be there
        await migration.MeasureAsync(cancellationToken);
        return new MadeCheckpoint(mark, migration.Pause, bytes);
    }

    /// <summary>Starts a standby, and takes hold of both memories.</summary>
    private async Task<DeltaCourse> BeginAsync(CheckpointJob job, Guid domain, CancellationToken cancellationToken)
    {
        var backup = job.Backup ?? throw StandbyStart.NoBackup();
        var number = _maker.Next(job, job.Committed);
        var id = PairDomains.Of(plan.VM, number);
        foreach (var left in _left.Where(left => left.Id == id).ToList())
        {
            left.Console.Dispose();
            _left.Remove(left);
        }

        var attempt = Guid.NewGuid().ToString("N");
        var console = await _maker.StartAsync(job, number, attempt, cancellationToken);
        _left.Add((backup, id, console));
        await backup.SendAsync(
            new QemuCommand(id, "migrate-set-capabilities", QemuMigration.LeavingOutShared(true)), cancellationToken);
        var target = await SharedMemory.OpenAsync(backup, id, RootOf(backup), cancellationToken);
        SharedMemory? source = null;
        try
        {
            source = await SharedMemory.OpenAsync(job.Primary, domain, RootOf(job.Primary), cancellationToken);
            if (source.Bytes != target.Bytes)
            {
                throw new HypervisorException(
                    "The standby has another memory than the VM.", FaultDomain.VM, error: HypervisorError.InvalidState,
                    recommendedAction: "Start the VM anew: its definition was changed while it ran.");
            }

            var migration = await QemuMigration.BeginAsync(job.Primary, domain, time, cancellationToken);
            return new DeltaCourse
            {
                Backup = backup,
                Number = number,
                Id = id,
                Attempt = attempt,
                Console = console,
                Migration = migration,
                Source = source,
                Target = target,
                Shadow = new PageShadow(target),
            };
        }
        catch
        {
            source?.Dispose();
            target.Dispose();
            throw;
        }
    }

    /// <summary>The state of the VM's devices.</summary>
    private async Task<byte[]> SendAsync(QemuMigration migration, CancellationToken cancellationToken)
    {
        File.Delete(StateSocket);
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(StateSocket));
        listener.Listen(1);
        var taking = TakeAsync(listener, cancellationToken);
        await migration.SendAsync("unix:" + StateSocket, cancellationToken);
        return await taking;
    }

    private static async Task<byte[]> TakeAsync(Socket listener, CancellationToken cancellationToken)
    {
        using var peer = await listener.AcceptAsync(cancellationToken);
        await using var stream = new NetworkStream(peer);
        using var state = new MemoryStream();
        await stream.CopyToAsync(state, cancellationToken);
        return state.ToArray();
    }

    private async Task LoadAsync(IHypervisorLink host, Guid id, string path, CancellationToken cancellationToken)
    {
        await using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        await using var state = new BrotliStream(file, CompressionMode.Decompress);
        File.Delete(StateSocket);
        await host.SendAsync(
            new QemuCommand(id, "migrate-incoming", new JsonObject { ["uri"] = "unix:" + StateSocket }), cancellationToken);
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(StateSocket), cancellationToken);
        await using (var stream = new NetworkStream(socket))
        {
            await state.CopyToAsync(stream, cancellationToken);
        }

        await StandbyStart.LoadedAsync(host, id, time, cancellationToken);
    }

    /// <summary>Writes the checkpoint beside the record, so that it outlives this controller.</summary>
    private async Task<long> WriteAsync(CheckpointMark mark, DeltaCourse course, byte[] state, CancellationToken cancellationToken)
    {
        await using var pages = new FileStream(PathOf(mark, "pages"), FileMode.Create, FileAccess.Write, FileShare.None);
        course.Shadow.Write(pages);
        pages.Flush(flushToDisk: true);
        await using var devices = new FileStream(PathOf(mark, "state"), FileMode.Create, FileAccess.Write, FileShare.None);
        await using (var packed = new BrotliStream(devices, CompressionLevel.Fastest, leaveOpen: true)) // nearly all of it is zeros
        {
            await packed.WriteAsync(state, cancellationToken);
        }

        devices.Flush(flushToDisk: true);
        return pages.Length + devices.Length;
    }

    private void PutIn(CheckpointMark checkpoint, SharedMemory memory)
    {
        using var pages = new FileStream(PathOf(checkpoint, "pages"), FileMode.Open, FileAccess.Read, FileShare.Read);
        PageShadow.Apply(pages, memory);
    }

    private async Task LeaveAsync()
    {
        if (_course is { } course)
        {
            _course = null;
            await course.DisposeAsync();
        }
    }

    private async Task RemoveAsync(IHypervisorLink host, Guid id, CancellationToken cancellationToken)
    {
        try
        {
            await host.SendAsync(new RemoveStandby(plan.VM, id), cancellationToken);
        }
        catch (HypervisorException)
        {
            // It is removed before another one is made there, and when its host is fenced; nobody lets it go on.
        }
    }

    private string RootOf(IHypervisorLink host) => plan.HostRoots.GetValueOrDefault(host.HostName, "");

    private string PathOf(CheckpointMark checkpoint, string kind) => Path.Combine(
        plan.Folder, FormattableString.Invariant($"{plan.VM:N}-{checkpoint.Number}-{checkpoint.Attempt}.{kind}"));
}
