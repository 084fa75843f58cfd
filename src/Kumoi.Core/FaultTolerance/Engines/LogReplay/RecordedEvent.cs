namespace Kumoi.FaultTolerance.Engines.LogReplay;

/// <summary>The kinds of events in a recording, as QEMU numbers them.</summary>
internal enum RecordedEvent : byte
{
    /// <summary>The guest has carried out some.</summary>
    Instructions = 0,

    /// <summary>The guest is interrupted.</summary>
    Interrupt = 1,

    /// <summary>The guest has an exception.</summary>
    Exception = 2,

    /// <summary>What was put off is done.</summary>
    BottomHalf = 3,

    /// <summary>The same, once.</summary>
    OneShot = 4,

    /// <summary>A key, a button or a move.</summary>
    Input = 5,

    /// <summary>The end of some of those.</summary>
    InputSync = 6,

    /// <summary>A character device has got something.</summary>
    CharRead = 7,

    /// <summary>A disk is done with a request.</summary>
    Block = 8,

    /// <summary>A packet has come.</summary>
    Net = 9,

    /// <summary>The first of twelve: why the VM is shut down.</summary>
    Shutdown = 10,

    /// <summary>How much a character device has taken.</summary>
    CharWrite = 22,

    /// <summary>What was read from a character device.</summary>
    CharReadAll = 23,

    /// <summary>That it could not be read.</summary>
    CharReadAllError = 24,

    /// <summary>How much sound was played.</summary>
    AudioOut = 25,

    /// <summary>Sound that was recorded. How long it is depends on the sound card.</summary>
    AudioIn = 26,

    /// <summary>A random number.</summary>
    Random = 27,

    /// <summary>The host's clock was read.</summary>
    HostClock = 28,

    /// <summary>The clock that goes on while the VM runs was read: by it a guest's sleep is measured.</summary>
    Clock = 29,

    /// <summary>The guest rests: QEMU looks for how long it will.</summary>
    Rests = 30,

    /// <summary>The guest may go on: it has slept, if it has, until now.</summary>
    GoesOn = 31,

    /// <summary>The first of two requests: a reset, and to suspend.</summary>
    Request = 32,

    /// <summary>A timer of the guest is due.</summary>
    GuestTimer = 34,

    /// <summary>Timers by the host's clock are looked at.</summary>
    HostTimers = 35,

    /// <summary>Timers by the VM's clock are looked at: what ends a sleep is one.</summary>
    Timers = 36,

    /// <summary>The first of two: QEMU has begun, and has reset the VM.</summary>
    Begin = 37,

    /// <summary>No more comes.</summary>
    End = 39,
}
