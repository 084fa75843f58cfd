using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Kumoi.Hypervisors;

namespace Kumoi.CloudInit;

/// <summary>
/// Makes the disc that cloud-init reads when a guest first starts (NoCloud:
/// https://cloudinit.readthedocs.io/en/latest/reference/datasources/nocloud.html). Its files are YAML; JSON is YAML, and has one way of
/// escaping.
/// </summary>
public static partial class CloudInitSeed
{
    /// <summary>More than any cloud takes.</summary>
    public const int MaxUserDataBytes = 1 << 20;

    private const string Label = "cidata";
    private const int MaxNameLength = 253;
    private static readonly string[] KeyTypes = ["ssh-", "ecdsa-", "sk-ssh-", "sk-ecdsa-"];

    /// <summary>The disc's image.</summary>
    /// <exception cref="HypervisorException">InvalidSpecification: no guest could use it.</exception>
    public static byte[] Build(CloudInitConfig config, DateTimeOffset at)
    {
        Ensure(config);
        var files = new Dictionary<string, byte[]>(StringComparer.Ordinal)
        {
            ["meta-data"] = Yaml(new JsonObject { ["instance-id"] = config.InstanceId, ["local-hostname"] = config.HostName }),
            ["user-data"] = config.UserData ?? [.. "#cloud-config\n"u8, .. Yaml(UserDataOf(config))],
        };
        if (config.Address is not null)
        {
            files["network-config"] = Yaml(NetworkOf(config));
        }

        return IsoImage.Build(Label, files, at);
    }

    /// <summary>The hash of a password for <see cref="CloudInitConfig.PasswordHash"/>, with a salt of its own.</summary>
    /// <param name="password">In UTF-8.</param>
    public static string HashPassword(ReadOnlySpan<byte> password) => Sha512Crypt.Hash(password, Sha512Crypt.DrawSalt(), rounds: 100_000);

    /// <summary>Fails for what no guest could use.</summary>
    /// <exception cref="HypervisorException">InvalidSpecification.</exception>
    public static void Ensure(CloudInitConfig config)
    {
        Refuse(
            config.HostName.Length > MaxNameLength || !HostNames().IsMatch(config.HostName),
            $"'{config.HostName}' is no name for a computer.",
            "Give letters, digits and '-', in parts of up to 63 that are separated by dots.");
        Refuse(
            config.UserName is { } user && !UserNames().IsMatch(user), $"'{config.UserName}' is no name for a user of Linux.",
            "Give up to 32 small letters, digits, '-' and '_', the first a letter.");
        foreach (var key in config.SshKeys)
        {
            Refuse(
                key.Contains("PRIVATE KEY", StringComparison.Ordinal), "A private key was given where a public one belongs.",
                "Give the line of the .pub file. The private key belongs to nobody but its owner.");
            Refuse(
                !KeyTypes.Any(type => key.StartsWith(type, StringComparison.Ordinal)) || key.Any(char.IsControl)
                    || !key.Contains(' ', StringComparison.Ordinal),
                $"'{Visible.Text(key[..Math.Min(key.Length, 40)])}' is no public key.",
                "Give one line as in a .pub file, such as 'ssh-ed25519 AAAA… name', or the path of such a file.");
        }

        Refuse(
            config.UserData is not null
                && (config.UserName is not null || config.SshKeys.Count > 0 || config.PasswordHash is not null
                    || config.Commands.Count > 0),
            "A file for cloud-init says everything itself: users, keys, passwords and commands.",
            "Give the file, or the single settings.");
        Refuse(
            config.UserData is { Length: 0 or > MaxUserDataBytes },
            $"The file for cloud-init is empty, or has more than {MaxUserDataBytes} bytes.",
            "Give one that begins with '#cloud-config', or with another of cloud-init's first lines.");
        EnsureAddresses(config);
    }

    private static void EnsureAddresses(CloudInitConfig config)
    {
        if (config.Address is { } address)
        {
            var parts = address.Split('/');
            Refuse(
                parts.Length != 2 || !IPAddress.TryParse(parts[0], out var ip) || !byte.TryParse(parts[1], out var prefix)
                    || prefix > (ip.AddressFamily is AddressFamily.InterNetwork ? 32 : 128),
                $"'{address}' is no address with the length of its network.", "Give it as 10.0.0.5/24.");
            Refuse(
                config.MacAddress is null, "An address belongs to a network card, and the VM has none.",
                "Name a network with -NetworkName.");
        }

        Refuse(
            config.Address is null && (config.Gateway is not null || config.DnsServers.Count > 0),
            "A gateway and DNS servers come by DHCP with the address.", "Give the address too, or none of them.");
        foreach (var server in config.DnsServers.Append(config.Gateway).OfType<string>())
        {
            Refuse(!IPAddress.TryParse(server, out _), $"'{server}' is no address.", "Give it as 10.0.0.1.");
        }
    }

