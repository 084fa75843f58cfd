using Xunit;

namespace Kumoi.Tests;

public sealed class VisibleTests
{
    [Theory]
    [InlineData("web-01", "web-01")]
    [InlineData("Größe 東京 🦊", "Größe 東京 🦊")]
    [InlineData("a\u001b[31mb", "a\\u{1b}[31mb")]
    [InlineData("a\u009b31mb", "a\\u{9b}31mb")]
    [InlineData("a\r\nb\tc\0", "a\\u{d}\\u{a}b\\u{9}c\\u{0}")]
    [InlineData("web\u200b", "web\\u{200b}")]
    [InlineData("a\u202eb", "a\\u{202e}b")]
    [InlineData("a\u2028b", "a\\u{2028}b")]
    public void What_a_terminal_would_obey_is_shown(string text, string shown) => Assert.Equal(shown, Visible.Text(text));

    [Fact]
    public void Half_a_character_is_shown_as_such()
    {
        Assert.Equal("a\\u{d800}b", Visible.Text("a\ud800b"));
        Assert.Equal("\\u{dc00}", Visible.Text("\udc00"));
        Assert.Equal("", Visible.Text(null));
    }

    [Fact]
    public void The_lines_of_a_message_stay_lines() => Assert.Equal("a\nb\tc\\u{1b} \\u{9}", Visible.Lines("a\r\nb\tc\u001b \\u{9}"));

    [Fact]
    public void A_text_without_such_is_the_same_object()
    {
        var text = new string('x', 3);
        Assert.Same(text, Visible.Text(text));
    }
}
