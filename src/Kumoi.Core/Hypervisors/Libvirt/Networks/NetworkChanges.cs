using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Definitions;
using Kumoi.Hypervisors.Libvirt.Native;
using Kumoi.Hypervisors.Libvirt.Power;

namespace Kumoi.Hypervisors.Libvirt.Networks;

/// <summary>Makes, starts, stops and removes virtual networks (libvirt-network). Its methods block.</summary>
internal static unsafe class NetworkChanges
{
    /// <summary>
    /// virNetworkDefineXML, which refuses a name that another network has, whoever asks, and virNetworkCreate, which refuses addresses that
    /// the host has. Who defines one with the same addresses at the same time is found after it: then this one goes again.
    /// </summary>
    public static NetworkReading Create(LibvirtConnection connection, NetworkSpec spec)
    {
        var action = $"make the network '{spec.Name}'";
        NetworkDefinition.EnsureFree(connection.Label, spec, NetworkReader.Read(connection));
        var pointer = NativeNetwork.virNetworkDefineXML(connection.Handle, NetworkDefinition.Build(spec).ToString());
        if (pointer == 0)
        {
            var failure = Failed(connection, action);
            if (!failure.OutcomeUnknown)
            {
                NetworkDefinition.EnsureFree(connection.Label, spec, NetworkReader.Read(connection)); // somebody else may have made it
            }

            throw failure;
        }

        connection.NoteChange();
        using var network = new NetworkHandle(pointer, connection.Handle);
        try
        {
            var made = ReadAgain(connection, network, spec.Name);
            NetworkDefinition.EnsureFree(connection.Label, spec, NetworkReader.Read(connection).Where(other => other.Id != made.Id));
            if (spec.IsStarted)
            {
                Check(connection, NativeNetwork.virNetworkCreate(network), action);
            }

            if (spec.IsAutostart)
            {
                Check(connection, NativeNetwork.virNetworkSetAutostart(network, 1), action);
            }

            return ReadAgain(connection, network, spec.Name);
        }
        catch (HypervisorException e) when (!e.OutcomeUnknown)
        {
            _ = NativeNetwork.virNetworkDestroy(network);
            _ = NativeNetwork.virNetworkUndefine(network);
            throw;
        }
    }

    /// <summary>virNetworkCreate.</summary>
    public static NetworkReading Start(LibvirtConnection connection, StartNetwork call)
    {
        using var network = Get(connection, call.Id, call.NetworkName);
        if (!IsActive(network) && NativeNetwork.virNetworkCreate(network) != 0)
        {
            var failure = Failed(connection, $"start the network '{call.NetworkName}'");
            if (failure.OutcomeUnknown || !IsActive(network))
            {
                throw failure;
            }
        }

        connection.NoteChange();
        return ReadAgain(connection, network, call.NetworkName);
    }

    /// <summary>virNetworkDestroy, after which it can be started again. One that has no definition is gone then.</summary>
    public static NetworkReading Stop(LibvirtConnection connection, StopNetwork call)
    {
        using var network = Get(connection, call.Id, call.NetworkName);
        var before = ReadAgain(connection, network, call.NetworkName);
        if (!before.IsActive)
        {
            return before;
        }

        EnsureUnused(connection, before.Name, alsoDefined: false);
        Stop(connection, network, $"stop the network '{before.Name}'");
        return NetworkReader.Read(connection, network) ?? before with { IsActive = false };
    }

    /// <summary>virNetworkUndefine.</summary>
    public static Done Remove(LibvirtConnection connection, RemoveNetwork call)
    {
        using var network = Find(connection, call.Id);
        if (network is null || NetworkReader.Read(connection, network) is not { } before)
        {
            return default;
        }

        EnsureUnused(connection, before.Name, alsoDefined: true);
        var action = $"remove the network '{before.Name}'";
        var isPersistent = NativeNetwork.virNetworkIsPersistent(network) == 1;
        if (before.IsActive)
        {
            Stop(connection, network, action);
        }

        if (isPersistent && NativeNetwork.virNetworkUndefine(network) != 0)
        {
            var failure = NativeError.Last();
            if (failure.Code is LibvirtCode.NoNetwork)
            {
                return default;
            }

            if (before.IsActive)
            {
                _ = NativeNetwork.virNetworkCreate(network);
            }

            throw connection.ToException(failure, action, CallKind.Write);
        }

        return default;
    }

