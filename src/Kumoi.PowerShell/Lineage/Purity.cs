using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using System.Net;
using System.Text.RegularExpressions;

namespace Kumoi.PowerShell.Lineage;

/// <summary>
/// Whether running a piece of script again has no effect: an allow-list, so that what is not known counts as having one. Null: free of
/// effects; otherwise the expression that is not known to be.
/// </summary>
internal sealed class Purity(CommandInvocationIntrinsics commands, SessionState session)
{
    private static readonly HashSet<string> PureMethods = new(StringComparer.OrdinalIgnoreCase)
    {
        "CompareTo", "Contains", "ContainsKey", "EndsWith", "Equals", "GetHashCode", "GetType", "IndexOf", "IsMatch", "LastIndexOf",
        "PadLeft", "PadRight", "Replace", "Split", "StartsWith", "Substring", "ToArray", "ToLower", "ToLowerInvariant", "ToString",
        "ToUpper", "ToUpperInvariant", "Trim", "TrimEnd", "TrimStart", "HasFlag",
    };

    /// <summary>Types whose static members are free of effects, but for those of <see cref="ImpureStaticMembers"/>.</summary>
    private static readonly HashSet<Type> PureStaticTypes =
    [
        typeof(Math), typeof(string), typeof(char), typeof(int), typeof(long), typeof(double), typeof(decimal), typeof(bool),
        typeof(DateTime), typeof(DateTimeOffset), typeof(TimeSpan), typeof(Version), typeof(Regex), typeof(Path), typeof(StringComparison),
        typeof(StringComparer), typeof(DayOfWeek), typeof(PowerState), typeof(FaultDomain), typeof(NaturalOrder),
    ];

    /// <summary>What gives another answer each time, makes something, or keeps something.</summary>
    private static readonly HashSet<string> ImpureStaticMembers = new(StringComparer.OrdinalIgnoreCase)
    {
        "Now", "UtcNow", "Today", "GetTempFileName", "GetTempPath", "GetRandomFileName", "GetFullPath", "Exists", "CompileToAssembly",
        "CacheSize", "Create", "InfiniteMatchTimeout", "new",
    };

    /// <summary>
    /// Types that a value may be cast to, compared with, or asked about: converting to them runs no code of the author's.
    /// </summary>
    private static readonly HashSet<Type> PureCasts =
    [
        .. PureStaticTypes, typeof(Array), typeof(object), typeof(object[]), typeof(string[]), typeof(int[]), typeof(double[]),
        typeof(long[]), typeof(byte),
        typeof(float), typeof(uint), typeof(ulong), typeof(short), typeof(ushort), typeof(Guid), typeof(Hashtable), typeof(PSObject),
        typeof(SwitchParameter), typeof(KumoiHost), typeof(KumoiVM), typeof(IPAddress), typeof(Uri),
    ];

    private static readonly HashSet<string> PureCmdlets = new(StringComparer.Ordinal)
    {
        "WhereObjectCommand", "ForEachObjectCommand", "SelectObjectCommand", "SortObjectCommand", "MeasureObjectCommand",
        "GroupObjectCommand", "CompareObjectCommand", "JoinPathCommand", "SplitPathCommand", "ConvertFromJsonCommand", "WriteOutputCommand",
        "JoinStringCommand", "OutNullCommand",
    };

    /// <summary>Parameters of the listed cmdlets that would have an effect all the same.</summary>
    private static readonly string[] EffectfulParameters =
    [
        "OutVariable", "PipelineVariable", "ErrorVariable", "WarningVariable", "InformationVariable", "Parallel", "AsJob", "MemberName",
        "ArgumentList", "Resolve",
    ];

    private readonly HashSet<string> _functionsUnderWay = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>The first expression below <paramref name="root"/> (and itself) that may have an effect; null if there is none.</summary>
    public Ast? FindEffect(Ast root) => FindEffects(root).FirstOrDefault();

