using System.Collections;
using System.Collections.Concurrent;
using System.Linq.Expressions;
using System.Reflection;
using Kumoi.Hypervisors;

namespace Kumoi.FailureOblivious;

/// <summary>
/// Makes the values that stand in for failed readings, by their declared type (paper 000, section 4.4): numbers 0, false, "", empty
/// collections, null where null is allowed, an enum's member <c>Unknown</c> (else its zero), a record built by the same rules, whose
/// <c>IsMasked</c> is true. Each type's maker is compiled once; afterwards nothing is reflected upon.
/// </summary>
public static class TypedDefault
{
    private static readonly ConcurrentDictionary<(Type, MaskMode), Delegate> Makers = new();
    private static readonly ConcurrentDictionary<(Type, string), Func<object, object?, object>?> Copiers = new();
    private static readonly NullabilityInfoContext Nullability = new();

    /// <summary>
    /// A stand-in of the type. <see cref="MaskMode.LastKnown"/> is as <see cref="MaskMode.Pessimistic"/> here: nothing is known.
    /// </summary>
    public static T Of<T>(MaskMode mode = MaskMode.Pessimistic) =>
        ((Func<T>)Makers.GetOrAdd((typeof(T), mode), static key => Compile<T>(key.Item2)))();

    /// <summary>
    /// A copy of a record with one property changed; null if the type has no such property that can be set.
    /// </summary>
    /// <exception cref="InvalidCastException">The value does not fit the property.</exception>
    public static T? With<T>(T record, string property, object? value)
        where T : class
    {
        var copier = Copiers.GetOrAdd((typeof(T), property.ToUpperInvariant()), static key => CompileCopier(key.Item1, key.Item2));
        return (T?)copier?.Invoke(record, value);
    }

    private static Func<T> Compile<T>(MaskMode mode) => Expression.Lambda<Func<T>>(Value(typeof(T), mode, isNullable: false, [])).Compile();

    private static Expression Value(Type type, MaskMode mode, bool isNullable, IReadOnlyList<Type> outer)
    {
        if (isNullable || Nullable.GetUnderlyingType(type) is not null)
        {
            return Expression.Default(type);
        }

        if (type == typeof(string))
        {
            return Expression.Constant("");
        }

        if (type.IsEnum)
        {
            return Expression.Constant(Enum.TryParse(type, "Unknown", out var unknown) ? unknown : Enum.ToObject(type, 0), type);
        }

        if (type == typeof(DateTimeOffset))
        {
            return Expression.Property(null, typeof(DateTimeOffset), nameof(DateTimeOffset.UtcNow));
        }

        if (typeof(IEnumerable).IsAssignableFrom(type) && Empty(type) is { } empty)
        {
            return empty;
        }

        // A type that holds itself would never end.
        if (type.IsValueType || outer.Contains(type) || type.IsAbstract || type.GetConstructor(Type.EmptyTypes) is not { } constructor)
        {
            return Expression.Default(type);
        }

        var bindings = type.GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Where(property => property.SetMethod is { IsPublic: true } && property.GetIndexParameters().Length == 0)
            .Select(property => Expression.Bind(property, Property(property, mode, [.. outer, type])));
        return Expression.MemberInit(Expression.New(constructor), bindings);
    }

    private static Expression Property(PropertyInfo property, MaskMode mode, IReadOnlyList<Type> outer)
    {
        if (property is { Name: "IsMasked" } && property.PropertyType == typeof(bool))
        {
            return Expression.Constant(true);
        }

        if (mode is not MaskMode.Zero && property.GetCustomAttribute<TypedDefaultAttribute>() is { } declared)
        {
            return Expression.Convert(Expression.Constant(declared.Value), property.PropertyType);
        }

        bool isNullable;
        lock (Nullability)
        {
            isNullable = Nullability.Create(property).WriteState is NullabilityState.Nullable;
        }

        return Value(property.PropertyType, mode, isNullable, outer);
    }

    private static Expression? Empty(Type type)
    {
        var element = type.IsArray ? type.GetElementType() : type.IsGenericType ? type.GetGenericArguments()[0] : null;
        return element is not null && type.IsAssignableFrom(element.MakeArrayType())
            ? Expression.Convert(Expression.Call(typeof(Array), nameof(Array.Empty), [element]), type)
            : null;
    }

    private static Func<object, object?, object>? CompileCopier(Type type, string name)
    {
        var property = type.GetProperty(name, BindingFlags.Public | BindingFlags.Instance | BindingFlags.IgnoreCase);
        var clone = type.GetMethod("<Clone>$");
        if (property?.SetMethod is null || clone is null)
        {
            return null;
        }

        var source = Expression.Parameter(typeof(object));
        var value = Expression.Parameter(typeof(object));
        var copy = Expression.Variable(type);
        return Expression.Lambda<Func<object, object?, object>>(
            Expression.Block(
                [copy],
                Expression.Assign(copy, Expression.Convert(Expression.Call(Expression.Convert(source, type), clone), type)),
                Expression.Assign(Expression.Property(copy, property), Expression.Convert(value, property.PropertyType)),
                copy),
            source, value).Compile();
    }
}
