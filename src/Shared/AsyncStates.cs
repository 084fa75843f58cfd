using System.Diagnostics.CodeAnalysis;

namespace System.Runtime.CompilerServices;

/// <summary>The states of a method that waits, and in which context it goes on.</summary>
[Microsoft.CodeAnalysis.Embedded]
internal abstract class AsyncStates
{
    /// <summary>Never.</summary>
    private static readonly bool IsOnlyCompiled = DateTime.UnixEpoch.Year == 0;

    private ExecutionContext? _context;

    private AsyncStates()
    {
    }

    private Action GoOn { get; set; } = null!;

    /// <summary>
    /// Runs a method until it waits or ends. What it makes of the context is seen by what it calls, and not by who runs it.
    /// </summary>
    /// <param name="stateMachine">Its states.</param>
    /// <param name="context">In which it runs; null: in its caller's.</param>
    public static void Run<TStateMachine>(ref TStateMachine stateMachine, ExecutionContext? context)
        where TStateMachine : IAsyncStateMachine
    {
        if (IsOnlyCompiled)
        {
            // What has the framework's awaiters among its type arguments is not compiled ahead, and so not what only that calls.
            AsyncStates? none = null;
            Suspend(ref none, ref stateMachine, default(TaskAwaiter));
        }

        var before = ExecutionContext.Capture();
        var synchronization = SynchronizationContext.Current;
        if (context is not null && context != before)
        {
            ExecutionContext.Restore(context);
        }

        try
        {
            stateMachine.MoveNext();
        }
        finally
        {
            if (SynchronizationContext.Current != synchronization)
            {
                SynchronizationContext.SetSynchronizationContext(synchronization);
            }

            // Null: the caller lets nothing flow, and sees what was made of its context.
            if (before is not null && before != ExecutionContext.Capture())
            {
                ExecutionContext.Restore(before);
            }
        }
    }

    /// <summary>Has a method go on when what it waits for has come.</summary>
    /// <param name="states">The method's; null before it waits for the first time.</param>
    /// <param name="stateMachine">Its states on the stack then, with <paramref name="states"/> among them.</param>
    /// <param name="awaiter">
    /// What it waits for. Not as the type that it is: a call of a method of the framework's structs by an interface is not compiled ahead.
    /// </param>
    public static void Suspend<TStateMachine>(
        [NotNull] ref AsyncStates? states, ref TStateMachine stateMachine, INotifyCompletion awaiter)
        where TStateMachine : IAsyncStateMachine
    {
        if (states is null)
        {
            var kept = new Of<TStateMachine>();
            kept.GoOn = kept.Next;
            states = kept;
            kept.States = stateMachine;
        }

        states._context = ExecutionContext.Capture();
        if (awaiter is ICriticalNotifyCompletion ours)
        {
            ours.UnsafeOnCompleted(states.GoOn); // the context flows already
        }
        else
        {
            awaiter.OnCompleted(states.GoOn);
        }
    }

    private sealed class Of<TStateMachine> : AsyncStates
        where TStateMachine : IAsyncStateMachine
    {
        public TStateMachine States = default!;

        public void Next()
        {
            if (ExecutionContext.IsFlowSuppressed())
            {
                // Whoever has brought what it waited for lets nothing flow, and goes on so.
                ThreadPool.UnsafeQueueUserWorkItem(static goOn => goOn(), GoOn, preferLocal: true);
            }
            else
            {
                Run(ref States, _context);
            }
        }
    }
}
