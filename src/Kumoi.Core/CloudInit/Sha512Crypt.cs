using System.Security.Cryptography;
using System.Text;

namespace Kumoi.CloudInit;

/// <summary>
/// Hashes a password as Linux keeps it in /etc/shadow: SHA-512 crypt, by the description of its author
/// (https://www.akkadia.org/drepper/SHA-crypt.txt).
/// </summary>
internal static class Sha512Crypt
{
    public const int DefaultRounds = 5000;

    private const string Digits = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    private const int SaltDigits = 16;
    private const int HashBytes = 64;

    /// <summary>Each three bytes of the hash that become four digits; the last byte becomes two.</summary>
    private static readonly int[] Order =
    [
        0, 21, 42, 22, 43, 1, 44, 2, 23, 3, 24, 45, 25, 46, 4, 47, 5, 26, 6, 27, 48, 28, 49, 7, 50, 8, 29, 9, 30, 51, 31, 52, 10, 53, 11,
        32, 12, 33, 54, 34, 55, 13, 56, 14, 35, 15, 36, 57, 37, 58, 16, 59, 17, 38, 18, 39, 60, 40, 61, 19, 62, 20, 41,
    ];

    public static string DrawSalt() => RandomNumberGenerator.GetString(Digits, SaltDigits);

    /// <summary>The line of /etc/shadow.</summary>
    /// <param name="password">In UTF-8.</param>
    /// <param name="salt">At most 16 characters.</param>
    /// <param name="rounds">1000 or more.</param>
    public static string Hash(ReadOnlySpan<byte> password, string salt, int rounds = DefaultRounds)
    {
        var saltBytes = Encoding.ASCII.GetBytes(salt);
        var alternate = SHA512.HashData([.. password, .. saltBytes, .. password]);
        using var sum = IncrementalHash.CreateHash(HashAlgorithmName.SHA512);
        sum.AppendData(password);
        sum.AppendData(saltBytes);
        sum.AppendData(Repeat(alternate, password.Length));
        for (var bits = password.Length; bits > 0; bits >>= 1)
        {
            sum.AppendData((bits & 1) != 0 ? alternate : password);
        }

        var hash = sum.GetHashAndReset();
        for (var i = 0; i < password.Length; i++)
        {
            sum.AppendData(password);
        }

        var p = Repeat(sum.GetHashAndReset(), password.Length);
        for (var i = 0; i < 16 + hash[0]; i++)
        {
            sum.AppendData(saltBytes);
        }

        var s = Repeat(sum.GetHashAndReset(), saltBytes.Length);
        for (var round = 0; round < rounds; round++)
        {
            var isOdd = (round & 1) != 0;
            sum.AppendData(isOdd ? p : hash);
            if (round % 3 != 0)
            {
                sum.AppendData(s);
            }

            if (round % 7 != 0)
            {
                sum.AppendData(p);
            }

            sum.AppendData(isOdd ? hash : p);
            sum.TryGetHashAndReset(hash, out _);
        }

        CryptographicOperations.ZeroMemory(p);
        var prefix = rounds == DefaultRounds ? "$6$" : FormattableString.Invariant($"$6$rounds={rounds}$");
        return $"{prefix}{salt}${Encode(hash)}";
    }

    private static byte[] Repeat(byte[] source, int length)
    {
        var repeated = new byte[length];
        for (var i = 0; i < length; i++)
        {
            repeated[i] = source[i % HashBytes];
        }

        return repeated;
    }

    private static string Encode(byte[] hash)
    {
        var text = new StringBuilder();
        for (var i = 0; i < Order.Length; i += 3)
        {
            Append(text, (hash[Order[i]] << 16) | (hash[Order[i + 1]] << 8) | hash[Order[i + 2]], 4);
        }

        Append(text, hash[HashBytes - 1], 2);
        return text.ToString();
    }

    private static void Append(StringBuilder text, int bits, int digits)
    {
        for (; digits > 0; digits--)
        {
            text.Append(Digits[bits & 63]);
            bits >>= 6;
        }
    }
}
