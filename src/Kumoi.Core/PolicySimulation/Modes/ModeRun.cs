using Kumoi.FaultTolerance.Modes;

namespace Kumoi.PolicySimulation.Modes;

/// <summary>
/// One pair with one rule for its mode, and one guest. A change of mode costs nothing but the checkpoint at which it is made: the backup is
/// left running after it or stopped (the paper's passive secondary).
/// </summary>
internal sealed class ModeRun(GuestTrace guest, PairModel model, ModeController controller)
{
    private readonly LatencyDistribution _held = new();
    private readonly List<double> _missing = [];
    private double _now;
    private double _paused;
    private double _colo;
    private double _cpuSec;
    private double _aloneCpuSec;
    private double _bytes;
    private int _checkpoints;
    private int _changes;

    /// <summary>Simulates the whole time.</summary>
    /// <param name="note">Is told every stretch and what was decided on it.</param>
    public ModeFigures Run(Action<ModeStretch, ModeDecision>? note = null)
    {
        while (_now < guest.DurationSec)
        {
            var stretch = Step(controller.Current);
            var decision = controller.Add(stretch);
            _changes += decision.IsChange ? 1 : 0;
            note?.Invoke(stretch, decision);
        }

        return new()
        {
            DowntimeRatio = _paused / _now,
            LatencyMs = _held.MeanMs,
            LatencyP99Ms = _held.Quantile(0.99),
            CpuRatio = _cpuSec / _aloneCpuSec,
            NetworkBytesPerSec = _bytes / _now,
            ColoShare = _colo / _now,
            ChangesPerHour = _changes / _now * 3600,
            Checkpoints = _checkpoints,
        };
    }

    private ModeStretch Step(ModeDecision decision)
    {
        var begin = _now;
        var isColo = decision.Mode is PairMode.Colo;
        _missing.Clear();
        var (due, isMismatch) = isColo
            ? guest.NextColoCheckpoint(begin, decision.Period.TotalSeconds, model.CompareTimeoutSec, _missing)
            : (begin + decision.Period.TotalSeconds, false);
        var end = due + (isColo ? 0 : model.CopySec);
        var ran = end - begin;
        var bytes = model.DeviceBytes + guest.DirtyBytes(begin, end);
        var pause = (model.BasePauseSec + (bytes / model.BytesPerSec)) * guest.PauseFactorAt(end);
        var kind = guest.KindAt(begin);
        if (isColo)
        {
            HoldInColo(kind, end, ran, pause);
        }
        else
        {
            _held.AddEvenly(1000 * pause, 1000 * (ran + pause), kind.OutputBytesPerSec * ran);
        }

        // A checkpoint keeps a core busy on each host while the guest stands still.
        _cpuSec += (kind.Cores * ran * (isColo ? 2 : 1)) + (2 * pause);
        _aloneCpuSec += kind.Cores * (ran + pause);
        _bytes += bytes + (isColo ? (kind.OutputBytesPerSec + kind.InputBytesPerSec) * ran : 0);
        _paused += pause;
        _colo += isColo ? ran + pause : 0;
        _checkpoints++;
        _now = end + pause;
        var cost = new CheckpointMeasure(TimeSpan.FromSeconds(pause), TimeSpan.FromSeconds(_now - due), (long)bytes);
        return new(
            decision.Mode, TimeSpan.FromSeconds(due - begin), isMismatch ? CheckpointCause.Mismatch : CheckpointCause.Period, cost);
    }

    /// <summary>
    /// Output goes out when the other guest's has come. What has not been compared when the guest stops waits for the checkpoint, as does
    /// that of a connection from its missing output on.
    /// </summary>
    private void HoldInColo(GuestKind kind, double end, double ran, double pause)
    {
        var rate = kind.OutputBytesPerSec;
        var uncompared = Math.Min(model.CompareSec, ran);
        var compared = rate * (ran - uncompared);
        _held.AddEvenly(1000 * pause, 1000 * (pause + uncompared), rate * uncompared);
        foreach (var since in _missing.Take(kind.Connections))
        {
            var waits = end - since;
            var own = Math.Min(rate / kind.Connections * waits, compared);
            _held.AddEvenly(1000 * pause, 1000 * (pause + waits), own);
            compared -= own;
        }

        _held.Add(1000 * model.CompareSec, compared);
    }
}