    /// <summary>All of them.</summary>
    public IEnumerable<Ast> FindEffects(Ast root) =>
        root.FindAll(static _ => true, searchNestedScriptBlocks: true).Select(Effect).OfType<Ast>();

    /// <summary>
    /// The same for an argument of a step that runs what it is given: a variable is looked into, since it may hold a script block;
    /// what can only be known by evaluating it counts as having an effect.
    /// </summary>
    public Ast? FindEffectOfArgument(Ast argument) => argument switch
    {
        ScriptBlockExpressionAst or ConstantExpressionAst or ExpandableStringExpressionAst or HashtableAst => FindEffect(argument),
        ArrayLiteralAst list => list.Elements.Select(FindEffectOfArgument).FirstOrDefault(effect => effect is not null),
        VariableExpressionAst { VariablePath.IsVariable: true, Splatted: false } variable =>
            IsPureValue(session.PSVariable.GetValue(variable.VariablePath.UserPath)) ? null : argument,
        _ => argument,
    };

    /// <summary>A block that is bound to another module means what that module makes of its words.</summary>
    private bool IsPureValue(object? value) => PlainValue.TryCopy(value, out _)
        && PlainValue.BlocksIn(value).All(block => ReferenceEquals(block.Module, session.Module) && FindEffect(block.Ast) is null
            && VariableUse.OwnToRun(block.Ast) is null);

    /// <summary>
    /// A value of the author's. A block in it can be run by whatever the value is given to: a switch, a sort key, a method that takes a
    /// delegate. What is no plain value has members of which nobody knows what they do.
    /// </summary>
    private bool IsPure(VariableExpressionAst variable)
    {
        var path = variable.VariablePath;
        if (variable.Parent is AssignmentStatementAst assignment && ReferenceEquals(assignment.Left, variable))
        {
            return true;
        }

        if (!path.IsVariable)
        {
            return path.UserPath.StartsWith("env:", StringComparison.OrdinalIgnoreCase);
        }

        if (path.UserPath is "?" or "^" or "$")
        {
            return false;
        }

        if (path.UserPath.Equals("Matches", StringComparison.OrdinalIgnoreCase))
        {
            return FollowsItsMatch(variable);
        }

        return path.UserPath is "_" || RecordedReads.Find(session, path.UserPath) is not { } found
            || !PlainValue.BlocksIn(found.Value).Any();
    }

    /// <summary>$Matches is what the last match left, of whichever element: it must be read only where this element has matched.</summary>
    private static bool FollowsItsMatch(VariableExpressionAst matches)
    {
        for (Ast ast = matches; ast.Parent is { } parent; ast = parent)
        {
            if (parent is BinaryExpressionAst { Operator: TokenKind.And } both && ReferenceEquals(both.Right, ast) && IsMatched(both.Left))
            {
                return true;
            }

            if (parent is IfStatementAst branch && branch.Clauses.FirstOrDefault(clause => ReferenceEquals(clause.Item2, ast))
                is { Item1: PipelineAst { PipelineElements: [CommandExpressionAst condition] } } && IsMatched(condition.Expression))
            {
                return true;
            }
        }

        return false;
    }

    private static bool IsMatched(ExpressionAst condition) => condition switch
    {
        BinaryExpressionAst { Operator: TokenKind.Imatch or TokenKind.Cmatch } => true,
        BinaryExpressionAst { Operator: TokenKind.And } both => IsMatched(both.Left) || IsMatched(both.Right),
        ParenExpressionAst { Pipeline: PipelineAst { PipelineElements: [CommandExpressionAst inner] } } => IsMatched(inner.Expression),
        _ => false,
    };

