using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Kumoi.Agent.Grains;
using Kumoi.Agent.Work;
using Kumoi.Agents;
using Kumoi.Hypervisors;
using Kumoi.Journal;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Orleans;

namespace Kumoi.Agent.Http;

/// <summary>What comes in by the socket, and is answered.</summary>
internal sealed class AgentRequests(
    AgentSettings settings, AgentLife life, WorkBook book, AgentPairs pairs, IGrainFactory grains, ILogger<AgentRequests> log)
{
    private readonly TaskCompletionSource _open = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private IUsageGrain Usage => grains.GetGrain<IUsageGrain>(IUsageGrain.Key);

    /// <summary>From now on requests are answered; those that have come wait until then.</summary>
    public void Open()
    {
        life.Begin();
        _open.TrySetResult();
    }

    public async Task AnswerAsync(HttpContext context)
    {
        await _open.Task.WaitAsync(context.RequestAborted);
        try
        {
            await DispatchAsync(context);
        }
        catch (AgentException e)
        {
            await WriteAsync(context, StatusOf(e.Error), AgentFailure.Of(e), AgentJson.Default.AgentFailure);
        }
        catch (JournalException e)
        {
            await WriteAsync(
                context, StatusCodes.Status500InternalServerError,
                new AgentFailure(AgentError.JournalFailed, e.Message, e.RecommendedAction), AgentJson.Default.AgentFailure);
        }
        catch (HypervisorException e)
        {
            await WriteAsync(context, StatusCodes.Status409Conflict, AgentFailure.Of(e), AgentJson.Default.AgentFailure);
        }
        catch (JsonException e)
        {
            await WriteAsync(
                context, StatusCodes.Status400BadRequest,
                new AgentFailure(AgentError.Refused, $"The agent does not understand what it was given: {e.Message}", ""),
                AgentJson.Default.AgentFailure);
        }
        catch (BadHttpRequestException e)
        {
            // Too large, or it came too slowly; Kestrel has said so, or cuts the connection.
            context.Response.StatusCode = e.StatusCode;
            context.Response.Headers.Connection = "close";
        }
        catch (OperationCanceledException)
        {
            context.Abort();
        }
#pragma warning disable CA1031 // an answer that failed must not end the agent
        catch (Exception e)
#pragma warning restore CA1031
        {
#pragma warning disable CA1848, CA1873 // it happens never, or is a defect
            log.LogError(e, "{Method} {Path} failed.", context.Request.Method, context.Request.Path);
#pragma warning restore CA1848, CA1873
            await WriteAsync(
                context, StatusCodes.Status500InternalServerError,
                new AgentFailure(AgentError.Refused, $"The agent failed: {e.Message}", "See its log."), AgentJson.Default.AgentFailure);
        }
    }

    private static int StatusOf(AgentError error) => error switch
    {
        AgentError.NotRunning => StatusCodes.Status503ServiceUnavailable,
        AgentError.NotFound => StatusCodes.Status404NotFound,
        _ => StatusCodes.Status409Conflict,
    };

    private static Task WriteAsync<T>(HttpContext context, int status, T answer, JsonTypeInfo<T> type) =>
        WriteAsync(context, status, JsonSerializer.SerializeToUtf8Bytes(answer, type));

    private static Task WriteAsync(HttpContext context, int status, ReadOnlyMemory<byte> json)
    {
        if (context.Response.HasStarted)
        {
            context.Abort();
            return Task.CompletedTask;
        }

        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json";
        context.Response.ContentLength = json.Length;
        return context.Response.Body.WriteAsync(json, context.RequestAborted).AsTask();
    }

    private static AgentException Ending() => new(
        "The agent is ending.", AgentError.NotRunning, "Try again: another one is started.");

    private async Task DispatchAsync(HttpContext context)
    {
        var route = (context.Request.Method, context.Request.Path.Value);
        // Looking at the agent is no reason for it to stay; and an agent of any version can be looked at and ended.
        if (route is ("GET", "/status"))
        {
            await WriteAsync(context, StatusCodes.Status200OK, Status(), AgentJson.Default.AgentStatus);
            return;
        }

        if (!life.TryEnter())
        {
            throw Ending();
        }

        try
        {
            if (route is ("POST", "/stop"))
            {
                Stop(context);
                return;
            }

            if (context.Request.Headers[AgentClient.VersionHeader].ToString() is var version && version != settings.Version)
            {
                throw AgentClient.OtherVersion(settings.Version, Environment.ProcessId, version);
            }

            await WriteAsync(context, StatusCodes.Status200OK, await ActAsync(context, route));
        }
        finally
        {
            life.Leave();
        }
    }

    /// <summary>The answer as JSON.</summary>
    private async Task<ReadOnlyMemory<byte>> ActAsync(HttpContext context, (string Method, string? Path) route) => route switch
    {
        ("POST", "/start") => Start(context),
        ("GET", "/scaling") => await ListScalingAsync(),
        ("POST", "/scaling") => await GiveScalingAsync(context),
        ("POST", "/scaling/stop") => await StopScalingAsync(context),
        ("POST", "/usage") => await GiveUsageAsync(context),
        ("POST", "/usage/stop") => await StopUsageAsync(),
        ("GET", "/pairs") => JsonSerializer.SerializeToUtf8Bytes(pairs.All, AgentJson.Default.IReadOnlyListKumoiFtPair),
        ("POST", "/pairs") => await StartPairAsync(context),
        ("POST", "/pairs/stop") => await AskPairAsync(context, static (pair, _) => pair.StopAsync()),
        ("POST", "/pairs/switch") => await AskPairAsync(context, static (pair, token) => pair.SwitchAsync(token)),
        ("POST", "/pairs/drill") => await AskPairAsync(context, static (pair, token) => pair.DrillAsync(token)),
        _ => throw new AgentException("The agent has no such thing.", AgentError.NotFound, ""),
    };

    private AgentStatus Status() => new(
        settings.Version, Environment.ProcessId, life.StartedAt, life.Limit.TotalSeconds, life.Idle?.TotalSeconds,
        Environment.WorkingSet, pairs.Names, NamesOf(AgentWorkKind.Scaling), NamesOf(AgentWorkKind.Usage).Count > 0);

    private List<string> NamesOf(AgentWorkKind kind) =>
        [.. book.Items.Where(item => item.Kind == kind && item.Error is null).Select(item => item.Name)];

    private void Stop(HttpContext context)
    {
        if (context.Request.Query.ContainsKey("force"))
        {
            life.End("it was told to");
        }
        else if (!life.TryEnd("it was told to"))
        {
            IEnumerable<string> work =
            [
                .. pairs.Names.Select(vm => $"it protects {vm}"),
                .. NamesOf(AgentWorkKind.Scaling).Select(group => $"it scales {group}"),
                .. NamesOf(AgentWorkKind.Usage).Select(_ => "it accounts what VMs use"),
            ];
            throw new AgentException(
                $"The agent has work: {string.Join(", ", work.DefaultIfEmpty("it is just being given some"))}.", AgentError.HasWork,
                "Stop the work first, or give -Force: the work stays in the journal, and the next agent goes on with it.");
        }

        context.Response.StatusCode = StatusCodes.Status202Accepted;
    }

    private ReadOnlyMemory<byte> Start(HttpContext context)
    {
        if (int.TryParse(context.Request.Query["idle"], System.Globalization.CultureInfo.InvariantCulture, out var seconds) && seconds >= 0)
        {
            life.Limit = TimeSpan.FromSeconds(seconds);
        }

        return JsonSerializer.SerializeToUtf8Bytes(Status(), AgentJson.Default.AgentStatus);
    }

    private async Task<ReadOnlyMemory<byte>> ListScalingAsync()
    {
        var groups = new List<string?>();
        foreach (var item in book.Items.Where(item => item.Kind is AgentWorkKind.Scaling))
        {
            groups.Add(await grains.GetGrain<IScalingGrain>(item.Name).StatusAsync());
        }

        return ToBytes($"[{string.Join(',', groups.OfType<string>())}]");
    }

    private async Task<ReadOnlyMemory<byte>> GiveScalingAsync(HttpContext context)
    {
        var body = await ReadBodyAsync(context);
        var order = JsonSerializer.Deserialize(body.Span, AgentJson.Default.ScalingOrder)!;
        return ToBytes(
            await grains.GetGrain<IScalingGrain>(order.Group).GiveAsync(JsonSerializer.Serialize(order, AgentJson.Default.ScalingOrder))
            ?? throw new AgentException(
                $"'{order.Group}' is being scaled by the agent already.", AgentError.Exists,
                $"Stop it first: Stop-KumoiScaling {order.Group}"));
    }

    private async Task<ReadOnlyMemory<byte>> StopScalingAsync(HttpContext context)
    {
        var group = context.Request.Query["group"].ToString();
        return ToBytes(
            (group.Length == 0 ? null : await grains.GetGrain<IScalingGrain>(group).StopAsync())
            ?? throw new AgentException(
                $"The agent does not scale '{group}'.", AgentError.NotFound, "Get-KumoiScaling lists what it scales."));
    }

    private async Task<ReadOnlyMemory<byte>> GiveUsageAsync(HttpContext context)
    {
        var body = await ReadBodyAsync(context);
        var order = JsonSerializer.Deserialize(body.Span, AgentJson.Default.UsageOrder)!;
        if (!await Usage.GiveAsync(JsonSerializer.Serialize(order, AgentJson.Default.UsageOrder)))
        {
            throw new AgentException(
                "The agent accounts what VMs use already.", AgentError.Exists,
                "Stop it first: Stop-KumoiUsage. Nothing is lost in between.");
        }

        return JsonSerializer.SerializeToUtf8Bytes(Status(), AgentJson.Default.AgentStatus);
    }

    private async Task<ReadOnlyMemory<byte>> StopUsageAsync() => await Usage.StopAsync()
        ? JsonSerializer.SerializeToUtf8Bytes(Status(), AgentJson.Default.AgentStatus)
        : throw new AgentException("The agent does not account what VMs use.", AgentError.NotFound, "");

    private async Task<ReadOnlyMemory<byte>> StartPairAsync(HttpContext context)
    {
        var body = await ReadBodyAsync(context);
        var start = JsonSerializer.Deserialize(body.Span, AgentJson.Default.PairStart)!;
        return ToBytes(await grains.GetGrain<IPairGrain>(start.Order.VM)
            .StartAsync(JsonSerializer.Serialize(start, AgentJson.Default.PairStart), context.RequestAborted));
    }

    private async Task<ReadOnlyMemory<byte>> AskPairAsync(HttpContext context, Func<IPairGrain, CancellationToken, Task<string?>> ask)
    {
        var told = Guid.TryParse(context.Request.Query["vm"], out var vm)
            ? await ask(grains.GetGrain<IPairGrain>(vm), context.RequestAborted) : null;
        return ToBytes(told ?? throw new AgentException(
            "The agent does not keep this pair.", AgentError.NotFound,
            "Get-KumoiFtPair shows who does. One that nobody keeps the agent goes on with when it reaches the hosts: see its log."));
    }

    private static ReadOnlyMemory<byte> ToBytes(string json) => System.Text.Encoding.UTF8.GetBytes(json);

    /// <summary>All of it, in the time that a client has for it.</summary>
    private async Task<ReadOnlyMemory<byte>> ReadBodyAsync(HttpContext context)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        patience.CancelAfter(settings.Limits.Arrival);
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body, patience.Token);
        return body.GetBuffer().AsMemory(0, (int)body.Length);
    }
}