    /// <summary>virNetworkSetAutostart.</summary>
    public static NetworkReading SetAutostart(LibvirtConnection connection, SetNetworkAutostart call)
    {
        using var network = Get(connection, call.Id, call.NetworkName);
        Check(
            connection, NativeNetwork.virNetworkSetAutostart(network, call.IsOn ? 1 : 0),
            $"set whether the network '{call.NetworkName}' is started with the host");
        return ReadAgain(connection, network, call.NetworkName);
    }

    public static NetworkHandle Get(LibvirtConnection connection, Guid id, string name) =>
        Find(connection, id) ?? throw NetworkDefinition.IsGone(connection.Label, name);

    /// <summary>virNetworkLookupByUUID. Null: the host has no such network.</summary>
    private static NetworkHandle? Find(LibvirtConnection connection, Guid id)
    {
        byte* uuid = stackalloc byte[NativeDomain.UuidLength];
        _ = id.TryWriteBytes(new Span<byte>(uuid, NativeDomain.UuidLength), bigEndian: true, out _);
        var pointer = NativeNetwork.virNetworkLookupByUUID(connection.Handle, uuid);
        if (pointer != 0)
        {
            return new NetworkHandle(pointer, connection.Handle);
        }

        var failure = NativeError.Last();
        return failure.Code is LibvirtCode.NoNetwork ? null : throw connection.ToException(failure, "find a network", CallKind.Read);
    }

    private static void EnsureUnused(LibvirtConnection connection, string name, bool alsoDefined)
    {
        using var domains = VMDefiner.ListDomains(connection);
        foreach (var domain in domains)
        {
            var (now, definition) = DeviceChange.ReadBoth(connection, domain);
            if ((now is not null && NetworkDefinition.IsUsedBy(name, now))
                || (alsoDefined && definition is not null && NetworkDefinition.IsUsedBy(name, definition)))
            {
                throw NetworkDefinition.InUse(connection.Label, name, domain.Name);
            }
        }
    }

    private static void Stop(LibvirtConnection connection, NetworkHandle network, string action)
    {
        if (NativeNetwork.virNetworkDestroy(network) != 0)
        {
            var failure = Failed(connection, action);
            if (failure.OutcomeUnknown || IsActive(network))
            {
                throw failure;
            }
        }

        connection.NoteChange();
    }

    private static bool IsActive(NetworkHandle network) => NativeNetwork.virNetworkIsActive(network) == 1;

    private static NetworkReading ReadAgain(LibvirtConnection connection, NetworkHandle network, string name) =>
        NetworkReader.Read(connection, network) ?? throw NetworkDefinition.IsGone(connection.Label, name);

    /// <summary>Whatever libvirt complains of here, and has no number of its own for, is what the host lacks or has already.</summary>
    private static HypervisorException Failed(LibvirtConnection connection, string action)
    {
        var failure = connection.Failed(action, CallKind.Write);
        return failure is { Error: HypervisorError.Other, OutcomeUnknown: false }
            ? new HypervisorException(
                failure.Message, FaultDomain.Host, error: HypervisorError.ResourceUnavailable, nativeCode: failure.NativeCode,
                recommendedAction: "Check that the host has dnsmasq and its firewall's tools, and that it has no such address or bridge "
                    + "already.")
            : failure;
    }

    private static void Check(LibvirtConnection connection, int status, string action)
    {
        if (status != 0)
        {
            throw Failed(connection, action);
        }

        connection.NoteChange();
    }
}