    /// <summary>The same for a block that is called with arguments: its parameters are its own.</summary>
    public string? FindEffectOfCall(ScriptBlock block) => block.Ast is ScriptBlockAst body
        ? body.ParamBlock?.Parameters.FirstOrDefault(parameter => !IsPure(parameter))?.Extent.Text
            ?? new[] { body.BeginBlock, body.ProcessBlock, body.EndBlock }.OfType<NamedBlockAst>().Select(FindEffect)
                .FirstOrDefault(effect => effect is not null)?.Extent.Text
            ?? AssignedBeforeRead(body)?.Extent.Text
        : block.ToString();

    private Ast? Effect(Ast ast) => ast switch
    {
        ScriptBlockAst block => AssignedBeforeRead(block),
        NamedBlockAst or StatementBlockAst or CommandExpressionAst { Redirections.Count: 0 } => null,
        PipelineAst => IsBackground(ast) ? ast : null,
        ScriptBlockExpressionAst or ConstantExpressionAst or ExpandableStringExpressionAst => null,
        BinaryExpressionAst binary => IsPure(binary) ? null : ast,
        VariableExpressionAst variable => IsPure(variable) ? null : ast,
        UsingExpressionAst or ParenExpressionAst or SubExpressionAst => null,
        ArrayExpressionAst or ArrayLiteralAst or HashtableAst or IndexExpressionAst => null,
        UnaryExpressionAst unary =>
            unary.TokenKind is TokenKind.PlusPlus or TokenKind.MinusMinus or TokenKind.PostfixPlusPlus or TokenKind.PostfixMinusMinus
            ? ast : null,
        InvokeMemberExpressionAst call => IsPure(call) ? null : ast,
        MemberExpressionAst member => member.Member is StringConstantExpressionAst { Value: var name } && (!member.Static
            || IsPureStatic(member.Expression, name)) ? null : ast,
        AttributedExpressionAst and not ConvertExpressionAst => ast,
        ConvertExpressionAst cast => IsPureCast(cast.Type.TypeName) ? null : ast,
        TypeConstraintAst => null,
        TypeExpressionAst type => IsPureCast(type.TypeName) ? null : ast,
        ForEachStatementAst { Flags: ForEachFlags.None } loop => IsOwn(loop) ? null : ast,
        IfStatementAst or ReturnStatementAst => null,
        SwitchStatementAst { Flags: not SwitchFlags.File } => null,
        AssignmentStatementAst assignment => IsPlain(assignment) ? null : ast,
        CommandParameterAst => null,
        CommandAst command => IsPure(command) ? null : ast,
        _ => IsTernary(ast) ? null : ast,
    };

    // Both are newer than the reference library.
    private static bool IsTernary(Ast ast) => string.Equals(ast.GetType().Name, "TernaryExpressionAst", StringComparison.Ordinal);

    private static bool IsBackground(Ast ast) => ast.GetType().GetProperty("Background")?.GetValue(ast) is true;

    private bool IsPure(InvokeMemberExpressionAst call) =>
        call.Member is StringConstantExpressionAst { Value: var name }
        && (call.Static
            ? IsPureStatic(call.Expression, name)
            : PureMethods.Contains(name) || IsOverCollection(name, call));

    /// <summary>
    /// -replace and -split run a script block that they are given: it must be written out. -as converts to whatever is named.
    /// </summary>
    private static bool IsPure(BinaryExpressionAst binary) => binary.Operator switch
    {
        TokenKind.Ireplace or TokenKind.Creplace or TokenKind.Isplit or TokenKind.Csplit =>
            (binary.Right is ArrayLiteralAst list ? list.Elements : [binary.Right])
            .All(element => element is ConstantExpressionAst or ExpandableStringExpressionAst or ScriptBlockExpressionAst),
        TokenKind.As => binary.Right is TypeExpressionAst,
        _ => true,
    };

    // $_.VMs.Where({ … }): what it runs is written out, and looked into by itself.
    private static bool IsOverCollection(string name, InvokeMemberExpressionAst call) =>
        (name.Equals("Where", StringComparison.OrdinalIgnoreCase) || name.Equals("ForEach", StringComparison.OrdinalIgnoreCase))
        && call.Arguments is [ScriptBlockExpressionAst, ..] and var arguments
        && arguments.Skip(1).All(argument => argument is ConstantExpressionAst);

