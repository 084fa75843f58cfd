namespace Kumoi.FailureOblivious;

/// <summary>A member of an object failed: <c>FailureObliviousObject(type, member, arguments, cause)</c> of paper 000.</summary>
public sealed record MaskedObjectFailure(string Type, string Member, string Arguments, Exception Cause) : MaskedFailure
{
    public override string Description => $"{Type}.{Member}({Arguments}): {Cause.Message}";
}
