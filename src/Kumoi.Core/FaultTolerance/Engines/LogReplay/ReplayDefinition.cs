using System.Xml.Linq;
using Kumoi.Hypervisors;

namespace Kumoi.FaultTolerance.Engines.LogReplay;

/// <summary>The domain XML of VMs that are recorded, and of their replicas.</summary>
internal static class ReplayDefinition
{
    /// <summary>The state that a recording goes on from.</summary>
    public const string Live = "kumoi-live";

    /// <summary>The state that a recording begins with, and its replica too.</summary>
    public const string Begin = "kumoi-begin";

    // A count of the clock for each instruction, the same at all times: QEMU's own choice makes large logs.
    private const string Clock = "shift=5";

    private static readonly XNamespace Qemu = "http://libvirt.org/schemas/domain/qemu/1.0";

    /// <summary>The VM, recorded from its boot.</summary>
    public static XElement Recorded(XElement vm, PairPlan plan, string record, string image)
    {
        var domain = new XElement(vm);
        domain.Attribute("id")?.Remove();
        SetArguments(domain, plan.VM, $"{Clock},rr=record,rrfile={Escape(record)}", image);
        return domain;
    }

    /// <summary>A standby that is given a state later, and is recorded from there.</summary>
    public static XElement Successor(XElement live, PairPlan plan, int number, string attempt, string record)
    {
        var domain = StandbyDefinition.Of(live, plan, ServingOf(live, plan), number, attempt);
        SetArguments(domain, plan.VM, $"{Clock},rr=record,rrfile={Escape(record)}", image: null);
        return domain;
    }

    /// <summary>A standby that replays a log.</summary>
    public static XElement Replica(XElement live, PairPlan plan, int number, string attempt, string log, string image)
    {
        var domain = StandbyDefinition.Of(live, plan, ServingOf(live, plan), number, attempt);
        var from = IsFromBoot(live, plan) ? "" : $",rrsnapshot={Begin}";
        SetArguments(domain, plan.VM, $"{Clock},rr=replay,rrfile={Escape(log)}{from}", image);
        return domain;
    }

    /// <summary>
    /// A VM of its own that replays a kept recording: the guest sees what it saw, and libvirt another VM. What it puts out goes into a
    /// file. QEMU itself opens that: where libvirt's daemon for logs does, it begins a new one from time to time.
    /// </summary>
    /// <param name="live">The live definition of the VM that was recorded.</param>
    /// <param name="id">The new VM's.</param>
    /// <param name="name">The new VM's.</param>
    /// <param name="log">What is replayed.</param>
    /// <param name="folder">Has the new VM's own files.</param>
    public static XElement Restored(XElement live, Guid id, string name, string log, string folder)
    {
        var domain = new XElement(live);
        var isFromBoot = (string?)live.Element("uuid") == GuestOf(live).ToString("D");
        domain.Attribute("id")?.Remove();
        domain.Element("seclabel")?.Remove();
        domain.SetElementValue("uuid", id.ToString("D"));
        domain.SetElementValue("name", name);
        domain.Elements("metadata").Elements().Where(StandbyMark.Is).Remove();
        ReplayMark.Set(domain, folder);
        domain.Elements("devices").Elements("interface").Remove();
        string? alias = null;
        foreach (var port in domain.Elements("devices").Elements()
            .Where(static port => port.Name.LocalName is "serial" or "console" or "parallel" or "channel"))
        {
            alias ??= (string?)port.Attribute("type") is "unix" ? (string?)port.Element("alias")?.Attribute("name") : null;
            port.SetAttributeValue("type", "null");
            port.Elements().Where(static part => part.Name.LocalName is "source" or "protocol" or "log").Remove();
        }

        var from = isFromBoot ? "" : $",rrsnapshot={Begin}";
        SetArguments(
            domain, GuestOf(live), $"{Clock},rr=replay,rrfile={Escape(log)}{from}", Path.Combine(folder, ReplayMark.Image));
        foreach (var value in alias is null ? [] : (string[])
            ["-set", $"chardev.char{alias}.backend=file", "-set", $"chardev.char{alias}.path={Path.Combine(folder, ReplayMark.Console)}"])
        {
            domain.Element(Qemu + "commandline")!.Add(new XElement(Qemu + "arg", new XAttribute("value", value)));
        }

        return domain;
    }

