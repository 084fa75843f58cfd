#pragma warning disable CS0436 // it stands before the framework's type of this name, and is meant to
namespace System.Runtime.CompilerServices;

/// <summary>
/// What the C# compiler builds each <c>async Task</c> method of this assembly with, as it takes an assembly's own type of this name before
/// the framework's. The framework's generic methods over a method's states have no machine code until they run, some twelve for each method,
/// because an assembly's image may hold the code of no other; these are compiled ahead with the assembly.
/// </summary>
[Microsoft.CodeAnalysis.Embedded]
internal struct AsyncTaskMethodBuilder
{
    private AsyncValueTaskMethodBuilder _outcome; // the framework's part that does not know the method's states
    private AsyncStates? _states;

    public Task Task => _outcome.Task.AsTask();

    public static AsyncTaskMethodBuilder Create() => default;

    public void Start<TStateMachine>(ref TStateMachine stateMachine)
        where TStateMachine : IAsyncStateMachine => AsyncStates.Run(ref stateMachine, context: null);

    public void SetStateMachine(IAsyncStateMachine stateMachine) => ArgumentNullException.ThrowIfNull(stateMachine);

    public void SetResult() => _outcome.SetResult();

    public void SetException(Exception exception) => _outcome.SetException(exception);

    public void AwaitOnCompleted<TAwaiter, TStateMachine>(ref TAwaiter awaiter, ref TStateMachine stateMachine)
        where TAwaiter : INotifyCompletion
        where TStateMachine : IAsyncStateMachine
    {
        _ = Task; // before the states are copied: they are of the same task
        AsyncStates.Suspend(ref _states, ref stateMachine, awaiter);
    }

    public void AwaitUnsafeOnCompleted<TAwaiter, TStateMachine>(ref TAwaiter awaiter, ref TStateMachine stateMachine)
        where TAwaiter : ICriticalNotifyCompletion
        where TStateMachine : IAsyncStateMachine
    {
        _ = Task;
        AsyncStates.Suspend(ref _states, ref stateMachine, awaiter);
    }
}

/// <summary>The same for <c>async Task&lt;TResult&gt;</c>.</summary>
[Microsoft.CodeAnalysis.Embedded]
internal struct AsyncTaskMethodBuilder<TResult>
{
    private AsyncValueTaskMethodBuilder<TResult> _outcome;
    private AsyncStates? _states;

    public Task<TResult> Task => _outcome.Task.AsTask();

    public static AsyncTaskMethodBuilder<TResult> Create() => default;

    public void Start<TStateMachine>(ref TStateMachine stateMachine)
        where TStateMachine : IAsyncStateMachine => AsyncStates.Run(ref stateMachine, context: null);

    public void SetStateMachine(IAsyncStateMachine stateMachine) => ArgumentNullException.ThrowIfNull(stateMachine);

    public void SetResult(TResult result) => _outcome.SetResult(result);

    public void SetException(Exception exception) => _outcome.SetException(exception);

    public void AwaitOnCompleted<TAwaiter, TStateMachine>(ref TAwaiter awaiter, ref TStateMachine stateMachine)
        where TAwaiter : INotifyCompletion
        where TStateMachine : IAsyncStateMachine
    {
        _ = Task;
        AsyncStates.Suspend(ref _states, ref stateMachine, awaiter);
    }

    public void AwaitUnsafeOnCompleted<TAwaiter, TStateMachine>(ref TAwaiter awaiter, ref TStateMachine stateMachine)
        where TAwaiter : ICriticalNotifyCompletion
        where TStateMachine : IAsyncStateMachine
    {
        _ = Task;
        AsyncStates.Suspend(ref _states, ref stateMachine, awaiter);
    }
}
