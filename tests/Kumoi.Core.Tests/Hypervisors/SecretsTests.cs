using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Tests.Fleets;
using Xunit;

namespace Kumoi.Tests.Hypervisors;

public sealed class SecretsTests
{
    [Theory]
    [InlineData("qemu:///system", "qemu:///system")]
    [InlineData("qemu+ssh://root@h:22/system?keyfile=/k&no_verify=1", "qemu+ssh://root@h:22/system?keyfile=/k&no_verify=1")]
    [InlineData("qemu+ssh://h:22/system?command=/a@b", "qemu+ssh://h:22/system?command=/a@b")]
    [InlineData("qemu+tcp://root:secret@h/system", "qemu+tcp://root@h/system")]
    [InlineData("qemu+tcp://root:se:cr@et@h/system", "qemu+tcp://root@h/system")]
    [InlineData("qemu+tcp://root:s/e?c#r@h/system", "qemu+tcp://root@h/system")]
    [InlineData("esx://h/?password=secret&no_verify=1", "esx://h/?password=***&no_verify=1")]
    [InlineData("esx://h/?a=1&PassWord=secret", "esx://h/?a=1&PassWord=***")]
    [InlineData("esx://h/?access_token=secret#x", "esx://h/?access_token=***#x")]
    [InlineData("cannot open 'qemu+tcp://u:secret@h/': and 'x://v:secret@i/'", "cannot open 'qemu+tcp://u@h/': and 'x://v@i/'")]
    [InlineData("'password=secret' is not known", "'password=***' is not known")]
    [InlineData("x://h/?pwd=s&my.pass=s", "x://h/?pwd=***&my.pass=***")]
    [InlineData("x://h/?client-secret=s&a=b", "x://h/?client-secret=***&a=b")]
    [InlineData("x://h/?CREDENTIALS=s", "x://h/?CREDENTIALS=***")]
    [InlineData("x://h/?apikey=s", "x://h/?apikey=***")]
    [InlineData("x://h/?token_id=s", "x://h/?token_id=***")]
    [InlineData("x://h/?to\u212aen=s", "x://h/?to\u212aen=***")]
    public void Passwords_are_taken_out_of_URIs(string text, string masked) => Assert.Equal(masked, Secrets.Mask(text));

    [Fact]
    public void An_error_shows_none_whoever_wrote_it()
    {
        var error = new HypervisorException(
            "libvirt: cannot parse qemu+tcp://root:secret@h/", recommendedAction: "Try x://root:secret@h/?pwd=secret");
        Assert.DoesNotContain("secret", error.Message + error.RecommendedAction, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Neither_a_connection_nor_a_failure_to_connect_shows_any()
    {
        await using var lab = LabFleet.Empty();
        await foreach (var outcome in lab.Fleet.ConnectAsync(
            [new ConnectRequest("none://root:secret@h/?password=secret", null, [])], default))
        {
            Assert.DoesNotContain("secret", outcome.Element + outcome.Error?.Message + (outcome.Succeeded
                ? outcome.Result.Uri + outcome.Result.Identity : ""), StringComparison.Ordinal);
        }

        Assert.All(lab.Fleet.Unconnected, host => Assert.DoesNotContain("secret", host.Uri + host.Error.Message, StringComparison.Ordinal));
    }
}