    private static JsonObject UserDataOf(CloudInitConfig config)
    {
        var data = new JsonObject
        {
            ["hostname"] = config.HostName.Split('.')[0],
            ["manage_etc_hosts"] = true,
        };
        if (config.HostName.Contains('.', StringComparison.Ordinal))
        {
            data["fqdn"] = config.HostName;
        }

        JsonArray Keys() => [.. config.SshKeys.Select(static key => (JsonNode)key)];
        if (config.UserName is { } name)
        {
            var user = new JsonObject
            {
                ["name"] = name,
                ["sudo"] = "ALL=(ALL) NOPASSWD:ALL",
                ["shell"] = "/bin/bash",
                ["lock_passwd"] = config.PasswordHash is null,
            };
            if (config.PasswordHash is not null)
            {
                user["passwd"] = config.PasswordHash;
            }

            if (config.SshKeys.Count > 0)
            {
                user["ssh_authorized_keys"] = Keys();
            }

            data["users"] = new JsonArray(user);
        }
        else
        {
            if (config.SshKeys.Count > 0)
            {
                data["ssh_authorized_keys"] = Keys();
            }

            if (config.PasswordHash is not null)
            {
                data["password"] = config.PasswordHash;
                data["chpasswd"] = new JsonObject { ["expire"] = false };
            }
        }

        if (config.Commands.Count > 0)
        {
            data["runcmd"] = new JsonArray([.. config.Commands.Select(static command => (JsonNode)command)]);
        }

        return data;
    }

    private static JsonObject NetworkOf(CloudInitConfig config)
    {
        var card = new JsonObject
        {
            ["match"] = new JsonObject { ["macaddress"] = config.MacAddress },
            ["addresses"] = new JsonArray(config.Address),
        };
        if (config.Gateway is { } gateway)
        {
            var all = IPAddress.Parse(gateway).AddressFamily is AddressFamily.InterNetwork ? "0.0.0.0/0" : "::/0";
            card["routes"] = new JsonArray(new JsonObject { ["to"] = all, ["via"] = gateway });
        }

        if (config.DnsServers.Count > 0)
        {
            card["nameservers"] = new JsonObject
            {
                ["addresses"] = new JsonArray([.. config.DnsServers.Select(static one => (JsonNode)one)]),
            };
        }

        return new JsonObject { ["version"] = 2, ["ethernets"] = new JsonObject { ["first"] = card } };
    }

    /// <summary>
    /// JSON has every character above ASCII as escapes of 16 bits, which YAML's readers take singly: those above 16 bits become the one
    /// escape that YAML has for them.
    /// </summary>
    private static byte[] Yaml(JsonObject json)
    {
        var text = new StringBuilder(json.ToJsonString());
        var whole = text.ToString();
        foreach (Match pair in Surrogates().Matches(whole))
        {
            var code = char.ConvertToUtf32(
                (char)Convert.ToInt32(pair.Groups["high"].Value, 16), (char)Convert.ToInt32(pair.Groups["low"].Value, 16));
            text.Replace(pair.Value, FormattableString.Invariant($@"\U{code:X8}"));
        }

        return Encoding.ASCII.GetBytes(text.Append('\n').ToString());
    }

    private static void Refuse(bool isWrong, string message, string action)
    {
        if (isWrong)
        {
            throw new HypervisorException(
                message, FaultDomain.VM, error: HypervisorError.InvalidSpecification, recommendedAction: action);
        }
    }

    [GeneratedRegex(@"\A[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*\z",
        RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex HostNames();

    [GeneratedRegex(@"\A[a-z_][a-z0-9_-]{0,31}\z", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 1000)]
    private static partial Regex UserNames();

    [GeneratedRegex(
        @"\\u(?<high>D[89AB][0-9A-F]{2})\\u(?<low>D[C-F][0-9A-F]{2})", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture,
        matchTimeoutMilliseconds: 1000)]
    private static partial Regex Surrogates();
}
