namespace Kumoi.Lineage;

/// <summary>One of the two lists that a list was divided into (paper 001, section 4.2).</summary>
internal abstract class SideNode(LineageNode parent, Sides sides, bool left) : LineageNode(parent)
{
    public override void Begin() => sides.Clear(left);

    /// <summary>Takes the element for this side. False: the other side holds it.</summary>
    protected bool Take(LineageItem item) => sides.Take(left, item.Identity);
}
