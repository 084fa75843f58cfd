using System.Text.Json.Nodes;
using System.Xml.Linq;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.FaultTolerance.Engines.Colo;

/// <summary>
/// The network cards of a VM in COLO, by QEMU's own filters: what the VM is sent is sent to its standby too, and what both send is compared
/// beside the VM. What is equal goes out at once; the rest is held until the standby has taken a checkpoint.
/// </summary>
/// <remarks>
/// <para>
/// The comparer is the gate in checkpoint mode too: of a standby that stands still there is nothing to compare, and QEMU lets out what is
/// held when the standby has received a checkpoint as a whole. A difference makes no checkpoint: it is told to <see cref="ComparerNotices"/>.
/// </para>
/// <para>
/// A standby's tap is connected like the VM's. What comes from it goes nowhere, and what the guest sends goes to the comparer, until the
/// standby takes over. Its rewriter stays then: it knows how far the numbers of TCP connections that are open differ from what the other
/// side has seen.
/// </para>
/// <para>Source: docs/colo-proxy.txt, net/filter-mirror.c, net/filter-rewriter.c and net/colo-compare.c of QEMU 7.2 and 10.0.</para>
/// </remarks>
internal sealed class ColoNetwork(PairPlan plan)
{
    private const string Mark = "kumoi-colo-";
    private const string Thread = Mark + "thread";

    /// <summary>How many packets of a connection are held. More are lost, as a network may lose them.</summary>
    private const int MaxPackets = 8192;

    /// <summary>How often a comparer looks for packets that lack the other side's.</summary>
    private static readonly TimeSpan ScanPeriod = TimeSpan.FromMilliseconds(100);

    private string NoticeSocket => Path.Combine(plan.Folder, "comparer.sock");

    /// <summary>Where the comparers of this controller's course tell that packets differ. It is the caller's.</summary>
    public ComparerNotices Listen() => new(NoticeSocket);

    /// <summary>
    /// The standby is cut off from the network, and waits for what its VM is sent. Where, for each card; as the guest has not begun, nothing
    /// is lost.
    /// </summary>
    public async Task<IReadOnlyList<StandbyCard>> OpenStandbyAsync(
        IHypervisorLink host, Guid domain, int number, CancellationToken cancellationToken)
    {
        List<StandbyCard> opened = [];
        foreach (var (at, card) in (await CardsAsync(host, domain, cancellationToken)).Index())
        {
            var qemu = new Side(host, domain, card);
            await qemu.AddPortAsync("nowhere", new JsonObject { ["type"] = "null", ["data"] = new JsonObject() }, cancellationToken);
            opened.Add(new StandbyCard(await ListenAsync("in"), await ListenAsync("out")));
            await qemu.AddFilterAsync(
                "filter-redirector", "take", "tx", cancellationToken, ("indev", qemu.Name("in")), ("outdev", qemu.Name("nowhere")));
            await qemu.AddFilterAsync("filter-redirector", "give", "rx", cancellationToken, ("outdev", qemu.Name("out")));
            await qemu.AddFilterAsync("filter-rewriter", "rewriter", "all", cancellationToken);

            async Task<JsonObject> ListenAsync(string way)
            {
                await qemu.AddPortAsync(way, Socket(AddressOf(host, number, at, way), isServer: true), cancellationToken);
                return await qemu.ListensAtAsync(way, cancellationToken);
            }
        }

        return opened;
    }

