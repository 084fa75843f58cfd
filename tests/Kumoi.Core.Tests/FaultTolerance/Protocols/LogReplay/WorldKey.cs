namespace Kumoi.Tests.FaultTolerance.Protocols.LogReplay;

/// <summary>Writes a key of small numbers, flags and letters, one character each.</summary>
/// <param name="room">For all of it.</param>
internal ref struct WorldKey(Span<char> room)
{
    private readonly Span<char> _room = room;
    private int _length;

    public void Add(char letter) => _room[_length++] = letter;

    public void Add(bool flag) => Add(flag ? 'y' : 'n');

    public void Add(long number) => Add((char)('0' + number));

    /// <summary>A text of letters, with an end.</summary>
    public void Add(string text)
    {
        text.CopyTo(_room[_length..]);
        _length += text.Length;
        Add('|');
    }

    public override readonly string ToString() => _room[.._length].ToString();
}
