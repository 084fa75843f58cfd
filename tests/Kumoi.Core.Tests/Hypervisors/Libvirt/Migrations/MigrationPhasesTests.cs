using System.Net;
using System.Xml.Linq;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Migrations;
using Xunit;

namespace Kumoi.Tests.Hypervisors.Libvirt.Migrations;

/// <summary>What migrations that are driven phase by phase decide without a host. With hosts: tests/Lab.</summary>
public sealed class MigrationPhasesTests
{
    private static readonly MigrationPlan Plan = new(
        new SpeculationMark(OperationId.New(), false, "k1", ["k2", "k<3>&'\""], "1/2/m/u"), new MigrationOptions());

    private readonly ManualTime _time = new();

    [Theory]
    [InlineData("tcp:k2:49152", "10.77.0.2:49152")]          // its own name: as its daemon is reached
    [InlineData("tcp:K2:49152", "10.77.0.2:49152")]
    [InlineData("tcp:192.168.7.2:49153", "192.168.7.2:49153")] // migrate_host or migration_address of qemu.conf
    [InlineData("tcp://192.168.7.2:49153", "192.168.7.2:49153")]
    [InlineData("tcp:[fd00::2]:49152", "[fd00::2]:49152")]
    public void A_target_is_reached_where_it_says(string uri, string expected)
    {
        Assert.True(StreamAddress.IsValid(uri));
        Assert.Equal(IPEndPoint.Parse(expected), StreamAddress.Read(uri, "k2", LibvirtUri.Parse("qemu+tcp://10.77.0.2/system")));
    }

    [Fact]
    public void A_target_with_another_name_than_its_host_is_reached_by_that_name() =>
        Assert.Equal(
            new DnsEndPoint("k2-migration", 49152),
            StreamAddress.Read("tcp:k2-migration:49152", "k2", LibvirtUri.Parse("qemu+tcp://10.77.0.2/system")));

    [Theory]
    [InlineData("rdma:k2:49152")]
    [InlineData("unix:///tmp/x")]
    [InlineData("tcp:k2")]
    [InlineData("tcp://:80")]
    [InlineData("tcp::80")]
    [InlineData("tcp:")]
    [InlineData("tcp://")]
    [InlineData("tcp:k2:")]
    [InlineData("tcp:k2:0")]
    [InlineData("tcp:k2:65536")]
    [InlineData("tcp:k2: 80")]
    [InlineData("tcp:k2:-1")]
    [InlineData("tcp:k 2:80")]
    [InlineData("tcp:[]:80")]
    [InlineData("tcp:[k2]:80")]
    [InlineData("tcp:[fd00::2:80")]
    [InlineData("tcp:fd00::2]:80")]
    [InlineData("tcp:a/b:80")]
    [InlineData("tcp:a@b:80")]
    public void Other_transports_and_addresses_that_cannot_be_are_refused(string uri) => Assert.False(StreamAddress.IsValid(uri));

    [Fact]
    public void The_address_of_the_relay_is_written_as_libvirt_reads_it()
    {
        Assert.Equal("tcp:10.77.0.254:5555", StreamAddress.Write(IPEndPoint.Parse("10.77.0.254:5555")));
        Assert.Equal("tcp:[fd00::1]:5555", StreamAddress.Write(IPEndPoint.Parse("[fd00::1]:5555")));
    }

    [Fact]
    public async Task The_relay_is_found_from_the_sources_URI()
    {
        var address = await RelayAddress.FindAsync(
            LibvirtUri.Parse("qemu+tcp://127.0.0.2/system"), "k1", null, null, CancellationToken.None);

        Assert.True(IPAddress.IsLoopback(address.Local));
        Assert.True(address.IsSource(IPAddress.Parse("127.0.0.2")));
        Assert.False(address.IsSource(IPAddress.Parse("127.0.0.3")));
    }

    [Theory]
    [InlineData("qemu:///system")]
    [InlineData("qemu+unix:///system?socket=/run/x")]
    [InlineData("qemu+tcp://localhost/system")]
    public async Task Where_the_URI_does_not_tell_the_address_must_be_given(string uri)
    {
        var failure = await Assert.ThrowsAsync<HypervisorException>(
            () => RelayAddress.FindAsync(LibvirtUri.Parse(uri), "k1", null, null, CancellationToken.None));
        var given = await RelayAddress.FindAsync(LibvirtUri.Parse(uri), "k1", IPAddress.Parse("10.77.0.254"), null, CancellationToken.None);

        Assert.Equal(HypervisorError.NotSupported, failure.Error);
        Assert.Contains("RelayAddress", failure.RecommendedAction, StringComparison.Ordinal);

        // The source is this computer, and nobody else is.
        Assert.True(given.IsSource(IPAddress.Loopback));
        Assert.False(given.IsSource(IPAddress.Parse("10.77.0.1")));
    }

    [Fact]
    public async Task With_a_given_address_too_nobody_sends_the_stream_but_the_source()
    {
        var uri = LibvirtUri.Parse("qemu+tcp://10.77.0.1/system");
        var here = IPAddress.Parse("10.77.0.254");
        var found = await RelayAddress.FindAsync(uri, "k1", here, null, CancellationToken.None);
        var told = await RelayAddress.FindAsync(uri, "k1", here, [IPAddress.Parse("10.88.0.1")], CancellationToken.None);

        Assert.Equal((true, false, false), (found.IsSource(
            IPAddress.Parse("10.77.0.1")), found.IsSource(IPAddress.Parse("10.77.0.2")), found.IsSource(IPAddress.Loopback)));
        Assert.Equal((true, false), (told.IsSource(IPAddress.Parse("10.88.0.1")), told.IsSource(IPAddress.Parse("10.77.0.1"))));
    }

