using System.Management.Automation;
using System.Runtime.InteropServices;
using System.Security;
using System.Security.Cryptography;
using System.Text;
using Kumoi.CloudInit;
using Kumoi.Hypervisors;

namespace Kumoi.PowerShell.Cmdlets;

/// <content>What a guest with cloud-init makes of itself when it first starts.</content>
public sealed partial class NewKumoiVMCommand
{
    private const int MaxHostNameLength = 63;

    private static readonly string[] OfGuests =
    [
        nameof(CloudInit), nameof(HostName), nameof(UserName), nameof(SshKey), nameof(Password), nameof(RunCommand), nameof(IPAddress),
        nameof(Gateway), nameof(DnsServer),
    ];

    private byte[]? _userData;
    private string? _passwordHash;
    private IReadOnlyList<string> _keys = [];

    /// <summary>A file of this computer with user-data, which says everything itself.</summary>
    [Parameter(ParameterSetName = "Settings")]
    [Parameter(ParameterSetName = ByTemplate)]
    [ValidateNotNullOrEmpty]
    public string? CloudInit { get; set; }

    /// <summary>The guest's own name; else the VM's.</summary>
    [Parameter(ParameterSetName = "Settings")]
    [Parameter(ParameterSetName = ByTemplate)]
    [ValidateNotNullOrEmpty]
    public string? HostName { get; set; }

    /// <summary>An administrator of the guest; else the image's own user.</summary>
    [Parameter(ParameterSetName = "Settings")]
    [Parameter(ParameterSetName = ByTemplate)]
    [ValidateNotNullOrEmpty]
    public string? UserName { get; set; }

    /// <summary>Public keys, or files of this computer with such.</summary>
    [Parameter(ParameterSetName = "Settings")]
    [Parameter(ParameterSetName = ByTemplate)]
    [ValidateNotNullOrEmpty]
    public string[] SshKey { get; set; } = [];

    /// <summary>The user's password.</summary>
    [Parameter(ParameterSetName = "Settings")]
    [Parameter(ParameterSetName = ByTemplate)]
    [ValidateNotNull]
    public SecureString? Password { get; set; }

    /// <summary>Lines for the guest's shell, run once, as root.</summary>
    [Parameter(ParameterSetName = "Settings")]
    [Parameter(ParameterSetName = ByTemplate)]
    [ValidateNotNullOrEmpty]
    public string[] RunCommand { get; set; } = [];

    /// <summary>The address of its first network card, with the length of the network: 10.0.0.5/24; else by DHCP.</summary>
    [Parameter(ParameterSetName = "Settings", ValueFromPipelineByPropertyName = true)]
    [Parameter(ParameterSetName = ByTemplate, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public string? IPAddress { get; set; }

    [Parameter(ParameterSetName = "Settings")]
    [Parameter(ParameterSetName = ByTemplate)]
    [ValidateNotNullOrEmpty]
    public string? Gateway { get; set; }

    [Parameter(ParameterSetName = "Settings")]
    [Parameter(ParameterSetName = ByTemplate)]
    [ValidateNotNullOrEmpty]
    public string[] DnsServer { get; set; } = [];

    private bool HasSeed => OfGuests.Any(IsGiven) || IPAddress is not null;

    /// <summary>Reads what stands in files, and hashes the password, once.</summary>
    private void PrepareGuest()
    {
        try
        {
            _userData = CloudInit is null ? null : ReadFile(CloudInit, CloudInitSeed.MaxUserDataBytes);
            _keys = [.. SshKey.SelectMany(KeysOf)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            Refuse($"A file for cloud-init cannot be read: {e.Message}", "FileNotRead", "Give the path of a file that you may read.");
        }

        _passwordHash = Password is null ? null : Hash(Password);
    }

    /// <summary>The disc that the guest reads, with a card whose address it can name; null: it reads none.</summary>
    private (byte[] Image, string? MacAddress)? Seed(string name)
    {
        if (!HasSeed)
        {
            return null;
        }

        var mac = IPAddress is null || (IsGiven(nameof(NetworkName)) && NetworkName.Length == 0) ? null : AdapterDefinition.DrawMac();
        var config = new CloudInitConfig
        {
            InstanceId = Guid.NewGuid().ToString("D"),
            HostName = HostName ?? HostNameOf(name),
            UserData = _userData,
            UserName = UserName,
            SshKeys = _keys,
            PasswordHash = _passwordHash,
            Commands = RunCommand,
            Address = IPAddress,
            Gateway = Gateway,
            DnsServers = DnsServer,
            MacAddress = mac,
        };
        return (CloudInitSeed.Build(config, TimeProvider.System.GetUtcNow()), mac);
    }

    /// <summary>What of a VM's name can be a computer's.</summary>
    private static string HostNameOf(string name)
    {
        var text = string.Concat(name.Select(static c => char.IsAsciiLetterOrDigit(c) ? c : '-')).Trim('-');
        text = text[..Math.Min(text.Length, MaxHostNameLength)].TrimEnd('-');
        return text.Length > 0 ? text : "vm";
    }

    /// <summary>A key itself, or those in a file, one a line.</summary>
    private IEnumerable<string> KeysOf(string given)
    {
        var text = given.Trim();
        if (text.Contains(' ', StringComparison.Ordinal) && !File.Exists(GetUnresolvedProviderPathFromPSPath(text)))
        {
            return [text];
        }

        return Encoding.UTF8.GetString(ReadFile(text, CloudInitSeed.MaxUserDataBytes))
            .Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
            .Where(static line => line[0] is not '#');
    }

    private byte[] ReadFile(string path, int mostBytes)
    {
        using var file = File.OpenRead(GetUnresolvedProviderPathFromPSPath(path));
        if (file.Length > mostBytes)
        {
            throw new IOException($"'{Visible.Text(path)}' has more than {mostBytes} bytes.");
        }

        var content = new byte[file.Length];
        file.ReadExactly(content);
        return content;
    }

    /// <summary>The password is in memory only as long as it takes.</summary>
    private static string Hash(SecureString password)
    {
        var pointer = Marshal.SecureStringToGlobalAllocUnicode(password);
        try
        {
            var text = new char[password.Length];
            Marshal.Copy(pointer, text, 0, text.Length);
            var bytes = Encoding.UTF8.GetBytes(text);
            try
            {
                return CloudInitSeed.HashPassword(bytes);
            }
            finally
            {
                CryptographicOperations.ZeroMemory(bytes);
                Array.Clear(text);
            }
        }
        finally
        {
            Marshal.ZeroFreeGlobalAllocUnicode(pointer);
        }
    }
}
