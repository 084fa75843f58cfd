using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Journal;
using Kumoi.Lineage;
using Kumoi.Speculation;
using Xunit;

namespace Kumoi.Tests.Lineage;

/// <summary>Which element is replaced after which failure: one table for the list and, in FaultRules.Tests.ps1, for the cmdlets.</summary>
public sealed class FaultRulesTests
{
    public static TheoryData<string, string, string> Table { get; } = ReadTable();

    [Theory]
    [MemberData(nameof(Table))]
    public async Task The_list_replaces_what_the_table_says(string choice, string failure, string expected)
    {
        Exception? made = null;
        var replaced = "nothing";
        try
        {
            replaced = choice switch
            {
                "hosts" => await Hosts().ForEachAsync(Fail) is { Items: ["h1"] } ? "nothing" : "host",
                "VMs" => await VMs().ForEachAsync(Fail) is { Items: ["v1"] } ? "nothing" : "VM",
                "VMs in hosts" =>
                    await Hosts().Select(async (host, _) => host + (await VMs().ForEachAsync(Fail)).Items[0]).FirstAsync() is ['h', '1', ..]
                    ? "VM" : "host",
                "hosts in VMs" =>
                    await VMs().Select(async (vm, _) => vm + (await Hosts().ForEachAsync(Fail)).Items[0]).FirstAsync() is ['v', '1', ..]
                    ? "host" : "VM",
                "pairs of a VM and a host" => (await VMs().Zip(Hosts()).ForEachAsync(_ => Fail(""))).Items[0] switch
                {
                    ("v2", "h1") => "VM",
                    ("v1", "h2") => "host",
                    _ => "VM and host",
                },
                _ => throw new InvalidOperationException(choice),
            };
        }
        catch (Exception e) when (e is HypervisorException or CompensationFailedException)
        {
            Assert.Same(made, e);
        }

        Assert.Equal(expected, replaced);
        Assert.NotNull(made);

        // The first that is tried fails, whatever it is.
        void Fail(string element)
        {
            if (made is null)
            {
                throw made = FailureOf(failure);
            }
        }
    }

    [Fact]
    public async Task After_a_mistake_in_the_request_no_other_VM_is_taken()
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=1&vms=3&running=0");
        var failure = FailureOf("WrongRequest");
        LineageTrace? trace = null;
        var vms = (await lab.Host("kvm01").Link.SendAsync(new ReadVMs(), default)).AsLineage();
        Assert.Same(failure, await Assert.ThrowsAsync<HypervisorException>(
            () => vms.Take(1).ForEachAsync(_ => throw failure, new LineageOptions { Traced = done => trace = done })));
        Assert.Equal("no substitution: the request is wrong, and another VM is not what was meant", trace!.Steps[^1].Detail);
    }

    [Theory]
    [MemberData(nameof(Barring))]
    public async Task After_some_failures_nothing_is_substituted_however_they_are_wrapped(Exception failure)
    {
        foreach (var wrapped in new[] { failure, new InvalidOperationException("no db", failure), new AggregateException(
            new TimeoutException(), failure) })
        {
            var tried = 0;
            Assert.Same(wrapped, await Record.ExceptionAsync(() => Hosts().ForEachAsync(_ => { tried++; throw wrapped; })));
            Assert.Equal(1, tried);
        }
    }

    public static TheoryData<Exception> Barring { get; } =
    [
        FailureOf("OutcomeUnknown"),
        FailureOf("NotUndone"),
        new CompensationFailedException(new InvalidOperationException("no memory"), new InvalidOperationException("no answer")),
        new JournalException("the disk is full", JournalError.Unavailable, ""),
    ];

    [Fact]
    public async Task An_outcome_that_was_found_out_is_no_longer_unknown()
    {
        var settled = new SpeculationFailedException("'web' stays on kvm01", FailureOf("OutcomeUnknown"), []);
        Assert.Equal(["h2"], (await Hosts().ForEachAsync(host => { if (host is "h1") { throw settled; } })).Items);
    }

    [Fact]
    public void Of_an_operation_a_failure_of_a_kind_that_nobody_has_thought_of_leaves_the_outcome_open()
    {
        var unforeseen = new InvalidOperationException();
        Assert.True(FaultRules.OperationMayHaveTakenEffect(unforeseen));
        Assert.False(FaultRules.MayHaveTakenEffect(unforeseen));
        Assert.False(FaultRules.OperationMayHaveTakenEffect(FailureOf("Host")));
    }

    private static LineageList<string> Hosts() => new[] { "h1", "h2" }.AsLineage(domains: FaultRules.Of(typeof(KumoiHost))).Take(1);

    private static LineageList<string> VMs() => new[] { "v1", "v2" }.AsLineage(domains: FaultRules.Of(typeof(KumoiVM))).Take(1);

    private static Exception FailureOf(string failure)
    {
        var unknown = new HypervisorException("answer lost", outcomeUnknown: true);
        return failure switch
        {
            "OutcomeUnknown" => unknown,
            "OutcomeUnknownAndUndone" => new HypervisorException("answer lost", innerException: unknown),
            "NotUndone" => new CompensationFailedException(new HypervisorException("no memory"), new HypervisorException("no answer")),
            "WrongRequest" => new HypervisorException("it runs already", FaultDomain.VM, error: HypervisorError.InvalidState),
            _ => new HypervisorException("broken", Enum.Parse<FaultDomain>(failure)),
        };
    }

    private static TheoryData<string, string, string> ReadTable()
    {
        using var reader = new StreamReader(typeof(FaultRulesTests).Assembly.GetManifestResourceStream("FaultRules.csv")!);
        var table = new TheoryData<string, string, string>();
        foreach (var row in reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries).Skip(1)
            .Select(line => line.Trim().Split(',')))
        {
            // That of a wrong request needs real VMs: it has a test of its own.
            if (row[1] is not "WrongRequest")
            {
                table.Add(row[0], row[1], row[2]);
            }
        }

        return table;
    }
}
