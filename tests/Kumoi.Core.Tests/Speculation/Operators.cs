using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.Tests.Speculation;

/// <summary>What others do with the VM meanwhile, on one of the hosts; what the host does not allow does not happen.</summary>
internal static class Operators
{
    public static readonly string[] Acts = ["migrate", "shut down", "suspend", "resume", "undefine", "start", "crash", "save", "destroy"];

    /// <summary>Does it on that host, 1, 2, …; migrates to the last host that has nothing of the VM.</summary>
    public static async Task ActAsync(Site site, string act, int host)
    {
        var link = site.Observe(host);
        var places = await site.PlacesAsync();
        var place = places[host - 1];
        try
        {
            switch (act)
            {
                case "migrate":
                    await site.MigrateByHandAsync(host, back: false);
                    break;
                case "migrate back":
                    await site.MigrateByHandAsync(host, back: true);
                    break;
                case "shut down":
                    await link.SendAsync(new ShutdownVM(site.Id), default);
                    break;
                case "suspend":
                    await link.SendAsync(new SuspendVM(site.Id), default);
                    break;
                case "resume":
                    await link.SendAsync(new ResumeVM(site.Id), default);
                    break;
                case "undefine":
                    if (place is VMWhereabouts.Running or VMWhereabouts.Paused)
                    {
                        await link.SendAsync(new DestroyVM(site.Id), default);
                    }

                    await link.SendAsync(new UndefineVM(site.Id, RemoveVolumes: false), default);
                    break;
                case "start":
                    await link.SendAsync(new StartVM(site.Id, Paused: false), default);
                    break;
                case "destroy":
                    await link.SendAsync(new DestroyVM(site.Id), default);
                    break;
                case "crash" when place is VMWhereabouts.Running:
                    site.Happen(host, PowerState.Crashed);
                    break;
                case "save" when place is VMWhereabouts.Running:
                    site.Happen(host, PowerState.Shutoff, isSaved: true);
                    break;
            }
        }
        catch (HypervisorException)
        {
            // It is not allowed.
        }
    }
}