    /// <summary>From now on what the VM sends is compared with what the standby sends, and held until then.</summary>
    /// <param name="host">The VM's host.</param>
    /// <param name="domain">What it is there.</param>
    /// <param name="standby">Where the standby waits, by <see cref="OpenStandbyAsync"/>.</param>
    /// <param name="cancellationToken">What was done until then stays, for <see cref="CloseAsync"/>.</param>
    public async Task OpenPrimaryAsync(
        IHypervisorLink host, Guid domain, IReadOnlyList<StandbyCard> standby, CancellationToken cancellationToken)
    {
        var cards = await CardsAsync(host, domain, cancellationToken);
        if (cards.Count > 0)
        {
            await host.SendAsync(
                new QemuCommand(domain, "object-add", new JsonObject { ["qom-type"] = "iothread", ["id"] = Thread }), cancellationToken);
        }

        for (var at = 0; at < cards.Count; at++)
        {
            var qemu = new Side(host, domain, cards[at]);
            await qemu.AddPortAsync("mirror", Socket(standby[at].In, isServer: false), cancellationToken);
            await qemu.AddPortAsync("standby", Socket(standby[at].Out, isServer: false), cancellationToken);
            await qemu.AddPortAsync("notices", Socket(UnixAddress(NoticeSocket), isServer: false), cancellationToken);
            foreach (var way in (string[])["sent", "equal"])
            {
                // From a filter to the comparer and back again QEMU knows no shorter way than a socket.
                var path = UnixAddress(Path.Combine(plan.Folder, FormattableString.Invariant($"card{at}-{way}.sock")));
                await qemu.AddPortAsync(way, Socket(path, isServer: true), cancellationToken);
                await qemu.AddPortAsync(way + "-end", Socket(path, isServer: false), cancellationToken);
            }

            await qemu.AddComparerAsync(ConsoleComparison.Patience, cancellationToken);
            await qemu.AddFilterAsync("filter-mirror", "mirror", "tx", cancellationToken, ("outdev", qemu.Name("mirror")));
            await qemu.AddFilterAsync("filter-redirector", "equal", "rx", cancellationToken, ("indev", qemu.Name("equal")));
            await qemu.AddFilterAsync("filter-redirector", "sent", "rx", cancellationToken, ("outdev", qemu.Name("sent")));
        }
    }

    /// <summary>
    /// Takes away all that is COLO's at a VM's cards, which are as any VM's then; what is held goes out. The rewriter of a standby that has
    /// taken over stays.
    /// </summary>
    public static async Task CloseAsync(IHypervisorLink host, Guid domain, CancellationToken cancellationToken)
    {
        if ((await CardsAsync(host, domain, cancellationToken)).Count == 0)
        {
            return;
        }

        var objects = await host.SendAsync(
            new QemuCommand(domain, "qom-list", new JsonObject { ["path"] = "/objects" }), cancellationToken);
        List<string> names =
            [.. objects.EnumerateArray().Select(static found => found.GetProperty("name").GetString()!).Where(IsOfColo)];

        // First nothing more comes to the comparer; it lets out what it holds when it ends; and only then its way out is taken away.
        string[] order = ["-sent", "-comparer", "-equal"];
        foreach (var name in names.Where(static name => !name.EndsWith("-rewriter", StringComparison.Ordinal) && name != Thread)
            .OrderBy(name => Array.FindIndex(order, end => name.EndsWith(end, StringComparison.Ordinal)) is >= 0 and var at ? at : order.Length))
        {
            await RemoveAsync("object-del", name);
        }

        if (names.Contains(Thread))
        {
            await RemoveAsync("object-del", Thread);
        }

        var ports = await host.SendAsync(new QemuCommand(domain, "query-chardev"), cancellationToken);
        foreach (var name in ports.EnumerateArray().Select(static port => port.GetProperty("label").GetString()!).Where(IsOfColo).ToList())
        {
            await RemoveAsync("chardev-remove", name);
        }

        async Task RemoveAsync(string command, string name) =>
            await host.SendAsync(new QemuCommand(domain, command, new JsonObject { ["id"] = name }), cancellationToken);
    }

    private static bool IsOfColo(string name) => name.StartsWith(Mark, StringComparison.Ordinal);

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

    private JsonObject AddressOf(IHypervisorLink host, int number, int card, string way) =>
        StandbyAddress.NetworkNameOf(plan, host) is { } name
            ? new JsonObject { ["type"] = "inet", ["data"] = new JsonObject { ["host"] = name, ["port"] = "0" } }
            : UnixAddress(Path.Combine(plan.Folder, FormattableString.Invariant($"card{card}-ck{number}-{way}.sock")));

