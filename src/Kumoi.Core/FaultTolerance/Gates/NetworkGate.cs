using System.Text.Json.Nodes;
using System.Xml.Linq;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.FaultTolerance.Gates;

/// <summary>
/// Holds what a VM sends by its network cards: two of QEMU's filter-buffers in series for each card. What the guest sends is held by the
/// inner one; at the cut it moves to the outer one; when the checkpoint is committed, the outer one lets it out.
/// </summary>
/// <remarks>
/// The filter that was added last is next to the guest (QEMU 7.2 and 10.0). A filter that is put off and on lets out what it has. The
/// buffers live and die with the VM's QEMU: whatever becomes of the controller, nothing goes out, until <see cref="Longest"/> is over.
/// </remarks>
internal sealed class NetworkGate
{
    /// <summary>QEMU lets out after this time, which is the longest there is: 71 minutes of the guest's clock.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromMicroseconds(uint.MaxValue);

    private const string Inner = "kumoi-inner-";
    private const string Outer = "kumoi-outer-";
    private const string Quiet = "kumoi-quiet-";

    private readonly IHypervisorLink _host;
    private readonly Guid _domain;
    private IReadOnlyList<string>? _cards;
    private bool _outerMayBeOff = true;

    /// <summary>Holds nothing yet.</summary>
    public NetworkGate(IHypervisorLink host, Guid domain)
    {
        _host = host;
        _domain = domain;
    }

    /// <summary>Holds nothing: the engine of the pair does that itself.</summary>
    public static NetworkGate WithoutCards(IHypervisorLink host, Guid domain) => new(host, domain) { _cards = [] };

    private IReadOnlyList<string> Cards => _cards ?? throw new InvalidOperationException("The network's gate is not closed yet.");

    /// <summary>Holds from now on. What is held already by filters that another controller has made stays held.</summary>
    public async Task CloseAsync(CancellationToken cancellationToken)
    {
        if (_cards is not null)
        {
            return;
        }

        var cards = await CardsAsync(_host, _domain, cancellationToken);
        var objects = cards.Count == 0 ? [] : await ObjectsAsync(_host, _domain, cancellationToken);
        foreach (var card in cards)
        {
            if (!objects.Contains(Outer + card))
            {
                if (objects.Contains(Inner + card))
                {
                    throw new HypervisorException(
                        $"The VM's network card '{card}' on {_host.HostName} has one of its two filters, and what it holds is not known.",
                        FaultDomain.VM, error: HypervisorError.InvalidState,
                        recommendedAction: "Restart the VM's QEMU, and protect it anew.");
                }

                await AddAsync(_host, _domain, Outer + card, card, cancellationToken);
            }

            if (!objects.Contains(Inner + card))
            {
                await AddAsync(_host, _domain, Inner + card, card, cancellationToken);
            }
        }

        _cards = cards;
    }

    /// <summary>Lets out all that is held, and from now on everything at once.</summary>
    public static async Task OpenAsync(IHypervisorLink host, Guid domain, CancellationToken cancellationToken)
    {
        // The inner ones first: what they hold was sent after what the outer ones hold.
        await RemoveAsync(host, domain, [Inner, Outer], cancellationToken);
    }

    /// <summary>
    /// A standby that has not taken its state yet holds what it sends when it has: QEMU announces the guest at once, and would draw the
    /// VM's packets to where nobody takes them.
    /// </summary>
    public static async Task KeepQuietAsync(IHypervisorLink host, Guid standby, CancellationToken cancellationToken)
    {
        foreach (var card in await CardsAsync(host, standby, cancellationToken))
        {
            await AddAsync(host, standby, Quiet + card, card, cancellationToken);
        }
    }

    /// <summary>It is the VM from now on: what it has held goes out.</summary>
    public static Task LetSpeakAsync(IHypervisorLink host, Guid standby, CancellationToken cancellationToken) =>
        RemoveAsync(host, standby, [Quiet], cancellationToken);

    /// <summary>What was sent until now belongs to the next checkpoint.</summary>
    /// <remarks>
    /// While the guest is stopped this is the exact cut. Before a checkpoint is begun it is good too: what is sent between the two is
    /// covered by the checkpoint, and waits for the next one all the same.
    /// </remarks>
    public async Task CutAsync(CancellationToken cancellationToken)
    {
        foreach (var card in Cards)
        {
            if (_outerMayBeOff)
            {
                await SwitchAsync(Outer + card, isOn: true, cancellationToken);
            }
        }

        _outerMayBeOff = false;
        foreach (var card in Cards)
        {
            await SwitchAsync(Inner + card, isOn: false, cancellationToken);
            await SwitchAsync(Inner + card, isOn: true, cancellationToken);
        }
    }

    /// <summary>Lets out what belongs to the checkpoint that was committed.</summary>
    public async Task ReleaseAsync(CancellationToken cancellationToken)
    {
        _outerMayBeOff = true;
        foreach (var card in Cards)
        {
            await SwitchAsync(Outer + card, isOn: false, cancellationToken);
            await SwitchAsync(Outer + card, isOn: true, cancellationToken);
        }

        _outerMayBeOff = false;
    }

    private static async Task RemoveAsync(
        IHypervisorLink host, Guid domain, IReadOnlyList<string> kinds, CancellationToken cancellationToken)
    {
        if ((await CardsAsync(host, domain, cancellationToken)).Count == 0)
        {
            return;
        }

        var objects = await ObjectsAsync(host, domain, cancellationToken);
        foreach (var filter in kinds.SelectMany(kind => objects.Where(name => name.StartsWith(kind, StringComparison.Ordinal))))
        {
            await host.SendAsync(new QemuCommand(domain, "object-del", new JsonObject { ["id"] = filter }), cancellationToken);
        }
    }

    /// <summary>By libvirt's names for them.</summary>
    private static async Task<IReadOnlyList<string>> CardsAsync(IHypervisorLink host, Guid domain, CancellationToken cancellationToken)
    {
        var xml = DomainDefinition.Parse(await host.SendAsync(new ReadXml(domain), cancellationToken));
        return
        [
            .. xml.Elements("devices").Elements("interface")
                .Select(static card => (string?)card.Element("alias")?.Attribute("name")).OfType<string>(),
        ];
    }

    private static async Task<List<string>> ObjectsAsync(IHypervisorLink host, Guid domain, CancellationToken cancellationToken)
    {
        var objects = await host.SendAsync(
            new QemuCommand(domain, "qom-list", new JsonObject { ["path"] = "/objects" }), cancellationToken);
        return [.. objects.EnumerateArray().Select(static found => found.GetProperty("name").GetString()!)];
    }

    private static async Task AddAsync(
        IHypervisorLink host, Guid domain, string filter, string card, CancellationToken cancellationToken) => await host.SendAsync(
        new QemuCommand(domain, "object-add", new JsonObject
        {
            ["qom-type"] = "filter-buffer",
            ["id"] = filter,
            ["netdev"] = "host" + card, // libvirt's name for the host's side of a card
            ["queue"] = "rx", // what the guest sends
            ["interval"] = uint.MaxValue,
        }),
        cancellationToken);

    private async Task SwitchAsync(string filter, bool isOn, CancellationToken cancellationToken) => await _host.SendAsync(
        new QemuCommand(_domain, "qom-set", new JsonObject
        {
            ["path"] = "/objects/" + filter,
            ["property"] = "status",
            ["value"] = isOn ? "on" : "off",
        }),
        cancellationToken);
}
