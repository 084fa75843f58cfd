using Kumoi.FaultTolerance.Detection;
using Kumoi.Hypervisors.Calls;
using Xunit;

namespace Kumoi.Tests.FaultTolerance.Detection;

public sealed class HostHearingTests
{
    [Fact]
    public async Task The_end_of_a_VM_is_known_when_its_hypervisor_tells_and_not_when_the_host_is_asked_next()
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=1&vms=1&running=1");
        var host = lab.Host("kvm01").Link;
        var vm = (await lab.VMsAsync("kvm01"))[0];
        var hearing = new HostHearing(TimeSpan.FromSeconds(2), new ManualTime()); // nobody lets that clock go on

        var gone = hearing.UntilGoneAsync(host, vm.Id, CancellationToken.None);
        await host.SendAsync(new DestroyVM(vm.Id), CancellationToken.None);

        Assert.Null(await gone.WaitAsync(TimeSpan.FromMinutes(1)));
    }
}
