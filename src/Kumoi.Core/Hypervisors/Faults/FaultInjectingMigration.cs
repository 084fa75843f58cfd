namespace Kumoi.Hypervisors.Faults;

/// <summary>Both ends of a migration in phases, with the session's faults injected where a target is to leave nothing behind.</summary>
internal static class FaultInjectingMigration
{
    /// <summary>A source. Its driver gets its own targets, without their faults.</summary>
    internal sealed class Outgoing(IOutgoingMigration inner) : IOutgoingMigration
    {
        public MigrationOffer Offer => inner.Offer;

        public async Task<IReadOnlyList<IIncomingMigration>> PerformAsync(
            IReadOnlyList<IIncomingMigration> targets, ReplicaBudget budget, IProgress<ReplicaProgress>? progress, CancellationToken cancellationToken)
        {
            var complete = await inner.PerformAsync([.. targets.Select(InnerOf)], budget, progress, cancellationToken);
            return [.. complete.Select(one => targets.First(target => ReferenceEquals(InnerOf(target), one)))];
        }

        public Task ConfirmAsync(bool cancelled, CancellationToken cancellationToken) => inner.ConfirmAsync(cancelled, cancellationToken);

        public ValueTask DisposeAsync() => inner.DisposeAsync();

        private static IIncomingMigration InnerOf(IIncomingMigration target) => target is Incoming incoming ? incoming.Inner : target;
    }

    /// <summary>A target.</summary>
    internal sealed class Incoming(IIncomingMigration inner, string hostName, string vm, FaultPlan plan) : IIncomingMigration
    {
        public IIncomingMigration Inner => inner;

        public string HostName => inner.HostName;

        public Task FinishAsync(CancellationToken cancellationToken) => inner.FinishAsync(cancellationToken);

        public Task AbandonAsync(CancellationToken cancellationToken) => plan.RunAsync(
            FaultOperation.Stop, hostName, null, vm,
            async () =>
            {
                await inner.AbandonAsync(cancellationToken);
                return true;
            },
            cancellationToken);

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }
}
