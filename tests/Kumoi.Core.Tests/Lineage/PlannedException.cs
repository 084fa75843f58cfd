namespace Kumoi.Tests.Lineage;

internal sealed class PlannedException(int op, int element) : Exception($"planned failure of {element} at {op}")
{
    public int Op => op;

    public int Element => element;
}
