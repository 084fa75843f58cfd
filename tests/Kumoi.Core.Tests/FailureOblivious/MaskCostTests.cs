using Kumoi.FailureOblivious;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Xunit;

namespace Kumoi.Tests.FailureOblivious;

public sealed class MaskCostTests
{
    private static readonly VMSpec Spec = new() { Name = "web" };
    private static readonly MigrationOptions Options = new();

    private static readonly Dictionary<string, Func<IHypervisorLink, bool>> Calls = new(StringComparer.Ordinal)
    {
        ["ReadHost"] = Send(new ReadHost(IncludeVMs: false)),
        ["ReadVMs"] = Send(new ReadVMs()),
        ["FindVM by id"] = Send(new FindVM(Guid.Empty)),
        ["FindVM by name"] = Send(new FindVMByName("web")),
        ["ReadXml"] = Send(new ReadXml(Guid.Empty)),
        ["Define"] = Send(new DefineVM(Spec)),
        ["Start"] = Send(new StartVM(Guid.Empty)),
        ["Migrate"] = Send(new MigrateVM(Guid.Empty, new ReadyLink(), Options)),
    };

    public static TheoryData<string> Members => [.. Calls.Keys];

    [Theory]
    [MemberData(nameof(Members))]
    public async Task A_call_that_succeeds_at_once_allocates_nothing_more_in_a_scope(string member)
    {
        await using var lab = LabFleet.Empty();
        var link = await TestLinks.OpenAsync(
            "kvm01", () => Task.FromResult<IHypervisorLink>(new ReadyLink()), host => new MaskingLayer(host));
        var call = Calls[member];
        using var scope = FailureObliviousScope.Enter(lab.Fleet);
        // Twice: the first time is for what is compiled and made once.
        Assert.Equal((0, true), (new[] { Allocated(), Allocated() }[1], call(link)));

        long Allocated()
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 1000; i++)
            {
                _ = call(link);
            }

            return GC.GetAllocatedBytesForCurrentThread() - before;
        }
    }

    private static Func<IHypervisorLink, bool> Send<T>(HostCall<T> call) => link => link.SendAsync(call, default).IsCompletedSuccessfully;
}
