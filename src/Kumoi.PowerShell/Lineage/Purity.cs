using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;

namespace Kumoi.PowerShell.Lineage;

/// <summary>
/// Whether running a piece of script again has no effect: an allow-list, so that what is not known counts as having one. Null: free of
/// effects; otherwise the expression that is not known to be.
/// </summary>
internal sealed class Purity(CommandInvocationIntrinsics commands, SessionState session)
{
    private static readonly HashSet<string> PureMethods = new(StringComparer.OrdinalIgnoreCase)
    {
        "CompareTo", "Contains", "ContainsKey", "EndsWith", "Equals", "GetHashCode", "GetType", "IndexOf", "IsMatch", "LastIndexOf", "PadLeft",
        "PadRight", "Replace", "Split", "StartsWith", "Substring", "ToArray", "ToLower", "ToLowerInvariant", "ToString", "ToUpper",
        "ToUpperInvariant", "Trim", "TrimEnd", "TrimStart", "HasFlag",
    };

    /// <summary>Types all of whose static members are free of effects.</summary>
    private static readonly HashSet<string> PureStaticTypes = new(StringComparer.OrdinalIgnoreCase)
    {
        "math", "system.math", "string", "system.string", "char", "system.char", "int", "int32", "system.int32", "long", "int64", "system.int64",
        "double", "system.double", "decimal", "bool", "datetime", "system.datetime", "datetimeoffset", "timespan", "system.timespan", "version",
        "regex", "system.text.regularexpressions.regex", "system.io.path", "io.path", "stringcomparison", "stringcomparer", "dayofweek",
        "kumoi.powerstate", "kumoi.faultdomain", "kumoi.naturalorder",
    };

    /// <summary>Types that a value may be cast to, compared with, or asked about.</summary>
    private static readonly HashSet<string> PureCasts = new(PureStaticTypes, StringComparer.OrdinalIgnoreCase)
    {
        "array", "object", "object[]", "string[]", "int[]", "double[]", "long[]", "byte", "float", "single", "uint", "ulong", "short", "ushort",
        "guid", "hashtable", "pscustomobject", "switch", "ordered", "kumoi.kumoihost", "kumoi.kumoivm", "ipaddress", "uri",
    };

    private static readonly HashSet<string> PureCmdlets = new(StringComparer.Ordinal)
    {
        "WhereObjectCommand", "ForEachObjectCommand", "SelectObjectCommand", "SortObjectCommand", "MeasureObjectCommand", "GroupObjectCommand",
        "CompareObjectCommand", "GetDateCommand", "GetItemCommand", "GetChildItemCommand", "GetContentCommand", "GetVariableCommand",
        "TestPathCommand", "JoinPathCommand", "SplitPathCommand", "ConvertFromJsonCommand", "ConvertToJsonCommand", "NewTimeSpanCommand",
        "WriteOutputCommand", "OutStringCommand", "SelectStringCommand", "JoinStringCommand", "OutNullCommand", "GetMemberCommand",
        "ImportCsvCommand",
    };

    /// <summary>Parameters of the listed cmdlets that would have an effect all the same.</summary>
    private static readonly string[] EffectfulParameters =
    [
        "OutVariable", "PipelineVariable", "ErrorVariable", "WarningVariable", "InformationVariable", "Parallel", "AsJob", "MemberName", "ArgumentList",
    ];

    private readonly HashSet<string> _functionsUnderWay = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>The first expression below <paramref name="root"/> (and itself) that may have an effect; null if there is none.</summary>
    public Ast? FindEffect(Ast root)
    {
        foreach (var ast in root.FindAll(static _ => true, searchNestedScriptBlocks: true))
        {
            if (Effect(ast) is { } effect)
            {
                return effect;
            }
        }

        return null;
    }

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

    private bool IsPureValue(object? value) => (value is PSObject wrapped ? wrapped.BaseObject : value) switch
    {
        ScriptBlock block => FindEffect(block.Ast) is null && VariableUse.OwnToRun(block.Ast) is null,
        string => true,
        IDictionary table => table.Values.Cast<object?>().All(IsPureValue),
        IEnumerable list => list.Cast<object?>().All(IsPureValue),
        _ => true,
    };