    private static bool IsPureStatic(ExpressionAst expression, string member) =>
        expression is TypeExpressionAst { TypeName: var name } && TypeOf(name) is { } type && PureStaticTypes.Contains(type)
            && !ImpureStaticMembers.Contains(member);

    /// <summary>By the type that the name stands for: a class of the author's may be named like any other.</summary>
    private static bool IsPureCast(ITypeName name) =>
        name.FullName.Equals("ordered", StringComparison.OrdinalIgnoreCase) || (TypeOf(name) is { } type && PureCasts.Contains(type));

    private static Type? TypeOf(ITypeName name)
    {
        try
        {
            return name.GetReflectionType();
        }
        catch (RuntimeException)
        {
            return null;
        }
    }

    private bool IsPure(CommandAst command)
    {
        // & and . run values; a name that is not written out can be anything.
        if (command.InvocationOperator is not TokenKind.Unknown || command.Redirections.Count > 0
            || command.GetCommandName() is not { } name)
        {
            return false;
        }

        return CommandResolution.Resolve(commands, name) switch
        {
            CmdletInfo cmdlet => IsPure(cmdlet, CommandArguments.Of(cmdlet, command)),
            // What a function of a module, or a closure, calls is found there, not here.
            FunctionInfo { Module: null } function => ReferenceEquals(function.ScriptBlock.Module, session.Module) && IsPure(function),
            _ => false,
        };
    }

    private static bool IsPure(CmdletInfo cmdlet, CommandArguments arguments)
    {
        var type = cmdlet.ImplementingType;
        if (arguments.IsSplatted || arguments.Names.Overlaps(EffectfulParameters))
        {
            return false;
        }

        if (!type.Assembly.GetName().Name!.StartsWith("System.Management.Automation", StringComparison.Ordinal)
            && !type.Assembly.GetName().Name!.StartsWith("Microsoft.PowerShell.Commands", StringComparison.Ordinal))
        {
            return false;
        }

        // A variable can hold a script block, and ForEach-Object Name calls a method: only what is written out can be looked into.
        return PureCmdlets.Contains(type.Name)
            && type.Name switch
            {
                "ForEachObjectCommand" => arguments.Values.All(argument => argument.Value is ScriptBlockExpressionAst),
                "WhereObjectCommand" => arguments.Names.Overlaps(PipelineStep.Comparisons)
                    || arguments.Values.All(argument => IsWrittenOut(argument.Value)),
                "SortObjectCommand" or "SelectObjectCommand" or "GroupObjectCommand" or "MeasureObjectCommand" =>
                    arguments.Values.All(
                        argument => argument.Name is "First" or "Last" or "Skip" or "Top" or "Bottom" || IsWrittenOut(argument.Value)),
                _ => true,
            };
    }

    private static bool IsWrittenOut(Ast argument) =>
        argument is ScriptBlockExpressionAst or ConstantExpressionAst or HashtableAst
        || (argument is ArrayLiteralAst list && list.Elements.All(IsWrittenOut));

    private bool IsPure(FunctionInfo function)
    {
        if (!_functionsUnderWay.Add(function.Name))
        {
            return true;
        }

        try
        {
            // A function's own parameters are assigned by the call: only what its blocks do counts.
            var definition = function.ScriptBlock.Ast as FunctionDefinitionAst;
            var body = definition?.Body ?? function.ScriptBlock.Ast as ScriptBlockAst;
            return body is not null
                && body.DynamicParamBlock is null
                && !HasCleanBlock(body)
                && ParametersOf(definition).Concat(body.ParamBlock?.Parameters ?? []).All(IsPure)
                && new[] { body.BeginBlock, body.ProcessBlock, body.EndBlock }.All(block => block is null || FindEffect(block) is null)
                && AssignedBeforeRead(body) is null;
        }
        finally
        {
            _functionsUnderWay.Remove(function.Name);
        }
    }

