using System.Text;
using System.Text.Json.Nodes;
using Kumoi.CloudInit;
using Kumoi.Hypervisors;
using Xunit;

namespace Kumoi.Tests.CloudInit;

public sealed class CloudInitSeedTests
{
    private const string Key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBk2 admin@desk";

    private static CloudInitConfig Config => new() { InstanceId = "i-1", HostName = "web1.example.org" };

    /// <summary>By the author's own vectors, and by what openssl says of other characters than ASCII.</summary>
    [Theory]
    [InlineData("Hello world!", 5000, "saltstring",
        "svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1")]
    [InlineData("Hello world!", 10000, "saltstringsaltst",
        "OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v.")]
    [InlineData("a very much longer text to encrypt.  This one even stretches over morethan one line.", 1400, "anotherlongsalts",
        "POfYwTEok97VWcjxIiSOjiykti.o/pQs.wPvMxQ6Fm7I6IoYN3CmLs66x9t0oSwbtEW7o7UmJEiDwGqd8p4ur1")]
    [InlineData("gründlich", 1000, "x", "w3ZHcVnjI2OrloUyWnSDRCFbBd6/3O3xKzUqlhq3/qbp6vhogeWfBpwRy7lBlHLObKga.F/qTvRTJAdXqezOH1")]
    public void A_password_is_hashed_as_Linux_does_it(string password, int rounds, string salt, string hash)
    {
        var prefix = rounds == Sha512Crypt.DefaultRounds ? "$6$" : $"$6$rounds={rounds}$";
        Assert.Equal($"{prefix}{salt}${hash}", Sha512Crypt.Hash(Encoding.UTF8.GetBytes(password), salt, rounds));
    }

    [Fact]
    public void The_disc_has_its_label_and_the_files_in_both_trees_under_their_own_names()
    {
        var disc = CloudInitSeed.Build(Config with { Address = "10.0.0.5/24", MacAddress = "52:54:00:00:00:01" }, ManualTime.Start);
        Assert.Equal(0, disc.Length % 2048);
        Assert.Equal("cidata", Encoding.ASCII.GetString(disc, (16 * 2048) + 40, 32).TrimEnd());
        foreach (var (tree, isJoliet) in new[] { (16, false), (17, true) })
        {
            var files = IsoReader.Read(disc, tree, isJoliet);
            Assert.Equal(["meta-data", "network-config", "user-data"], files.Keys.Order(StringComparer.Ordinal));
            Assert.Equal("web1.example.org", (string?)JsonNode.Parse(files["meta-data"])!["local-hostname"]);
            Assert.StartsWith("#cloud-config\n{", Encoding.ASCII.GetString(files["user-data"]), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Every_text_arrives_as_it_was_whatever_is_in_it()
    {
        string[] commands = ["echo \"a: b\" # 'c'", "line\nnext\t\\u0041", "ключ 😀 \u2028 \u0085", "}]\n---\nroot: x"];
        var read = UserData(Config with { Commands = commands, UserName = "ops", SshKeys = [Key], PasswordHash = "$6$salt$hash" });

        // What YAML has more of than JSON is one escape.
        var runs = (JsonArray)read["runcmd"]!;
        Assert.Equal(commands, runs.Select(static one => (string?)one));
        var user = read["users"]![0]!;
        Assert.Equal(
            ("ops", "$6$salt$hash", false, Key),
            ((string?)user["name"], (string?)user["passwd"], (bool)user["lock_passwd"]!, (string?)user["ssh_authorized_keys"]![0]));
        Assert.Equal("web1", (string?)read["hostname"]);
    }

    [Fact]
    public void Without_a_user_key_and_password_are_the_image_s_own_user_s()
    {
        var read = UserData(Config with { SshKeys = [Key], PasswordHash = "$6$salt$hash" });
        Assert.Null(read["users"]);
        Assert.Equal((Key, "$6$salt$hash"), ((string?)read["ssh_authorized_keys"]![0], (string?)read["password"]));
        Assert.False((bool)read["chpasswd"]!["expire"]!);
    }

    [Fact]
    public void A_file_is_taken_as_it_is()
    {
        var data = "#!/bin/sh\necho \xe4"u8.ToArray();
        Assert.Equal(data, IsoReader.Read(CloudInitSeed.Build(Config with { UserData = data }, ManualTime.Start), 16, false)["user-data"]);
    }

    [Fact]
    public void What_no_guest_could_use_is_refused_before_anything_is_made()
    {
        CloudInitConfig[] wrong =
        [
            Config with { HostName = "web_1" }, Config with { HostName = "-web" }, Config with { HostName = new string('a', 64) },
            Config with { HostName = "web\n" }, Config with { UserName = "Root User" }, Config with { UserName = "ops\n" },
            Config with { SshKeys = ["-----BEGIN OPENSSH PRIVATE KEY-----"] }, Config with { SshKeys = ["nonsense"] },
            Config with { SshKeys = [Key + "\nssh-rsa x y"] },
            Config with { UserData = [1], UserName = "ops" }, Config with { UserData = [] },
            Config with { UserData = new byte[CloudInitSeed.MaxUserDataBytes + 1] },
            Config with { Address = "10.0.0.5", MacAddress = "52:54:00:00:00:01" }, Config with { Address = "10.0.0.5/24" },
            Config with { Address = "10.0.0.5/33", MacAddress = "52:54:00:00:00:01" }, Config with { Gateway = "10.0.0.1" },
            Config with { Address = "10.0.0.5/24", MacAddress = "52:54:00:00:00:01", Gateway = "gate" },
        ];
        Assert.All(wrong, config =>
        {
            var refusal = Assert.Throws<HypervisorException>(() => CloudInitSeed.Build(config, ManualTime.Start));
            Assert.Equal((HypervisorError.InvalidSpecification, FaultDomain.VM), (refusal.Error, refusal.FaultDomain));
            Assert.NotEmpty(refusal.RecommendedAction!);
        });
    }

    private static JsonNode UserData(CloudInitConfig config)
    {
        var text = Encoding.ASCII.GetString(IsoReader.Read(CloudInitSeed.Build(config, ManualTime.Start), 16, false)["user-data"]);

        // JSON's readers have no \U: only what is above 16 bits has it.
        var json = text["#cloud-config\n".Length..].Replace(@"\U0001F600", "😀", StringComparison.Ordinal);
        Assert.All(json, static c => Assert.False(c is '\r' or '\u2028'));
        return JsonNode.Parse(json)!;
    }
}
