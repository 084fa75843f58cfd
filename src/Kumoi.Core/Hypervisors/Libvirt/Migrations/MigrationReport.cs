using System.Globalization;
using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Native;

namespace Kumoi.Hypervisors.Libvirt.Migrations;

/// <summary>Words and facts for migrations that did not end well.</summary>
internal sealed class MigrationReport(string vm, string source, string target, MigrationOptions options)
{
    private string Action => $"migrate VM '{vm}' from {source} to {target}";

    public HypervisorException Busy() => new(
        $"Cannot {Action}: another job runs on the VM.",
        FaultDomain.VM,
        isTransient: true,
        error: HypervisorError.InvalidState,
        recommendedAction: "Try again when that job is over ('virsh domjobinfo' shows it).");

    public HypervisorException NameTaken() => new(
        $"Cannot {Action}: {target} already has a VM of that name.",
        FaultDomain.Host,
        error: HypervisorError.VMExists,
        recommendedAction: "Use another host, or rename or remove the VM there.");

    public HypervisorException RunsTwice() => new(
        $"ALARM: VM '{vm}' runs on both {source} and {target}.",
        FaultDomain.VM,
        error: HypervisorError.InvalidState,
        nativeCode: 0,
        recommendedAction:
            "Stop one of the two at once; if both write to the same disk, it is probably damaged already. Choose by their consoles which "
            + "one holds the newer state.");

    public HypervisorException Remains() => new(
        $"VM '{vm}' has moved and runs on {target}, but {source} keeps a paused copy of it.",
        FaultDomain.Host,
        error: HypervisorError.InvalidState,
        recommendedAction: $"Stop the copy on {source}. Never resume it: the VM would run twice.");

    public HypervisorException DoesNotEnd(MigrationStop stop) => new(
        $"Cannot {Action}: it {Why(stop)}, but did not end when it was aborted.",
        FaultDomain.Host,
        isTransient: false,
        outcomeUnknown: true,
        HypervisorError.TimedOut,
        recommendedAction: "Check where the VM runs before doing anything else with it.");

    public HypervisorException Undecided(MigrationFacts facts, MigrationOutcome outcome) => new(
        $"It is not known whether VM '{vm}' moved from {source} to {target}: the source has it '{facts.Source}', the "
            + $"target '{facts.Target}'"
        + (outcome.Failure is { } failure ? $". {failure.Message}." : "."),
        FaultDomain.Host,
        isTransient: false,
        outcomeUnknown: true,
        HypervisorError.ConnectionFailed,
        (int)(outcome.Failure?.Code ?? LibvirtCode.Ok),
        "Read both hosts when they answer again. A copy that is paused by the migration may be resumed only if the VM does not run on the "
        + "other host.");

    /// <summary>It failed, and the VM is where it was.</summary>
    public HypervisorException Failed(MigrationOutcome outcome, MigrationStop stop, bool targetAnswers)
    {
        LibvirtFailure failure = outcome.Failure ?? default;
        if (stop != MigrationStop.None)
        {
            return Stopped(stop, outcome, targetAnswers);
        }

        if (outcome.TargetLoss is not null)
        {
            return Stopped(MigrationStop.TargetLost, outcome, targetAnswers);
        }

        if (outcome.SourceLoss is { } loss)
        {
            failure = failure with { Message = $"the connection to {source} was lost ({failure.Message}); the VM is still there" };
            return LibvirtErrors.ToException(failure, Action, CallKind.Read, loss);
        }

        var known = LibvirtErrors.ToException(failure, Action, CallKind.Read, loss: null);

        // It runs on at the source, so what libvirt cannot name is a fault of the target, and so is a definition that only the
        // target does not accept; another target may do.
        var isTargetsFault = known is { FaultDomain: FaultDomain.Unknown, Error: not HypervisorError.Aborted }
            or { Error: HypervisorError.InvalidSpecification };
        return isTargetsFault || !targetAnswers
            ? new HypervisorException(
                known.Message,
                FaultDomain.Host,
                isTransient: !targetAnswers,
                outcomeUnknown: false,
                targetAnswers ? known.Error : HypervisorError.ConnectionFailed,
                known.NativeCode,
                $"The VM is still on {source}. Check {target} and its log, or use another target.{(targetAnswers ? Certificates : "")}")
            : Certificates.Length == 0 ? known : new HypervisorException(
                known.Message, known.FaultDomain, known.IsTransient, known.OutcomeUnknown, known.Error, known.NativeCode,
                $"{known.RecommendedAction ?? $"The VM is still on {source}."}{Certificates}");
    }

    /// <summary>What its disks need on the way, if they go encrypted: what QEMU says where it has none is no code of libvirt's.</summary>
    private string Certificates => options.Disks.Count == 0 || options.AllowUnencrypted ? ""
        : " Disks go encrypted: each host's QEMU needs certificates (migrate_tls_x509_cert_dir in qemu.conf). "
            + "Where the network between them is trusted, and nobody else is on it: -AllowUnencrypted.";

    /// <summary>It was ended from here, and the VM is where it was.</summary>
    public HypervisorException Stopped(MigrationStop stop, MigrationOutcome? outcome, bool targetAnswers)
    {
        var isNetwork = stop switch
        {
            MigrationStop.Stalled => targetAnswers,
            MigrationStop.Idling => true,
            _ => outcome?.TargetLoss == ConnectionLoss.KeepAlive,
        };
        return new HypervisorException(
            $"Cannot {Action}: it {Why(stop)}, and was aborted. The VM is still on {source}.",
            isNetwork ? FaultDomain.Network : FaultDomain.Host,
            isTransient: true,
            outcomeUnknown: false,
            stop is MigrationStop.Stalled or MigrationStop.Idling ? HypervisorError.TimedOut : HypervisorError.ConnectionFailed,
            (int)(outcome?.Failure?.Code ?? LibvirtCode.Ok),
            isNetwork
                ? $"Check the network between {source} and {target}; the migration's stream uses other ports than libvirt's connections."
                : $"Check {target}, its libvirt daemon and its QEMU, or use another target.");
    }

    private string Why(MigrationStop stop) => stop switch
    {
        MigrationStop.Stalled =>
            string.Create(CultureInfo.InvariantCulture, $"moved no byte for {options.StallTimeout.TotalSeconds:0.#} s"),
        MigrationStop.Idling => string.Create(
            CultureInfo.InvariantCulture,
            $"had nothing left to send for {options.StallTimeout.TotalSeconds:0.#} s, and {source} did not hear that {target} ")
            + "is ready for the VM",
        MigrationStop.TargetLost => $"lost the connection to {target}",
        _ => "was cancelled",
    };
}
