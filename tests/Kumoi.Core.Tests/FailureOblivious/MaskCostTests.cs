using Kumoi.FailureOblivious;
using Kumoi.Hypervisors;
using Xunit;

namespace Kumoi.Tests.FailureOblivious;

public sealed class MaskCostTests
{
    private static readonly VMSpec Spec = new() { Name = "web" };
    private static readonly MigrationOptions Options = new();
    private static readonly OperationId Operation = OperationId.New();

    private static readonly Dictionary<string, Func<IHypervisorLink, Task>> Calls = new(StringComparer.Ordinal)
    {
        ["ReadHost"] = static link => link.ReadHostAsync(includeVMs: false, default),
        ["ReadVMs"] = static link => link.ReadVMsAsync(default),
        ["FindVM by id"] = static link => link.FindVMAsync(Guid.Empty, default),
        ["FindVM by name"] = static link => link.FindVMAsync("web", default),
        ["ReadXml"] = static link => link.ReadXmlAsync(Guid.Empty, default),
        ["Define"] = static link => link.DefineAsync(Spec, Operation, default),
        ["Start"] = static link => link.StartAsync(Guid.Empty, paused: false, Operation, default),
        ["Migrate"] = static link => link.MigrateAsync(Guid.Empty, link, Options, progress: null, Operation, default),
    };

    public static TheoryData<string> Members => [.. Calls.Keys];

    [Theory]
    [MemberData(nameof(Members))]
    public async Task A_call_that_succeeds_at_once_allocates_nothing_more_in_a_scope(string member)
    {
        await using var lab = LabFleet.Empty();
        var link = new FailureObliviousLink(new ReadyLink(), "kvm01");
        var call = Calls[member];
        using var scope = FailureObliviousScope.Enter(lab.Fleet);
        // Twice: the first time is for what is compiled and made once.
        Assert.Equal((0, true), (new[] { Allocated(), Allocated() }[1], call(link).IsCompletedSuccessfully));

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
}