    private Ast? Effect(Ast ast) => ast switch
    {
        ScriptBlockAst block => AssignedBeforeRead(block),
        NamedBlockAst or StatementBlockAst or CommandExpressionAst { Redirections.Count: 0 } => null,
        PipelineAst => IsBackground(ast) ? ast : null,
        ScriptBlockExpressionAst or ConstantExpressionAst or ExpandableStringExpressionAst => null,
        BinaryExpressionAst binary => IsPure(binary) ? null : ast,
        VariableExpressionAst or UsingExpressionAst or ParenExpressionAst or SubExpressionAst => null,
        ArrayExpressionAst or ArrayLiteralAst or HashtableAst or IndexExpressionAst => null,
        UnaryExpressionAst unary => unary.TokenKind is TokenKind.PlusPlus or TokenKind.MinusMinus or TokenKind.PostfixPlusPlus or TokenKind.PostfixMinusMinus
            ? ast : null,
        InvokeMemberExpressionAst call => IsPure(call) ? null : ast,
        MemberExpressionAst member => member.Member is StringConstantExpressionAst && (!member.Static || IsPureType(member.Expression)) ? null : ast,
        AttributedExpressionAst and not ConvertExpressionAst => ast,
        ConvertExpressionAst cast => PureCasts.Contains(cast.Type.TypeName.FullName) ? null : ast,
        TypeConstraintAst => null,
        TypeExpressionAst type => PureCasts.Contains(type.TypeName.FullName) ? null : ast,
        IfStatementAst or ReturnStatementAst or ForEachStatementAst { Flags: ForEachFlags.None } => null,
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
            ? IsPureType(call.Expression) && !name.Equals("new", StringComparison.OrdinalIgnoreCase)
            : (PureMethods.Contains(name) || IsOverCollection(name, call)) && !IsOfScriptClass(call.Expression));

    /// <summary>A class of the author's may have a method of any name.</summary>
    private bool IsOfScriptClass(ExpressionAst expression) =>
        expression is VariableExpressionAst { VariablePath.IsVariable: true } variable
        && session.PSVariable.GetValue(variable.VariablePath.UserPath) is { } value
        && (value is PSObject wrapped ? wrapped.BaseObject : value).GetType().Assembly.IsDynamic;

    /// <summary>-replace and -split run a script block that they are given: it must be written out.</summary>
    private static bool IsPure(BinaryExpressionAst binary) =>
        binary.Operator is not (TokenKind.Ireplace or TokenKind.Creplace or TokenKind.Isplit or TokenKind.Csplit)
        || (binary.Right is ArrayLiteralAst list ? list.Elements : [binary.Right])
            .All(element => element is ConstantExpressionAst or ExpandableStringExpressionAst or ScriptBlockExpressionAst);

    // $_.VMs.Where({ … }): what it runs is written out, and looked into by itself.
    private static bool IsOverCollection(string name, InvokeMemberExpressionAst call) =>
        (name.Equals("Where", StringComparison.OrdinalIgnoreCase) || name.Equals("ForEach", StringComparison.OrdinalIgnoreCase))
        && call.Arguments is [ScriptBlockExpressionAst, ..] and var arguments
        && arguments.Skip(1).All(argument => argument is ConstantExpressionAst);

    private static bool IsPureType(ExpressionAst expression) =>
        expression is TypeExpressionAst type && PureStaticTypes.Contains(type.TypeName.FullName);

    private bool IsPure(CommandAst command)
    {
        // & and . run values; a name that is not written out can be anything.
        if (command.InvocationOperator is not TokenKind.Unknown || command.Redirections.Count > 0 || command.GetCommandName() is not { } name)
        {
            return false;
        }

        return CommandResolution.Resolve(commands, name) switch
        {
            CmdletInfo cmdlet => IsPure(cmdlet, CommandArguments.Of(cmdlet, command)),
            // What a function of a module calls is found in that module, not here.
            FunctionInfo { Module: null } function => IsPure(function),
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

        if (type.Assembly == typeof(Purity).Assembly)
        {
            return string.Equals(cmdlet.Verb, "Get", StringComparison.OrdinalIgnoreCase);
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
                "WhereObjectCommand" => arguments.Names.Overlaps(PipelineStep.Comparisons) || arguments.Values.All(argument => IsWrittenOut(argument.Value)),
                "SortObjectCommand" or "SelectObjectCommand" or "GroupObjectCommand" or "MeasureObjectCommand" =>
                    arguments.Values.All(argument => argument.Name is "First" or "Last" or "Skip" or "Top" or "Bottom" || IsWrittenOut(argument.Value)),
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
            ? PureCasts.Contains(type.FullName)
            : attribute.TypeName.FullName is "Parameter" or "Alias" or "ValidateNotNull" or "ValidateNotNullOrEmpty" or "ValidateSet" or "ValidateRange");

    private static bool IsPlain(AssignmentStatementAst assignment) =>
        assignment.Operator is TokenKind.Equals
        && assignment.Left is VariableExpressionAst { Splatted: false, VariablePath: { IsVariable: true, IsUnscopedVariable: true } path }
        && !path.UserPath.EndsWith("Preference", StringComparison.OrdinalIgnoreCase);

    /// <summary>
    /// A block may assign to a variable only if it always does so before it reads it: by a statement of its own, ahead of every reading.
    /// Otherwise a counter would go on counting in a replay. Returns the offending assignment.
    /// </summary>
    private static Ast? AssignedBeforeRead(ScriptBlockAst block)
    {
        foreach (var assignment in block.FindAll(static ast => ast is AssignmentStatementAst, searchNestedScriptBlocks: false).Cast<AssignmentStatementAst>())
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
