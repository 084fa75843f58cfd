namespace Kumoi.Hypervisors;

/// <summary>Paths of images as texts: they are the hosts' own, whatever this computer runs.</summary>
internal static class ImagePath
{
    /// <summary>Without '.', '..' and double slashes, as backing files that are given relative to their overlays come with them.</summary>
    public static string Normalize(string path)
    {
        if (!path.StartsWith('/'))
        {
            return path;
        }

        List<string> parts = [];
        foreach (var part in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (part is ".." && parts.Count > 0)
            {
                parts.RemoveAt(parts.Count - 1);
            }
            else if (part is not ("." or ".."))
            {
                parts.Add(part);
            }
        }

        return "/" + string.Join('/', parts);
    }

    /// <summary>Where a file is; empty: in no directory.</summary>
    public static string DirectoryOf(string path)
    {
        path = Normalize(path);
        return path[..Math.Max(0, path.LastIndexOf('/'))];
    }

    /// <summary>Whether a text has this (normalized) path in it, alone or among other words, as an argument of QEMU has.</summary>
    public static bool IsNamedIn(string path, string text)
    {
        if (string.Equals(Normalize(text), path, StringComparison.Ordinal))
        {
            return true;
        }

        for (var at = text.IndexOf(path, StringComparison.Ordinal); at >= 0; at = text.IndexOf(path, at + 1, StringComparison.Ordinal))
        {
            if ((at == 0 || !IsOfName(text[at - 1])) && (at + path.Length == text.Length || !IsOfName(text[at + path.Length])))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether a text has the path of something in this (normalized) directory in it, though not in one below.</summary>
    public static bool HasFileOf(string directory, string text)
    {
        if (DirectoryOf(text) == directory)
        {
            return true;
        }

        var begin = directory + "/";
        for (var at = text.IndexOf(begin, StringComparison.Ordinal); at >= 0; at = text.IndexOf(begin, at + 1, StringComparison.Ordinal))
        {
            var end = at + begin.Length;
            while (end < text.Length && IsOfName(text[end]))
            {
                end++;
            }

            if ((at == 0 || !IsOfName(text[at - 1])) && end > at + begin.Length
                && !text[(at + begin.Length)..end].Contains('/', StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }

    private static bool IsOfName(char character) => char.IsLetterOrDigit(character) || character is '/' or '.' or '_' or '-';
}
