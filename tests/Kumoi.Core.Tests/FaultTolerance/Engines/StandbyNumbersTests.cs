using Kumoi.FaultTolerance.Engines;
using Xunit;

namespace Kumoi.Tests.FaultTolerance.Engines;

public sealed class StandbyNumbersTests
{
    [Fact]
    public void One_that_its_host_does_not_let_go_is_left_out_there_while_there_is_another()
    {
        var numbers = new StandbyNumbers();
        Assert.Equal(1, numbers.Next("b", serving: null, committed: 0));
        numbers.LeaveOut("b", 1);
        Assert.Equal(2, numbers.Next("b", serving: null, committed: 0));
        Assert.Equal(1, numbers.Next("c", serving: null, committed: 0));

        numbers.LeaveOut("b", 2);
        numbers.LeaveOut("b", 3);
        Assert.Equal(1, numbers.Next("b", serving: null, committed: 0)); // none is left: it may let go by now
    }
}
