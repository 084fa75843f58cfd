namespace Kumoi.Tests.Lineage;

internal sealed class PlannedException(int op, string element) : Exception($"planned failure of {element} at {op}")
{
    public int Op => op;

    public string Element => element;
}
