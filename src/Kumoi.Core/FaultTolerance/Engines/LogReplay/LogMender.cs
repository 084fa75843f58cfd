using System.Buffers;
using System.Buffers.Binary;

namespace Kumoi.FaultTolerance.Engines.LogReplay;

/// <summary>
/// Mends what QEMU records of a VM that is stopped in the moment in which its guest's sleep ends. The timer that ends the sleep goes off
/// while the VM stands still, and QEMU does not add the sleep to the guest's clock. The log does not say so: a replica, which does not
/// stand still there, adds it, and waits for ever for the end of a sleep that it has ended.
/// </summary>
/// <remarks>
/// QEMU reads the VM's clock to see which timers are due, then, if the sleep's is, to know how long the guest has slept, and else to know
/// when it will be. So where it has not read the clock a second time, the sleep was forgotten, and there the mended log has the clock by
/// which it began: what a replica adds is a sleep of no length. Where its beginning is not known for certain, the log stays as it is.
/// </remarks>
internal sealed class LogMender
{
    private readonly RecordedEvents _events = new();
    private readonly ArrayBufferWriter<byte> _passed = new();
    private readonly ArrayBufferWriter<byte> _held = new();
    private RecordedEvent _last = RecordedEvent.End;
    private RecordedEvent _beforeLast = RecordedEvent.End;
    private bool _isDueNext; // the clock was read to see which timers are due, and may be read for another reason next
    private bool _areHostTimersLookedAt;
    private Sleep _sleep;
    private long _since;

    /// <summary>What is known of the guest's sleep.</summary>
    private enum Sleep
    {
        None,

        /// <summary>It began at a known moment, or something was due at once.</summary>
        Perhaps,

        /// <summary>It began at a known moment.</summary>
        Since,

        /// <summary>It is over, or goes on: what comes next tells.</summary>
        PerhapsOver,

        /// <summary>It may have begun, and when is not known.</summary>
        Unknown,
    }

    /// <summary>How much was added to what QEMU has recorded, in bytes.</summary>
    public long Added { get; private set; }

    /// <summary>How much is held back, in bytes: until an event comes that tells whether something is to be put in before.</summary>
    public int Held => _held.WrittenCount;

    /// <summary>Takes what was recorded next, and returns what the replica is to have next. That is good until the next call.</summary>
    public ReadOnlyMemory<byte> Mend(ReadOnlySpan<byte> recorded)
    {
        _passed.ResetWrittenCount();
        foreach (var value in recorded)
        {
            if (_events.IsOver)
            {
                Pass();
                _passed.Write([value]);
                continue;
            }

            if (_isDueNext && _events.IsBetween)
            {
                Look((RecordedEvent)value);
            }

            (_isDueNext ? _held : _passed).Write([value]);
            _events.Take(value);
            if (_events.IsBetween && _events.Event is not RecordedEvent.End)
            {
                See(_events.Event);
            }
        }

        return _passed.WrittenMemory;
    }

    /// <summary>What has begun after the clock was read for the timers that are due.</summary>
    private void Look(RecordedEvent begun)
    {
        if (begun is RecordedEvent.HostClock)
        {
            return; // when the host's timers will be due
        }

        if (begun is RecordedEvent.Clock)
        {
            if (_last is RecordedEvent.Clock && _sleep is Sleep.Since)
            {
                // At once, it was for the sleep: unless no timers of the host come before.
                _sleep = _areHostTimersLookedAt ? Sleep.None : Sleep.PerhapsOver;
            }
        }
        else if (IsOfGuest(begun))
        {
            if (_sleep is Sleep.Since)
            {
                Span<byte> clock = [(byte)RecordedEvent.Clock, 0, 0, 0, 0, 0, 0, 0, 0];
                BinaryPrimitives.WriteInt64BigEndian(clock[1..], _since);
                _passed.Write(clock);
                Added += clock.Length;
            }

            _sleep = Sleep.None;
        }

        Pass();
    }

    private void See(RecordedEvent happened)
    {
        switch (happened)
        {
            case RecordedEvent.GoesOn:
            case RecordedEvent.GuestTimer when _sleep is Sleep.Perhaps:
                _sleep = Sleep.None;
                break;
            case RecordedEvent.Rests when _sleep is Sleep.PerhapsOver:
                _sleep = Sleep.Unknown;
                break;
            case RecordedEvent.Clock when _last is RecordedEvent.Rests && _sleep is Sleep.None:
                (_sleep, _since) = (Sleep.Perhaps, _events.Clock);
                break;
            case RecordedEvent.Timers:
                _areHostTimersLookedAt = _last is RecordedEvent.HostClock && _beforeLast is RecordedEvent.HostTimers;
                _sleep = _sleep is Sleep.None or Sleep.Unknown ? Sleep.Unknown : Sleep.Since;
                break;
            case RecordedEvent.Clock when _last is RecordedEvent.Timers:
                _isDueNext = true;
                break;
        }

        (_beforeLast, _last) = (_last, happened);
    }

    private void Pass()
    {
        _passed.Write(_held.WrittenSpan);
        _held.ResetWrittenCount();
        _isDueNext = false;
    }

    /// <summary>None of these comes between two looks at the clock by which the same timers are seen.</summary>
    private static bool IsOfGuest(RecordedEvent begun) => begun is RecordedEvent.Instructions or RecordedEvent.Interrupt
        or RecordedEvent.Exception or RecordedEvent.Rests or RecordedEvent.GoesOn or RecordedEvent.GuestTimer or RecordedEvent.HostTimers;
}
