namespace Kumoi.CloudInit;

/// <summary>What a guest with cloud-init (https://cloudinit.readthedocs.io) is to make of itself when it first starts.</summary>
public sealed record CloudInitConfig
{
    /// <summary>Another than the guest knows makes it start from anew.</summary>
    public required string InstanceId { get; init; }

    public required string HostName { get; init; }

    /// <summary>
    /// A whole user-data document, as it is; null: made of what follows. It does not go together with <see cref="UserName"/>,
    /// <see cref="SshKeys"/>, <see cref="PasswordHash"/> and <see cref="Commands"/>.
    /// </summary>
    public byte[]? UserData { get; init; }

    /// <summary>An administrator's name; null: the image's own user.</summary>
    public string? UserName { get; init; }

    /// <summary>Public keys, one a text.</summary>
    public IReadOnlyList<string> SshKeys { get; init; } = [];

    /// <summary>As in /etc/shadow: never a password itself.</summary>
    public string? PasswordHash { get; init; }

    /// <summary>Lines for the guest's shell, run once, as root.</summary>
    public IReadOnlyList<string> Commands { get; init; } = [];

    /// <summary>Of the adapter with <see cref="MacAddress"/>, such as <c>10.0.0.5/24</c>; null: by DHCP.</summary>
    public string? Address { get; init; }

    public string? Gateway { get; init; }

    public IReadOnlyList<string> DnsServers { get; init; } = [];

    /// <summary>Needed with <see cref="Address"/>.</summary>
    public string? MacAddress { get; init; }
}
