#pragma warning disable CS0436 // it stands before the framework's type of this name, and is meant to
namespace System.Runtime.CompilerServices;

/// <summary>As <see cref="AsyncTaskMethodBuilder"/>, for <c>async IAsyncEnumerable&lt;T&gt;</c>: its states are an object, the enumerator.</summary>
[Microsoft.CodeAnalysis.Embedded]
internal struct AsyncIteratorMethodBuilder
{
    private AsyncStates? _states;

    public static AsyncIteratorMethodBuilder Create() => default;

    public void MoveNext<TStateMachine>(ref TStateMachine stateMachine)
        where TStateMachine : IAsyncStateMachine => AsyncStates.Run(ref stateMachine, context: null);

    public void Complete() => _states = null;

    public void AwaitOnCompleted<TAwaiter, TStateMachine>(ref TAwaiter awaiter, ref TStateMachine stateMachine)
        where TAwaiter : INotifyCompletion
        where TStateMachine : IAsyncStateMachine => AsyncStates.Suspend(ref _states, ref stateMachine, awaiter);

    public void AwaitUnsafeOnCompleted<TAwaiter, TStateMachine>(ref TAwaiter awaiter, ref TStateMachine stateMachine)
        where TAwaiter : ICriticalNotifyCompletion
        where TStateMachine : IAsyncStateMachine => AsyncStates.Suspend(ref _states, ref stateMachine, awaiter);
}
