using System.Runtime.CompilerServices;
using Mono.Cecil;
using Mono.Cecil.Cil;

namespace Kumoi.Tests.Architecture;

/// <summary>
/// The rooms of the house and the arrows between them, as the compiled assemblies have them. A room is a namespace. The types that users
/// see are in the namespace Kumoi, wherever they belong: their room is the folder of their file.
/// </summary>
internal sealed class Rooms
{
    private readonly Dictionary<string, string> _roomOf = new(StringComparer.Ordinal);
    private readonly Dictionary<(string From, string To), SortedSet<string>> _arrows = [];

    private Rooms()
    {
    }

    public IEnumerable<string> All => _roomOf.Values.Distinct();

    /// <summary>For each arrow the types that make it.</summary>
    public IReadOnlyDictionary<(string From, string To), SortedSet<string>> Arrows => _arrows;

    public static string Source { get; } = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(Here())!, "../../../src"));

    public static Rooms Read()
    {
        var rooms = new Rooms();
        var configuration = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;
        string[] paths =
        [
            typeof(KumoiHost).Assembly.Location,
            Path.Combine(Source, "Kumoi.PowerShell", "bin", configuration, "net10.0", "Kumoi.PowerShell.dll"),
        ];
        var modules = paths.Select(path => ModuleDefinition.ReadModule(path)).ToList();
        var files = Directory.EnumerateFiles(Source, "*.cs", SearchOption.AllDirectories)
            .ToLookup(file => Path.GetFileName(file).Split('.')[0]);
        foreach (var type in modules.SelectMany(module => module.Types)
            .Where(type => type.Namespace.StartsWith("Kumoi", StringComparison.Ordinal)))
        {
            rooms._roomOf[type.FullName] = type.Namespace is "Kumoi" ? FolderOf(files[type.Name.Split('`')[0]], type) : type.Namespace;
        }

        foreach (var type in modules.SelectMany(module => module.Types))
        {
            rooms.Note(type);
        }

        modules.ForEach(module => module.Dispose());
        return rooms;
    }

    private static string FolderOf(IEnumerable<string> files, TypeDefinition type)
    {
        var file = files.Single(file => !File.ReadAllText(file).Contains($"namespace {type.Namespace}.", StringComparison.Ordinal));
        var folder = Path.GetRelativePath(Source, Path.GetDirectoryName(file)!).Replace('\\', '/').Replace('/', '.');
        return folder.Replace("Kumoi.Core", "Kumoi", StringComparison.Ordinal);
    }

    private static string Here([CallerFilePath] string path = "") => path;

    private void Note(TypeDefinition type)
    {
        if (!_roomOf.TryGetValue(Outer(type).FullName, out var from))
        {
            return;
        }

        foreach (var used in Used(type))
        {
            var element = used.GetElementType();
            if (_roomOf.TryGetValue(Outer(element).FullName, out var to) && to != from)
            {
                if (!_arrows.TryGetValue((from, to), out var why))
                {
                    _arrows[(from, to)] = why = new SortedSet<string>(StringComparer.Ordinal);
                }

                why.Add($"{Outer(type).Name} → {Outer(element).Name}");
            }
        }

        foreach (var nested in type.NestedTypes)
        {
            Note(nested);
        }
    }

    private static TypeReference Outer(TypeReference type) => type.DeclaringType is { } outer ? Outer(outer) : type;

    /// <summary>All types that the type names: in its declaration, its members, their bodies and their attributes.</summary>
    private static IEnumerable<TypeReference> Used(TypeDefinition type)
    {
        IEnumerable<TypeReference?> named =
        [
            type.BaseType,
            .. type.Interfaces.Select(one => one.InterfaceType),
            .. type.CustomAttributes.SelectMany(InAttribute),
            .. type.GenericParameters.SelectMany(one => one.Constraints).Select(one => one.ConstraintType),
            .. type.Fields.Select(field => field.FieldType),
            .. type.Properties.SelectMany(property => property.CustomAttributes).SelectMany(InAttribute),
            .. type.Fields.SelectMany(field => field.CustomAttributes).SelectMany(InAttribute),
            .. type.Methods.SelectMany(InMethod),
        ];
        return named.OfType<TypeReference>().SelectMany(Parts);
    }

    private static IEnumerable<TypeReference?> InAttribute(CustomAttribute attribute)
    {
        try
        {
            return [attribute.AttributeType, .. attribute.ConstructorArguments.Select(argument => argument.Value as TypeReference)];
        }
        catch (AssemblyResolutionException)
        {
            // An argument is an enum of PowerShell's, which is not here.
            return [attribute.AttributeType];
        }
    }

    private static IEnumerable<TypeReference?> InMethod(MethodDefinition method)
    {
        IEnumerable<TypeReference?> signature =
        [
            method.ReturnType,
            .. method.Parameters.Select(parameter => parameter.ParameterType),
            .. method.CustomAttributes.SelectMany(InAttribute),
            .. method.Overrides.Select(overridden => overridden.DeclaringType),
        ];
        return method.HasBody
            ? [.. signature, .. method.Body.Variables.Select(variable => variable.VariableType), .. method.Body.Instructions.SelectMany(
                InOperand)]
            : signature;
    }

    private static IEnumerable<TypeReference?> InOperand(Instruction instruction) => instruction.Operand switch
    {
        GenericInstanceMethod method =>
            [method.DeclaringType, method.ReturnType, .. method.GenericArguments, .. method.Parameters.Select(one => one.ParameterType)],
        MethodReference method => [method.DeclaringType, method.ReturnType, .. method.Parameters.Select(one => one.ParameterType)],
        FieldReference field => [field.DeclaringType, field.FieldType],
        TypeReference type => [type],
        _ => [],
    };

    private static IEnumerable<TypeReference> Parts(TypeReference type) => type switch
    {
        GenericInstanceType generic => [generic.ElementType, .. generic.GenericArguments.SelectMany(Parts)],
        FunctionPointerType => [],
        TypeSpecification specification => Parts(specification.ElementType),
        GenericParameter => [],
        _ => [type],
    };
}