    [Theory]
    [InlineData("qemu+tls://k1/system", true)]
    [InlineData("qemu+ssh://root@k1/system", true)]
    [InlineData("qemu+libssh2://k1/system", true)]
    [InlineData("qemu://k1/system", true)] // by TLS
    [InlineData("qemu+ext://k1/system?command=x", true)]
    [InlineData("qemu+tcp://k1/system", false)]
    [InlineData("qemu+unix:///system?socket=/run/x", false)]
    [InlineData("qemu:///system", false)]
    public void What_an_encrypted_connection_would_hide_goes_in_clear_only_where_that_is_allowed(string uri, bool isRefused)
    {
        foreach (var isSource in new[] { true, false })
        {
            var failure = Record.Exception(() => Encryption.Require(LibvirtUri.Parse(uri), "k1", isSource, new MigrationOptions()));

            Assert.Equal(isRefused, failure is HypervisorException { Error: HypervisorError.NotSupported, RecommendedAction: not null });
            Assert.True(failure is null || failure.Message.Contains("unencrypted", StringComparison.Ordinal));
            Encryption.Require(LibvirtUri.Parse(uri), "k1", isSource, new MigrationOptions { AllowUnencrypted = true });
        }
    }

    [Theory]
    [InlineData("tcp:127.0.0.1:5432", "qemu+tcp://203.0.113.7/system", false)]
    [InlineData("tcp:[::1]:5432", "qemu+tcp://203.0.113.7/system", false)]
    [InlineData("tcp:[::1]:5432", "qemu+tcp://[fe80::7%251]/system", false)]
    [InlineData("tcp:0.0.0.0:5432", "qemu+tcp://203.0.113.7/system", false)]
    [InlineData("tcp:[::ffff:127.0.0.1]:5432", "qemu+tcp://203.0.113.7/system", false)]
    [InlineData("tcp:localhost:5432", "qemu+tcp://203.0.113.7/system", false)]
    [InlineData("tcp:203.0.113.8:49152", "qemu+tcp://203.0.113.7/system", true)]
    [InlineData("tcp:127.0.0.1:49152", "qemu+tcp://127.0.0.2:16510/system", true)] // its daemon is reached by a tunnel, or is here
    [InlineData("tcp:127.0.0.1:49152", "qemu:///system", true)]
    public void A_target_cannot_lead_the_stream_to_this_computer(string says, string uri, bool isFollowed)
    {
        var target = LibvirtUri.Parse(uri);

        Assert.Equal(isFollowed, StreamAddress.Resolve(StreamAddress.Read(says, "k2", target), target) is not null);
    }

    [Theory]
    [InlineData("127.0.0.1", true)]
    [InlineData("127.8.9.10", true)]
    [InlineData("::1", true)]
    [InlineData("::ffff:127.0.0.1", true)]
    [InlineData("0.0.0.0", true)]
    [InlineData("::", true)]
    [InlineData("203.0.113.7", false)]
    public void This_computers_own_addresses_are_known(string address, bool isOwn) =>
        Assert.Equal(isOwn, OwnAddresses.Has(IPAddress.Parse(address)));

    [Fact]
    public void A_definition_carries_one_mark_and_keeps_other_metadata()
    {
        const string Definition =
            "<domain><name>a</name><metadata><k:operation xmlns:k='https://kumoi.dev/xmlns/1' id='x'/>"
            + "<s:plan xmlns:s='https://kumoi.dev/xmlns/1/speculation' operation='old'/></metadata></domain>";

        var domain = XElement.Parse(Definition);
        var mark = Plan.Mark with { Replica = 2 };
        SpeculationMetadata.Set(domain, mark);
        var marked = domain.ToString();

        Assert.Contains("id=\"x\"", marked, StringComparison.Ordinal);
        Assert.DoesNotContain("old", marked, StringComparison.Ordinal);
        AssertSame(mark, SpeculationMetadata.Read(marked));
        AssertSame(Plan.Mark, SpeculationMetadata.ReadElement(SpeculationMetadata.Write(Plan.Mark)));
        Assert.True(SpeculationMetadata.ReadElement(SpeculationMetadata.Write(Plan.Mark with { IsStrict = true }))!.IsStrict);
        SpeculationMetadata.Set(domain, null);
        Assert.Null(SpeculationMetadata.Read(domain.ToString()));

        static void AssertSame(SpeculationMark expected, SpeculationMark? read)
        {
            Assert.Equal(expected.Candidates, read!.Candidates);
            Assert.Equal(expected, read with { Candidates = expected.Candidates });
        }
    }

    [Fact]
    public void A_guest_that_waits_for_an_answer_is_noticed_after_a_second_in_which_no_target_took_a_byte()
    {
        var stall = new SwitchStallDetector(_time);
        stall.Note(Sent(0, 0), 0); // all zeros: it has just begun
        Wait(5);
        stall.Note(Sent(0, 0), 0);
        Assert.False(stall.IsStalled);

        stall.Note(Sent(100, 0), 50);
        Wait(5);
        stall.Note(Sent(100, 0), 60); // a target still takes what waits for it
        stall.Note(Sent(100, 0), 60);
        Wait(0.9);
        Assert.False(stall.IsStalled);
        Wait(0.1);
        Assert.True(stall.IsStalled);

        stall.Note(Sent(100, 10), 60); // another round
        Assert.False(stall.IsStalled);
    }

    private static MigrationProgress Sent(long processed, long remaining) => new(1000, processed, remaining, TimeSpan.FromSeconds(1));

    private void Wait(double seconds) => _time.Advance(TimeSpan.FromSeconds(seconds));
}
