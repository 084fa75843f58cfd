namespace Kumoi.Hypervisors.Libvirt.Reading;

/// <summary>When a hypervisor was asked: by the clock, which may be set, and by the timestamp, which only grows.</summary>
internal readonly record struct ReadingMoment(DateTimeOffset Clock, long Timestamp)
{
    public static ReadingMoment Now(TimeProvider time) => new(time.GetUtcNow(), time.GetTimestamp());
}
