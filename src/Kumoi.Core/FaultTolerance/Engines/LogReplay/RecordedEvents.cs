using System.Buffers.Binary;

namespace Kumoi.FaultTolerance.Engines.LogReplay;

/// <summary>
/// Finds the events in what QEMU (7.2 to 10: version 0xe0200c) records, byte by byte. The form is that of replay/replay-internal.h of QEMU,
/// and of who puts the events there.
/// </summary>
internal sealed class RecordedEvents
{
    private readonly byte[] _fields = new byte[40]; // those that an event's length depends on, and clocks
    private long _left = 12; // of the header, or of the event's fields as far as their length is known
    private long _read;

    /// <summary>Whether the next byte is the first one of an event.</summary>
    public bool IsBetween => _left == 0;

    /// <summary>The event is of a kind that has no known length, or the last one: where others begin is not known from there on.</summary>
    public bool IsOver { get; private set; }

    /// <summary>The last event.</summary>
    public RecordedEvent Event { get; private set; } = RecordedEvent.End;

    /// <summary>The clock that the last event has, if it is one of a clock.</summary>
    public long Clock => BinaryPrimitives.ReadInt64BigEndian(_fields);

    /// <summary>Takes the next byte.</summary>
    public void Take(byte value)
    {
        if (_left == 0)
        {
            (Event, _read) = ((RecordedEvent)value, 0);
        }
        else
        {
            if (_read < _fields.Length && Event is not RecordedEvent.End)
            {
                _fields[_read] = value;
            }

            _read++;
            if (--_left > 0 || Event is RecordedEvent.End)
            {
                return; // of the header nothing is looked at
            }
        }

        if (LengthOf(Event, _fields.AsSpan(0, (int)Math.Min(_read, _fields.Length))) is { } length)
        {
            _left = length - _read;
        }
        else
        {
            IsOver = true;
        }
    }

    /// <summary>How long the fields are, as far as that is known from the first ones.</summary>
    private static long? LengthOf(RecordedEvent kind, ReadOnlySpan<byte> fields) => kind switch
    {
        RecordedEvent.Instructions or RecordedEvent.CharReadAllError => 4,
        RecordedEvent.Interrupt or RecordedEvent.Exception or RecordedEvent.InputSync => 0,
        RecordedEvent.BottomHalf or RecordedEvent.OneShot or RecordedEvent.Block => 8,
        RecordedEvent.HostClock or RecordedEvent.Clock or RecordedEvent.CharWrite or RecordedEvent.AudioOut => 8,
        RecordedEvent.Input => LengthOfInput(fields),
        RecordedEvent.CharRead => WithData(5, fields),
        RecordedEvent.Net => WithData(9, fields),
        RecordedEvent.CharReadAll => WithData(4, fields),
        RecordedEvent.Random => WithData(8, fields),
        >= RecordedEvent.Shutdown and < RecordedEvent.CharWrite => 0,
        >= RecordedEvent.Rests and < RecordedEvent.End => 0,
        _ => null,
    };

    private static long WithData(int length, ReadOnlySpan<byte> fields) => fields.Length < length
        ? length : length + BinaryPrimitives.ReadUInt32BigEndian(fields[(length - 4)..]);

    /// <summary>Of a key (a number or a code), a button, a move (relative or absolute), or a touch.</summary>
    private static long? LengthOfInput(ReadOnlySpan<byte> fields) => fields.Length < 4 ? 4 : Word(fields, 0) switch
    {
        0 when fields.Length < 8 => 8,
        0 when Word(fields, 4) is 0 => 17,
        0 when Word(fields, 4) is 1 => 13,
        1 => 9,
        2 or 3 => 16,
        4 => 36,
        _ => null,
    };

    private static uint Word(ReadOnlySpan<byte> fields, int at) => BinaryPrimitives.ReadUInt32BigEndian(fields[at..]);
}