    private static JsonObject UnixAddress(string path) => new() { ["type"] = "unix", ["data"] = new JsonObject { ["path"] = path } };

    private static JsonObject Socket(JsonObject address, bool isServer)
    {
        var data = new JsonObject { ["addr"] = address.DeepClone(), ["server"] = isServer };
        if (isServer)
        {
            data["wait"] = false;
        }

        return new JsonObject { ["type"] = "socket", ["data"] = data };
    }

    /// <summary>Where a standby's card waits for QEMU's socket of what its VM is sent, and for that of what it sends itself.</summary>
    internal sealed record StandbyCard(JsonObject In, JsonObject Out);

    /// <summary>A card of a QEMU.</summary>
    private sealed class Side(IHypervisorLink host, Guid domain, string card)
    {
        public string Name(string part) => $"{Mark}{card}-{part}";

        public async Task AddPortAsync(string part, JsonObject backend, CancellationToken cancellationToken) => await host.SendAsync(
            new QemuCommand(domain, "chardev-add", new JsonObject { ["id"] = Name(part), ["backend"] = backend }), cancellationToken);

        /// <summary>Where a port of this QEMU listens, for who connects to it: QEMU has chosen its number.</summary>
        public async Task<JsonObject> ListensAtAsync(string part, CancellationToken cancellationToken)
        {
            var ports = await host.SendAsync(new QemuCommand(domain, "query-chardev"), cancellationToken);
            var name = ports.EnumerateArray().First(port => port.GetProperty("label").GetString() == Name(part))
                .GetProperty("filename").GetString() ?? "";
            // Such as disconnected:unix:/a/b.sock,server=on and disconnected:tcp:192.0.2.1:40000,server=on
            const string Disconnected = "disconnected:";
            var address = (name.StartsWith(Disconnected, StringComparison.Ordinal) ? name[Disconnected.Length..] : name).Split(',')[0];
            var (kind, place) = address.IndexOf(':', StringComparison.Ordinal) is > 0 and var end
                ? (address[..end], address[(end + 1)..]) : ("", address);
            return kind is "unix" ? UnixAddress(place)
                : kind is "tcp" && place.LastIndexOf(':') is > 0 and var colon
                    ? new JsonObject
                    {
                        ["type"] = "inet",
                        ["data"] = new JsonObject { ["host"] = place[..colon].Trim('[', ']'), ["port"] = place[(colon + 1)..] },
                    }
                    : throw new HypervisorException(
                        $"QEMU on {host.HostName} does not say where the port '{Name(part)}' listens, but '{name}'.", FaultDomain.Host,
                        error: HypervisorError.NotSupported, recommendedAction: "Take -Mode Checkpoint for this VM.");
        }

        public async Task AddFilterAsync(
            string type, string part, string queue, CancellationToken cancellationToken, params (string Key, string Value)[] settings)
        {
            var filter = new JsonObject
            {
                ["qom-type"] = type,
                ["id"] = Name(part),
                ["netdev"] = "host" + card, // libvirt's name for the host's side of a card
                ["queue"] = queue,
                ["vnet_hdr_support"] = true,
            };
            foreach (var (key, value) in settings)
            {
                filter[key] = value;
            }

            await host.SendAsync(new QemuCommand(domain, "object-add", filter), cancellationToken);
        }

        public async Task AddComparerAsync(TimeSpan patience, CancellationToken cancellationToken) => await host.SendAsync(
            new QemuCommand(domain, "object-add", new JsonObject
            {
                ["qom-type"] = "colo-compare",
                ["id"] = Name("comparer"),
                ["primary_in"] = Name("sent-end"),
                ["secondary_in"] = Name("standby"),
                ["outdev"] = Name("equal-end"),
                ["iothread"] = Thread,
                ["notify_dev"] = Name("notices"),
                ["vnet_hdr_support"] = true,
                ["compare_timeout"] = (int)patience.TotalMilliseconds,
                ["expired_scan_cycle"] = (int)ScanPeriod.TotalMilliseconds,
                ["max_queue_size"] = MaxPackets,
            }),
            cancellationToken);
    }
}
