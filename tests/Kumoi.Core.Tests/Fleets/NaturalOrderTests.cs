using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace Kumoi.Tests.Fleets;

public sealed class NaturalOrderTests
{
    [Fact]
    public void Numbers_in_names_count_as_numbers_and_case_only_as_a_last_resort()
    {
        string[] expected =
            ["", "kvm", "KVM1", "kvm01", "kvm1", "kvm2", "Kvm10", "kvm10a", "kvm10b2", "kvm10b11", "kvm99999999999999999999", "web"];
        Assert.Equal(expected, expected.Reverse().Order(NaturalOrder.Instance));
    }

    [Fact]
    public void Nothing_comes_first()
    {
        Assert.True(NaturalOrder.Instance.Compare(null, "") < 0);
        Assert.True(NaturalOrder.Instance.Compare("a", null) > 0);
        Assert.Equal(0, NaturalOrder.Instance.Compare(null, null));
    }

    [Fact]
    public void It_is_a_total_order()
    {
        var name = Gen.Elements('a', 'A', 'b', '0', '1', '2', '-').ArrayOf().Select(letters => new string(letters)).Resize(6);
        var order = NaturalOrder.Instance;
        Prop.ForAll(
            Arb.From(name.Three()),
            names =>
            {
                var (a, b, c) = names;
                return Math.Sign(order.Compare(a, b)) == -Math.Sign(order.Compare(b, a))
                    && (order.Compare(a, b) == 0) == (a == b)
                    && !(order.Compare(a, b) <= 0 && order.Compare(b, c) <= 0 && order.Compare(a, c) > 0);
            }).Check(Config.QuickThrowOnFailure.WithMaxTest(20_000));
    }
}
