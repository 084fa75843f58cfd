using System.Globalization;
using System.Net.Sockets;
using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Native;

namespace Kumoi.Hypervisors.Libvirt.Migrations;

/// <summary>Words and facts for a VM that was not sent.</summary>
internal sealed class PerformReport(MigrationOffer offer, string source, IReadOnlyList<ReplicaProgress> targets)
{
    private string Action => $"send VM '{offer.Name}' from {source} to {string.Join(", ", targets.Select(static target => target.Target))}";

    private string Losses
    {
        get
        {
            var losses = string.Join("; ", targets.Where(static t => t.Dropped is not null).Select(static t => $"{t.Target}: {t.Dropped}"));
            return losses.Length > 0 ? $" ({losses})" : "";
        }
    }

    /// <summary>Those that have the whole state; where none has, all that were not given up.</summary>
    private string Speakers
    {
        get
        {
            var speaking = targets.Any(static target => target.HasAll)
                ? targets.Where(static target => target.HasAll)
                : targets.Where(static target => target.Dropped is null);
            var names = string.Join(" and ", speaking.Select(static target => target.Target));
            return names.Length > 0 ? names : "any target";
        }
    }

    private bool IsOneComplete => targets.Any(static target => target.HasAll);

    private string WhatIsMissing => IsOneComplete
        ? $"{source} did not hear that {Speakers} {(targets.Count(static target => target.HasAll) == 1 ? "has" : "have")} the whole state"
        : "no target said that it has the whole state";

    private string Patience => string.Create(CultureInfo.InvariantCulture, $"{offer.Plan.Options.StallTimeout.TotalSeconds:0.#} s");

    public HypervisorException CannotRelay(Exception cause) => new(
        $"Cannot {Action}: this computer cannot relay it: {cause.Message}.",
        FaultDomain.Unknown,
        error: HypervisorError.NotSupported,
        recommendedAction: "Give RelayAddress, an address that this computer has and that the source host reaches.",
        innerException: cause);

    public HypervisorException DoesNotEnd(MigrationStop stop) => new(
        $"Cannot {Action}: {Reason(stop, null, null)}{Losses}; but it did not end when it was aborted.",
        FaultDomain.Host,
        isTransient: false,
        outcomeUnknown: true,
        HypervisorError.TimedOut,
        recommendedAction: "Check where the VM runs before doing anything else with it.");

    /// <summary>The source has handed the VM over, and nobody has it.</summary>
    public HypervisorException NobodyHasIt() => new(
        $"Cannot {Action}: {source} has sent it, but no target said that it has the whole state{Losses}. The VM is paused on {source}.",
        FaultDomain.Host,
        isTransient: false,
        outcomeUnknown: true,
        recommendedAction: "Remove what the targets have of it, and take it back at the source. QEMU's return path, which "
            + "reports this, is needed.");

    /// <summary>libvirt says that it failed.</summary>
    /// <param name="stop">Why it was ended from here.</param>
    /// <param name="outcome">What the source's daemon said.</param>
    /// <param name="refused">Who was turned away by the relay.</param>
    /// <param name="sourceLoss">How the source's connection to this computer broke; null: it did not.</param>
    /// <param name="place">What the source has now.</param>
    public HypervisorException Failed(
        MigrationStop stop, PhaseOutcome outcome, string? refused, SocketException? sourceLoss, VMWhereabouts place)
    {
        LibvirtFailure failure = outcome.Failure ?? default;
        var isUnknown = place is VMWhereabouts.Unknown or VMWhereabouts.MigrationPaused;
        var known = LibvirtErrors.ToException(failure, Action, CallKind.Read, outcome.Loss);
        var isDeaf = stop is MigrationStop.Idling
            || (stop is MigrationStop.NobodyAnswers && IsOneComplete)
            || stop is MigrationStop.SourceDeaf;
        var isOurs = isDeaf || stop is MigrationStop.Stalled or MigrationStop.NobodyAnswers or MigrationStop.NoneLeft;
        var stranger = refused is null ? ""
            : $" The relay turned away {refused}, which is not known to be {source}. If it is, give it as -SourceAddress.";
        return new HypervisorException(
            $"Cannot {Action}: {Reason(stop, failure.Message, sourceLoss)}{Losses}. {Where(place)}{stranger}",
            isDeaf ? FaultDomain.Network : isOurs ? FaultDomain.Host : known.FaultDomain,
            isTransient: isOurs || known.IsTransient,
            outcomeUnknown: isUnknown,
            isDeaf || stop is MigrationStop.Stalled or MigrationStop.NobodyAnswers ? HypervisorError.TimedOut
                : stop == MigrationStop.NoneLeft ? HypervisorError.ConnectionFailed
                : stop == MigrationStop.Cancelled ? HypervisorError.Aborted
                : known.Error,
            (int)failure.Code,
            isUnknown ? $"Read what {source} has of the VM before doing anything else with it."
                : isDeaf
                    ? $"Check the network between {source} and this computer, which carries the targets' answers. Other "
                        + "targets do not help."
                : isOurs ? "Use other targets, or a larger budget."
                : known.RecommendedAction);
    }

    private string Reason(MigrationStop stop, string? failure, SocketException? sourceLoss) => stop switch
    {
        MigrationStop.Cancelled => "it was cancelled",
        MigrationStop.Stalled => $"it moved no byte for {Patience}",
        MigrationStop.Idling => $"nothing was left to send for {Patience}, and {source} did not hear that {Speakers} can take over",
        MigrationStop.SourceDeaf => $"{source} did not hear what {Speakers} reported, for {Patience}",
        MigrationStop.NobodyAnswers => $"all was sent, but {WhatIsMissing}, while the guest waited",
        MigrationStop.NoneLeft => "no target is left",
        _ => (failure?.TrimEnd('.', ' ', '\n') ?? "it failed")
            + (sourceLoss is null ? "" : $" (the connection from {source} to this computer broke: {sourceLoss.Message})"),
    };

    private string Where(VMWhereabouts place) => place switch
    {
        VMWhereabouts.Running => $"The VM runs on {source}.",
        VMWhereabouts.Paused => $"The VM is still paused on {source}.",
        VMWhereabouts.MigrationPaused => $"{source} keeps the VM paused by the migration.",
        VMWhereabouts.Off or VMWhereabouts.Absent => $"The VM has ended on {source}.",
        _ => $"{source} does not report what it has of the VM.",
    };
}
