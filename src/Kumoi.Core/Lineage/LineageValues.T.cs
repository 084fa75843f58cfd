namespace Kumoi.Lineage;

internal abstract class LineageValues<T> : LineageValues
{
    public abstract T Of(LineageItem item);
}