    // The reference library does not know it: function f($a, $b) { }.
    private static IEnumerable<ParameterAst> ParametersOf(FunctionDefinitionAst? definition) =>
        definition?.GetType().GetProperty("Parameters")?.GetValue(definition) as IEnumerable<ParameterAst> ?? [];

    // Newer than the reference library.
    private static bool HasCleanBlock(ScriptBlockAst body) => body.GetType().GetProperty("CleanBlock")?.GetValue(body) is not null;

    private bool IsPure(ParameterAst parameter) =>
        (parameter.DefaultValue is null || FindEffect(parameter.DefaultValue) is null)
        && parameter.Attributes.All(attribute => attribute is TypeConstraintAst { TypeName: var type }
            ? IsPureCast(type)
            : attribute.TypeName.FullName
                is "Parameter" or "Alias" or "ValidateNotNull" or "ValidateNotNullOrEmpty" or "ValidateSet" or "ValidateRange");

    private bool IsPlain(AssignmentStatementAst assignment) =>
        assignment.Operator is TokenKind.Equals
        && assignment.Left is VariableExpressionAst { Splatted: false, VariablePath: { IsVariable: true, IsUnscopedVariable: true } path }
        && !path.UserPath.EndsWith("Preference", StringComparison.OrdinalIgnoreCase)
        && IsPlainTarget(path.UserPath);

    /// <summary>What is assigned to a variable of the author's goes through its attributes: validation, conversion.</summary>
    private bool IsPlainTarget(string variable) => session.PSVariable.Get(variable) is not { } found
        || (found.Attributes.Count == 0 && found.GetType().Assembly == typeof(PSVariable)
            .Assembly && found.Options is ScopedItemOptions.None or ScopedItemOptions.Private);

    /// <summary>The loop's variable is read in the loop only: elsewhere it is what an earlier element has left in it.</summary>
    private bool IsOwn(ForEachStatementAst loop)
    {
        var block = (Ast)loop;
        while (block.Parent is not null and not ScriptBlockAst)
        {
            block = block.Parent;
        }

        return IsPlainTarget(loop.Variable.VariablePath.UserPath)
            && !(block.Parent ?? block).FindAll(
                ast => ast is VariableExpressionAst read && VariableUse.NameOf(read)
                    .Equals(VariableUse.NameOf(loop.Variable), StringComparison.OrdinalIgnoreCase)
                    && (read.Extent.StartOffset < loop.Extent.StartOffset || read.Extent.EndOffset > loop.Extent.EndOffset),
                searchNestedScriptBlocks: true).Any();
    }

    /// <summary>
    /// A block may assign to a variable only if it always does so before it reads it: by a statement of its own, ahead of every reading.
    /// Otherwise a counter would go on counting in a replay. Returns the offending assignment.
    /// </summary>
    private static Ast? AssignedBeforeRead(ScriptBlockAst block)
    {
        foreach (var assignment in block.FindAll(static ast => ast is AssignmentStatementAst, searchNestedScriptBlocks: false)
            .Cast<AssignmentStatementAst>())
        {
            if (assignment.Left is not VariableExpressionAst target)
            {
                return assignment;
            }

            // A second assignment to the same variable is as good as a read of it: simple, and on the safe side.
            var isUnconditional = assignment.Parent is NamedBlockAst { Parent: ScriptBlockAst };
            var readsEarlier = block.FindAll(
                ast => ast is VariableExpressionAst read
                    && !ReferenceEquals(read, target)
                    && read.VariablePath.UserPath.Equals(target.VariablePath.UserPath, StringComparison.OrdinalIgnoreCase)
                    && read.Extent.StartOffset < assignment.Extent.EndOffset,
                searchNestedScriptBlocks: true).Any();
            if (!isUnconditional || readsEarlier)
            {
                return assignment;
            }
        }

        return null;
    }
}
