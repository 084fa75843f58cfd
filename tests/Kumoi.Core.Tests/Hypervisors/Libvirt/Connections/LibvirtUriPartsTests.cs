using System.Text.RegularExpressions;
using Kumoi.Hypervisors.Libvirt.Connections;
using Xunit;

namespace Kumoi.Tests.Hypervisors.Libvirt.Connections;

public sealed partial class LibvirtUriPartsTests
{
    [Theory]
    [InlineData("qemu:///system", "qemu", "", "", null, "/system", "")]
    [InlineData("qemu+ssh://root@h:22/system?keyfile=/k&no_verify=1", "qemu", "ssh", "h", "22", "/system", "keyfile=/k&no_verify=1")]
    [InlineData("qemu+tls://[fe80::1%252]:16514/system", "qemu", "tls", "[fe80::1%252]", "16514", "/system", "")]
    [InlineData("qemu+tcp://[fe80::1%25br-lan.2]/system", "qemu", "tcp", "[fe80::1%25br-lan.2]", null, "/system", "")]
    [InlineData("esx://u:p:w@h/?a=b?c", "esx", "", "h", null, "/", "a=b?c")]
    [InlineData("test:///path/of/node.xml", "test", "", "", null, "/path/of/node.xml", "")]
    public void A_URI_has_the_parts_that_are_written(
        string text, string driver, string transport, string host, string? port, string path, string query) =>
        Assert.Equal(new LibvirtUriParts(driver, transport, host, port, path, query), LibvirtUriParts.Of(text));

    /// <summary>All that is put together of pieces that are, or nearly are, parts of URIs is split as the grammar says, or refused.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void It_is_split_as_the_grammar_says(int seed)
    {
        string[] pieces =
        [
            "qemu", "q", "9", "+", "ssh", ".", "-", "://", ":", "/", "//", "?", "#", "@", "[", "]", "[::1]", "[fe80::1%25eth0]", "[]", "[g]", "[%]",
            "host", "22", "a b", "\t", "\u00a0", "é", "%", "=", "&", "socket=/x", "user", "",
        ];
        var random = new Random(seed);
        var accepted = 0;
        for (var i = 0; i < 200_000; i++)
        {
            var text = random.Next(2) == 0 ? "qemu" + (random.Next(2) == 0 ? "+tcp" : "") + "://" : "";
            for (var n = random.Next(7); n > 0; n--)
            {
                text += pieces[random.Next(pieces.Length)];
            }

            var match = Grammar().Match(text);
            var expected = match.Success
                ? new LibvirtUriParts(
                    match.Groups["driver"].Value, match.Groups["transport"].Value, match.Groups["host"].Value,
                    match.Groups["port"].Success ? match.Groups["port"].Value : null, match.Groups["path"].Value, match.Groups["query"].Value)
                : null;
            Assert.True(expected == LibvirtUriParts.Of(text), $"'{text}': {expected} and {LibvirtUriParts.Of(text)}");
            accepted += match.Success ? 1 : 0;
        }

        Assert.InRange(accepted, 10_000, 190_000);
    }

    [GeneratedRegex(
        @"\A(?<driver>[A-Za-z][A-Za-z0-9.\-]*)(\+(?<transport>[A-Za-z0-9]+))?://([^@/?#:\s]*(:(?<secret>[^@/?#\s]*))?@)?"
        + @"(?<host>\[[0-9A-Fa-f:.]+(%[A-Za-z0-9.~%_\-]+)?\]|[^:/?#@\[\]\s]*)(:(?<port>[0-9]+))?(?<path>/[^?#]*)?(\?(?<query>[^#]*))?\z",
        RegexOptions.ExplicitCapture,
        matchTimeoutMilliseconds: 1000)]
    private static partial Regex Grammar();
}
