using Kumoi.Agents;
using Xunit;

namespace Kumoi.Agent.Tests;

public sealed class AgentProgramTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("kumoi-dotnet-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task A_module_without_the_agent_says_so()
    {
        var missing = await Assert.ThrowsAsync<AgentException>(
            () => new AgentProgram("/nowhere/agent/Kumoi.Agent.dll", _ => null).StartAsync(_folder.FullName, null, default));
        Assert.Equal(AgentError.NotInstalled, missing.Error);
        Assert.Contains("/nowhere/agent/Kumoi.Agent.dll", missing.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_runtime_is_the_one_of_DOTNET_ROOT_before_that_of_the_path()
    {
        var root = MakeRoot("first", "10.0.3");
        var other = MakeRoot("second", "10.0.1");
        Assert.Equal(Path.Combine(root, "dotnet"), Program(root, other).FindRuntime());
        Assert.Equal(Path.Combine(other, "dotnet"), Program(root: null, other).FindRuntime());
    }

    [Fact]
    public void A_dotnet_without_ASPNET_Core_10_is_passed_over_and_a_link_on_the_path_is_followed()
    {
        var older = MakeRoot("older", "9.0.9");
        var plain = MakeRoot("plain", version: null);
        var root = MakeRoot("whole", "10.0.0");
        var bin = _folder.CreateSubdirectory("bin").FullName;
        File.CreateSymbolicLink(Path.Combine(bin, "dotnet"), Path.Combine(root, "dotnet"));
        Assert.Equal(Path.Combine(root, "dotnet"), Program(older, $"{plain}:relative:{bin}").FindRuntime());
    }

    [Fact]
    public void Where_there_is_no_ASPNET_Core_10_the_error_says_what_to_install_and_whether_there_is_a_dotnet_at_all()
    {
        var none = Assert.Throws<AgentException>(() => Program(root: null, "/nowhere").FindRuntime());
        Assert.Equal(AgentError.RuntimeMissing, none.Error);
        Assert.Contains("no dotnet on this machine", none.Message, StringComparison.Ordinal);
        Assert.Contains("apt-get install aspnetcore-runtime-10.0", none.RecommendedAction, StringComparison.Ordinal);
        Assert.Contains("DOTNET_ROOT", none.RecommendedAction, StringComparison.Ordinal);
        var plain = Assert.Throws<AgentException>(
            () => Program(MakeRoot("plain", version: null), MakeRoot("older", "9.0.9")).FindRuntime());
        Assert.Contains("the .NET on this machine does not have it", plain.Message, StringComparison.Ordinal);
    }

    private static AgentProgram Program(string? root, string path) => new("", name => name switch
    {
        "DOTNET_ROOT" => root,
        "PATH" => path,
        _ => null,
    }, usualPlaces: []);

    private string MakeRoot(string name, string? version)
    {
        var root = _folder.CreateSubdirectory(name);
        File.WriteAllText(Path.Combine(root.FullName, "dotnet"), "");
        if (version is not null)
        {
            root.CreateSubdirectory("shared/Microsoft.AspNetCore.App/" + version);
        }

        return root.FullName;
    }
}
