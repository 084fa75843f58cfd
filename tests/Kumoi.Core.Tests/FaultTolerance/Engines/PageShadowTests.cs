using Kumoi.FaultTolerance.Engines;
using Xunit;

namespace Kumoi.Tests.FaultTolerance.Engines;

/// <summary>Which pages of a memory go with a checkpoint.</summary>
public sealed class PageShadowTests : IDisposable
{
    private const int Pages = 600; // more than one chunk

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("kumoi-pages-");
    private readonly SharedMemory _primary;
    private readonly SharedMemory _backup;

    public PageShadowTests()
    {
        _primary = Memory("primary");
        _backup = Memory("backup");
    }

    public void Dispose()
    {
        _primary.Dispose();
        _backup.Dispose();
        _folder.Delete(recursive: true);
    }

    [Fact]
    public void The_backup_becomes_the_same_by_the_pages_that_have_changed()
    {
        var shadow = new PageShadow(_backup);
        Fill(_primary, 0, 1);
        Fill(_primary, 255, 2);
        Fill(_primary, 256, 3);
        Fill(_primary, Pages - 1, 4);
        shadow.Look(_primary);

        Assert.Equal(4, Send(shadow));
        AssertSame();
    }

    [Fact]
    public void Only_what_has_changed_since_goes_with_the_next_checkpoint()
    {
        var shadow = new PageShadow(_backup);
        Fill(_primary, 1, 1);
        shadow.Look(_primary);
        Send(shadow);
        shadow.Sent();
        Fill(_primary, 2, 1);
        shadow.Look(_primary);

        Assert.Equal(1, Send(shadow));
        AssertSame();
    }

    [Fact]
    public void Pages_of_a_checkpoint_that_was_not_committed_go_with_the_next_one_too()
    {
        var shadow = new PageShadow(_backup);
        Fill(_primary, 1, 1);
        shadow.Look(_primary);
        shadow.Write(Stream.Null); // and it is lost
        Fill(_primary, 2, 1);
        shadow.Look(_primary);

        Assert.Equal(2, Send(shadow));
        AssertSame();
    }

    [Fact]
    public void What_the_backup_has_from_the_start_is_compared_too()
    {
        Fill(_backup, 7, 9);
        var shadow = new PageShadow(_backup);
        shadow.Look(_primary);

        Assert.Equal(1, Send(shadow));
        AssertSame();
    }

    private int Send(PageShadow shadow)
    {
        using var pages = new MemoryStream();
        var count = shadow.Write(pages);
        for (var time = 0; time < 2; time++) // doing it again changes nothing
        {
            pages.Position = 0;
            PageShadow.Apply(pages, _backup);
        }

        return count;
    }

    private void AssertSame()
    {
        for (var number = 0; number < Pages; number++)
        {
            Assert.True(_primary.Page(number).SequenceEqual(_backup.Page(number)), $"page {number}");
        }
    }

    private static void Fill(SharedMemory memory, int number, byte value)
    {
        var page = new byte[SharedMemory.PageBytes];
        Array.Fill(page, value);
        memory.Write(number, page);
    }

    private SharedMemory Memory(string name)
    {
        var path = Path.Combine(_folder.FullName, name);
        File.WriteAllBytes(path, new byte[Pages * SharedMemory.PageBytes]);
        return new SharedMemory(path);
    }
}
