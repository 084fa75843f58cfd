using System.Collections;
using System.Management.Automation;
using Kumoi.FaultTolerance.Engines;
using Kumoi.FaultTolerance.Modes;
using Kumoi.FaultTolerance.Pairs;

namespace Kumoi.PowerShell.Cmdlets;

/// <content>The mode, and the parameters that are only for some of them.</content>
public sealed partial class StartKumoiFtPairCommand
{
    /// <summary>What chooses the mode, and that the parameters fit it.</summary>
    private void PrepareMode()
    {
        if (Mode is not ProtectionMode.Hybrid
            && (MyInvocation.BoundParameters.ContainsKey(nameof(Controller)) || ControllerOption.Count > 0))
        {
            Refuse("-Controller is of a hybrid pair.", "ControllerWithoutHybrid", "Give -Mode Hybrid, or leave it out.");
        }

        if (!KeepLog && MyInvocation.BoundParameters.ContainsKey(nameof(KeepLogBytes)))
        {
            Refuse("-KeepLogBytes is of -KeepLog.", "KeepLogBytesWithoutKeepLog", "Give -KeepLog too, or leave it out.");
        }

        var isLogReplay = Mode is ProtectionMode.LogReplay || (Mode is ProtectionMode.Checkpoint && Engine is EngineChoice.LogReplay);
        if (KeepLog && !isLogReplay)
        {
            Refuse(
                "Only log and replay has a log that could be kept.", "KeepLogWithoutLogReplay",
                "Leave out -KeepLog, or take -Mode LogReplay.");
        }

        if (isLogReplay)
        {
            PrepareLogReplay();
            return;
        }

        if (Mode is ProtectionMode.Checkpoint)
        {
            return;
        }

        _checkpointsBy = (Mode, Engine) switch
        {
            (ProtectionMode.Hybrid, EngineChoice.Migrate) => CheckpointEngine.Migrate,
            (ProtectionMode.Hybrid, EngineChoice.SharedDelta) => CheckpointEngine.SharedDelta,
            _ => null,
        };
        if (_checkpointsBy is null && Engine is not (EngineChoice.Auto or EngineChoice.Colo))
        {
            Refuse(
                $"{Engine} does not make COLO.", "EngineWithoutColo",
                "Leave out -Engine, or take -Mode Checkpoint; with -Mode Hybrid, Migrate and SharedDelta make the checkpoints between.");
        }

        if (MaxDowntimeRatio is not null || MaxOutputLatencyMs is not null)
        {
            Refuse(
                "Limits choose the period of checkpoint mode alone.", "LimitsWithColo",
                "Leave out -MaxDowntimeRatio and -MaxOutputLatencyMs, or take -Mode Checkpoint.");
        }

        try
        {
            var options = ControllerOption.Cast<DictionaryEntry>().Select(
                static entry => KeyValuePair.Create(LanguagePrimitives.ConvertTo<string>(entry.Key), (object?)Plain(entry.Value)));
            if (CheckpointPeriodMs is { } period)
            {
                options = options.Append(KeyValuePair.Create(nameof(ModeOptions.CheckpointPeriod) + "Ms", (object?)period));
            }

            _modes = ModeRules.Create(Mode is ProtectionMode.Colo ? ModeRule.Fixed : Controller, options);
            Engine = EngineChoice.Colo;
        }
        catch (InvalidOperationException e)
        {
            Refuse(e.Message, "ControllerOptionInvalid", "Get-Help Start-KumoiFtPair -Parameter ControllerOption tells the options.");
        }

        static object? Plain(object? value) => value is PSObject wrapped ? wrapped.BaseObject : value;
    }

    /// <summary>It has one engine, and no checkpoints whose period could be chosen.</summary>
    private void PrepareLogReplay()
    {
        if (Engine is not (EngineChoice.Auto or EngineChoice.LogReplay))
        {
            Refuse($"{Engine} makes checkpoints.", "EngineWithoutLogReplay", "Leave out -Engine, or take -Mode Checkpoint.");
        }

        if (MaxDowntimeRatio is not null || MaxOutputLatencyMs is not null)
        {
            Refuse(
                "Limits choose the period of checkpoints, which log and replay does not make.", "LimitsWithLogReplay",
                "Leave out -MaxDowntimeRatio and -MaxOutputLatencyMs, or take -Mode Checkpoint.");
        }

        Engine = EngineChoice.LogReplay;
    }
}