    /// <summary>The id that the guest of a VM that is recorded sees: the VM's own, whichever standby it is by now.</summary>
    public static Guid GuestOf(XElement live)
    {
        var arguments = Arguments(live);
        return arguments.IndexOf("-uuid") is >= 0 and var at && Guid.TryParse(arguments.ElementAtOrDefault(at + 1), out var id)
            ? id : Guid.TryParse((string?)live.Element("uuid"), out id) ? id : Guid.Empty;
    }

    /// <summary>The file that a VM is recorded to; null: it is not recorded.</summary>
    public static string? RecordOf(XElement live) => Arguments(live)
        .Where(static argument => argument.Contains(",rr=record,", StringComparison.Ordinal))
        .Select(static argument => ValueOf(argument, "rrfile=")).FirstOrDefault();

    /// <summary>Whether the recording began at the VM's boot; else with a state, as that of every standby that has taken over.</summary>
    public static bool IsFromBoot(XElement live, PairPlan plan) => ServingOf(live, plan) is null;

    /// <summary>Which standby the VM is by its definition; null: itself.</summary>
    public static int? ServingOf(XElement live, PairPlan plan) => Enumerable.Range(0, PairDomains.Standbys)
        .Where(number => (string?)live.Element("uuid") == PairDomains.Of(plan.VM, number).ToString("D"))
        .Select(static number => (int?)number).FirstOrDefault();

    private static List<string> Arguments(XElement domain) =>
    [
        .. domain.Elements(Qemu + "commandline").Elements(Qemu + "arg").Select(static argument => (string?)argument.Attribute("value") ?? ""),
    ];

    private static void SetArguments(XElement domain, Guid vm, string clock, string? image)
    {
        // An argument of ours is followed by its value.
        var kept = new List<string>();
        var old = Arguments(domain);
        for (var at = 0; at < old.Count; at++)
        {
            var value = old.ElementAtOrDefault(at + 1) ?? "";
            if (old[at] is "-icount" or "-uuid" or "-incoming" or "-loadvm"
                || (old[at] is "-drive" && value.EndsWith(Drive, StringComparison.Ordinal)))
            {
                at++;
            }
            else
            {
                kept.Add(old[at]);
            }
        }

        domain.Elements(Qemu + "commandline").Elements(Qemu + "arg").Remove();
        var arguments = domain.Element(Qemu + "commandline");
        if (arguments is null)
        {
            domain.SetAttributeValue(XNamespace.Xmlns + "qemu", Qemu.NamespaceName);
            arguments = new XElement(Qemu + "commandline");
            domain.Add(arguments);
        }

        // The guest sees its own id, also where libvirt has another one for it: a BIOS carries out as many instructions as that has digits.
        IEnumerable<string> drive = image is null ? [] : ["-drive", $"file={Escape(image)}{Drive}"];
        arguments.Add(kept.Concat(["-icount", clock, .. drive, "-uuid", vm.ToString("D")])
            .Select(static value => new XElement(Qemu + "arg", new XAttribute("value", value))));
    }

    private const string Drive = ",format=qcow2,if=none,id=kumoi-replay";

    /// <summary>QEMU takes two commas for one in a value.</summary>
    private static string Escape(string path) => path.Replace(",", ",,", StringComparison.Ordinal);

    private static string ValueOf(string argument, string name)
    {
        var value = argument[(argument.IndexOf(name, StringComparison.Ordinal) + name.Length)..].Replace(",,", "\n", StringComparison.Ordinal);
        var end = value.IndexOf(',', StringComparison.Ordinal);
        return (end < 0 ? value : value[..end]).Replace('\n', ',');
    }
}
