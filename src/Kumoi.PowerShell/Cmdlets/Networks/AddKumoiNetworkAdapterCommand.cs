using System.Collections.Concurrent;
using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Completion;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Gives VMs network adapters, also while they run.</summary>
[Cmdlet(VerbsCommon.Add, "KumoiNetworkAdapter", SupportsShouldProcess = true, DefaultParameterSetName = "Network")]
[OutputType(typeof(KumoiVM))]
public sealed class AddKumoiNetworkAdapterCommand : VMActionCmdlet
{
    private readonly ConcurrentDictionary<KumoiVM, KumoiNetworkAdapter> _added = new(ReferenceEqualityComparer.Instance);

    /// <summary>The network of libvirt to which it is connected.</summary>
    [Parameter(Mandatory = true, Position = 1, ParameterSetName = "Network")]
    [Alias("Network")]
    [ArgumentCompleter(typeof(NetworkNameCompleter))]
    [ValidateNotNullOrEmpty]
    public string? NetworkName { get; set; }

    /// <summary>The bridge of the host to which it is connected.</summary>
    [Parameter(Mandatory = true, ParameterSetName = "Bridge")]
    [ValidateNotNullOrEmpty]
    public string? Bridge { get; set; }

    /// <summary>What the guest sees.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(AdapterModelCompleter))]
    [ValidateNotNullOrEmpty]
    public string Model { get; set; } = "virtio";

    /// <summary>Its address; else one is drawn.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? MacAddress { get; set; }

    /// <summary>The VLAN to which its packets belong.</summary>
    [Parameter]
    [ValidateRange(1, 4094)]
    public int? Vlan { get; set; }

    /// <summary>The filter of the host for its packets.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(NetworkFilterCompleter))]
    [ValidateNotNullOrEmpty]
    public string? Filter { get; set; }

    /// <summary>Its cable is not plugged in.</summary>
    [Parameter]
    public SwitchParameter Disconnected { get; set; }

    private protected override bool MeansAnyElement => false;

    private protected override string Verb => $"Add a network adapter at '{NetworkName ?? Bridge}'";

    private protected override async Task<KumoiVM?> ActAsync(KumoiVM vm, ActionProgress progress, CancellationToken cancellationToken)
    {
        var settings = new AdapterSettings
        {
            Network = NetworkName,
            Bridge = Bridge,
            Vlan = Vlan,
            Filter = Filter,
            IsConnected = Disconnected ? false : null,
        };
        _added[vm] = await VMAdapters.AddAsync(vm, settings, Model, MacAddress, cancellationToken);
        return await VMActions.ReadAgainAsync(vm, CancellationToken.None);
    }

    private protected override Func<KumoiConnection?, Task>? UndoOf(KumoiVM vm) =>
        _added.TryGetValue(vm, out var added)
            ? async movedTo => await VMAdapters.RemoveAsync(
                new KumoiNetworkAdapter(vm.At(movedTo), added.Reading, added.CapturedAt), CancellationToken.None)
            : null;
}
