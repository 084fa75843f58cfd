using Kumoi.Exports;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Journal;
using Kumoi.Speculation;
using Kumoi.Tests.Speculation;
using Xunit;

namespace Kumoi.Tests.Exports;

/// <summary>Imports whose process dies: what they have made is a whole VM, or goes.</summary>
public sealed class ImportTests : IDisposable
{
    private const string Ovf =
        """
        <Envelope xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1" xmlns="http://schemas.dmtf.org/ovf/envelope/1">
          <References><File ovf:id="f" ovf:href="disk.img"/></References>
          <DiskSection>
            <Disk ovf:diskId="d" ovf:fileRef="f" ovf:capacity="1" ovf:capacityAllocationUnits="byte * 2^20" ovf:format="urn:raw"/>
            <Disk ovf:diskId="e" ovf:capacity="2" ovf:capacityAllocationUnits="byte * 2^20" ovf:format="urn:raw"/>
          </DiskSection>
          <VirtualSystem ovf:id="appliance"><VirtualHardwareSection>
            <Item><ResourceType>3</ResourceType><VirtualQuantity>2</VirtualQuantity></Item>
            <Item><ResourceType>4</ResourceType><VirtualQuantity>256</VirtualQuantity></Item>
            <Item><ResourceType>17</ResourceType><HostResource>ovf:/disk/d</HostResource></Item>
            <Item><ResourceType>17</ResourceType><HostResource>ovf:/disk/e</HostResource></Item>
          </VirtualHardwareSection></VirtualSystem>
        </Envelope>
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("kumoi-tests-import-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Whenever_the_controller_dies_there_is_the_whole_VM_or_nothing_after_the_repair()
    {
        var ovf = Path.Combine(_folder, "appliance.ovf");
        await File.WriteAllTextAsync(ovf, Ovf, TestContext.Current.CancellationToken);
        await File.WriteAllBytesAsync(Path.Combine(_folder, "disk.img"), new byte[1 << 20], TestContext.Current.CancellationToken);
        var moments = 1;
        var (whole, nothing, named) = (0, 0, 0);
        for (var moment = 0; moment <= moments; moment++) // 0: it lives
        {
            await using var site = await Site.OpenAsync(hosts: 2);
            var host = site.Observe(1);
            var controller = new Controller { DiesAt = moment };
            await using (var fleet = await site.StartAsync(controller))
            {
                var import = new VMImport(fleet, fleet.Hosts[0], ImportPackage.Open(ovf), new ImportOptions(), site.Time);
                await Record.ExceptionAsync(() => import.RunAsync(progressOf: null, default));
            }

            moments = Math.Max(moments, controller.Moments);
            var because = $"died at {moment}";
            var wasDefined = await WasDefinedAsync(site);
            var results = await site.RepairAsync();
            Assert.All(results, result => Assert.True(result.IsRepaired, $"{because}: {result}"));
            Assert.Equal((because, 0), (because, (await site.UnfinishedAsync()).Count));
            var volumes = (await host.SendAsync(new ReadVolumes("default"), default)).Select(static volume => volume.Name).Order().ToList();

            // Of a volume whose making was under way nobody knows whose it is: it stays, and is named.
            var unknown = volumes.Where(
                name => results.Any(result => result.Message.Contains($"'default/{name}', if it is there", StringComparison.Ordinal)));
            var ours = string.Join(' ', volumes.Except(unknown));
            var isThere = await host.SendAsync(new FindVMByName("appliance"), default) is not null;
            Assert.Equal((because, isThere ? "appliance-1 appliance-2" : ""), (because, ours));
            Assert.True(isThere || !wasDefined, $"{because}: what was whole is gone");
            (whole, nothing) = (whole + (isThere ? 1 : 0), nothing + (isThere ? 0 : 1));
            named += unknown.Count();
        }

        Assert.True(whole > 1 && nothing > 3, $"{whole} whole, {nothing} with nothing, {named} named");

        // Of each disk: when its volume is being made, and before the journal has that it was.
        Assert.True(named <= 4, $"{named} volumes stay");
    }

    [Fact]
    public async Task What_it_unpacked_on_this_computer_goes_too_and_nothing_that_has_not_its_name()
    {
        await using var site = await Site.OpenAsync(hosts: 2);
        List<string> folders = [];
        foreach (var isOurs in new[] { true, false })
        {
            var id = OperationId.New();
            var folder = isOurs ? ImportFolder.PathOf(id) : Path.Combine(_folder, "theirs");
            ImportFolder.Create(folder);
            await File.WriteAllTextAsync(Path.Combine(folder, "disk.img"), "half", TestContext.Current.CancellationToken);
            folders.Add(folder);
            var details = new System.Text.Json.Nodes.JsonObject();
            ImportFolder.AddTo(details, folder);
            await site.Journal.BeginAsync(
                new OperationIntent
                {
                    Id = id.Value,
                    Kind = OperationKind.Import,
                    VMHost = "kvm01",
                    IsSimulated = true,
                    VM = "halfway",
                    StartedAt = site.Time.GetUtcNow(),
                    Details = details.ToJsonString(),
                },
                TestContext.Current.CancellationToken);
        }

        Assert.All(await site.RepairAsync(), result => Assert.True(result.IsRepaired, result.Message));
        Assert.Equal([false, true], folders.Select(Directory.Exists));
    }

    /// <summary>The journal has it that the VM was made.</summary>
    private static async Task<bool> WasDefinedAsync(Site site)
    {
        await foreach (var step in site.Journal.ReadOperationsAsync(new OperationQuery { States = [OperationState.Succeeded] }, default))
        {
            if (step.Kind is OperationKind.Define)
            {
                return true;
            }
        }

        return false;
    }
}
