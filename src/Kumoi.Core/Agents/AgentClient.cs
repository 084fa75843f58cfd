using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Kumoi.Agents;

/// <summary>A session's way to the agent of one journal. Safe for concurrent use.</summary>
public sealed class AgentClient : IDisposable
{
    internal const string VersionHeader = "Kumoi-Version";

    public static readonly TimeSpan AnswerPatience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan StartPatience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan EndPatience = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(25);
    private readonly string _journalFolder;
    private readonly AgentProgram _program;
    private readonly string _version;
    private readonly HttpClient _http;

    public AgentClient(string journalFolder, AgentProgram program, string? version = null)
    {
        _journalFolder = journalFolder;
        _program = program;
        _version = version ?? AgentVersion.Own;
        _http = new HttpClient(new SocketsHttpHandler
        {
            ConnectCallback = (_, token) => ConnectAsync(token),
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            ActivityHeadersPropagator = null,
            // An idle connection must not be one that the agent cuts just when it is used.
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(20),
        })
        {
            BaseAddress = new Uri("http://agent/"),
            Timeout = Timeout.InfiniteTimeSpan,
        };
        _http.DefaultRequestHeaders.Add(VersionHeader, _version);
    }

    /// <summary>The log of the agent, whether it runs or not.</summary>
    public string Log => Path.Combine(AgentFolder.Of(_journalFolder), "agent.log");

    /// <summary>False: this journal never had an agent, so there is nothing that it could have been given.</summary>
    public bool MayHaveWork => Directory.Exists(AgentFolder.Of(_journalFolder));

    /// <summary>How the agent is; null: it does not run.</summary>
    /// <exception cref="AgentException">It runs, and does not answer; or its folder is not ours.</exception>
    public async Task<AgentStatus?> FindAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await GetAsync("status", AgentJson.Default.AgentStatus, AnswerPatience, cancellationToken);
        }
        catch (AgentException e) when (e.Error is AgentError.NotRunning)
        {
            return null;
        }
    }

    /// <summary>The agent, which is started if it does not run.</summary>
    /// <exception cref="AgentException">It cannot be had.</exception>
    public async Task<AgentStatus> EnsureAsync(int? idleSec, CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(StartPatience);
        try
        {
            while (true)
            {
                if (await FindAsync(patience.Token) is { } running)
                {
                    return EnsureVersion(running);
                }

                if (!await _program.StartAsync(_journalFolder, idleSec, patience.Token))
                {
                    // It is starting, or ending.
                    await Task.Delay(Pause, patience.Token);
                }
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new AgentException(
                $"The agent did not answer within {StartPatience.TotalSeconds} s of its start.", AgentError.StartFailed,
                $"See its log: {Log}. Its folder is locked: if another machine shares it, an agent may be running there.");
        }
    }

    /// <summary>Has the agent do something, which is started if it does not run.</summary>
    /// <exception cref="AgentException">It did not; or, if it broke off, may have.</exception>
    public async Task<T> HaveAsync<T>(Func<Task<T>> ask, CancellationToken cancellationToken)
    {
        while (true)
        {
            await EnsureAsync(idleSec: null, cancellationToken);
            try
            {
                return await ask();
            }
            catch (AgentException e) when (e.Error is AgentError.NotRunning)
            {
                // It was just ending.
            }
        }
    }

    /// <summary>Ends the agent, and returns when it has ended. Its work stays in the journal, and the next agent goes on with it.</summary>
    /// <exception cref="AgentException">It has work (unless <paramref name="force"/>), or did not end.</exception>
    public async Task StopAsync(int processId, bool force, CancellationToken cancellationToken)
    {
        using (var _ = await SendAsync(HttpMethod.Post, force ? "stop?force" : "stop", content: null, AnswerPatience, cancellationToken))
        {
            // It was told.
        }

        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(EndPatience);
        try
        {
            while (!await HasEndedAsync(processId, patience.Token))
            {
                await Task.Delay(Pause, patience.Token);
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new AgentException(
                $"The agent (process {processId}) was told to end, and has not within {EndPatience.TotalMinutes} minutes.",
                AgentError.NotResponding, $"See its log: {Log}. Ending the process loses no work: the next agent goes on with it.");
        }
    }

    /// <summary>Gets something. An agent that ends just then does not run.</summary>
    public async Task<T> GetAsync<T>(string path, JsonTypeInfo<T> type, TimeSpan patience, CancellationToken cancellationToken)
    {
        try
        {
            return await GetOnceAsync(path, type, patience, cancellationToken);
        }
        catch (AgentException e) when (e.Error is AgentError.BrokeOff)
        {
            // It was killed under an open connection, say. To ask again does no harm.
            return await GetOnceAsync(path, type, patience, cancellationToken);
        }
    }

    /// <summary>Has something done, with a body and an answer.</summary>
    public async Task<TAnswer> PostAsync<T, TAnswer>(
        string path, T body, JsonTypeInfo<T> type, JsonTypeInfo<TAnswer> answer, TimeSpan patience, CancellationToken cancellationToken)
    {
        using var content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(body, type));
        using var response = await SendAsync(HttpMethod.Post, path, content, patience, cancellationToken);
        return await ReadAsync(response, answer, cancellationToken);
    }

    /// <summary>Has something done without a body, with an answer.</summary>
    public async Task<TAnswer> PostAsync<TAnswer>(
        string path, JsonTypeInfo<TAnswer> answer, TimeSpan patience, CancellationToken cancellationToken)
    {
        using var response = await SendAsync(HttpMethod.Post, path, content: null, patience, cancellationToken);
        return await ReadAsync(response, answer, cancellationToken);
    }

    public void Dispose() => _http.Dispose();

    private async Task<T> GetOnceAsync<T>(string path, JsonTypeInfo<T> type, TimeSpan patience, CancellationToken cancellationToken)
    {
        using var response = await SendAsync(HttpMethod.Get, path, content: null, patience, cancellationToken);
        return await ReadAsync(response, type, cancellationToken);
    }

    private static AgentException BrokeOff(Exception cause) => new(
        "The agent ended before it answered.", AgentError.BrokeOff,
        "What it was asked for may have been done: look with Get-KumoiAgent, or do it again.", cause);

    private static AgentException Silent(string what, Exception? cause = null) => new(
        $"The agent {what}.", AgentError.NotResponding, "What it was asked for may have been done: look with Get-KumoiAgent.", cause);

    private static async Task<T> ReadAsync<T>(HttpResponseMessage response, JsonTypeInfo<T> type, CancellationToken cancellationToken)
    {
        try
        {
            return await response.Content.ReadFromJsonAsync(type, cancellationToken) ?? throw Silent("gave no answer");
        }
        catch (JsonException e)
        {
            throw Silent("gave an answer that cannot be read", e);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            throw BrokeOff(e);
        }
    }

    private AgentStatus EnsureVersion(AgentStatus running) => running.Version == _version ? running : throw OtherVersion(
        running.Version, running.ProcessId, _version);

    internal static AgentException OtherVersion(string running, int processId, string wanted) => new(
        $"An agent of another version of the module is running ({running}, process {processId}); this one is {wanted}.",
        AgentError.OtherVersion,
        "End it with Stop-KumoiAgent -Force: its work stays in the journal, and the agent of this version goes on with it.");

    private async Task<HttpResponseMessage> SendAsync(
        HttpMethod method, string path, HttpContent? content, TimeSpan patience, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(patience);
        using var request = new HttpRequestMessage(method, path) { Content = content };
        HttpResponseMessage? response = null;
        try
        {
            response = await _http.SendAsync(request, limit.Token);
            if (response.IsSuccessStatusCode)
            {
                return response;
            }

            var failure = await ReadFailureAsync(response, limit.Token);
            response.Dispose();
            throw failure;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            response?.Dispose();
            throw Silent($"did not answer within {patience.TotalSeconds} s");
        }
        catch (HttpRequestException e)
        {
            response?.Dispose();
            // Why it could not be connected is inside; what was begun and broke off may have been done.
            throw e.InnerException as AgentException ?? BrokeOff(e);
        }
    }

    private static async Task<Exception> ReadFailureAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        try
        {
            if (await response.Content.ReadFromJsonAsync(AgentJson.Default.AgentFailure, cancellationToken) is { } failure)
            {
                return failure.ToException();
            }
        }
        catch (Exception e) when (e is JsonException or HttpRequestException or IOException or NotSupportedException)
        {
            // Told by its status.
        }

        return response.StatusCode is HttpStatusCode.ServiceUnavailable
            ? NotRunning()
            : new AgentException(
                $"The agent refused: {(int)response.StatusCode} {response.ReasonPhrase}", AgentError.Refused, "See its log.");
    }

    private static AgentException NotRunning() =>
        new("The agent does not run.", AgentError.NotRunning, "Start-KumoiAgent starts it.");

    private async ValueTask<Stream> ConnectAsync(CancellationToken cancellationToken)
    {
        using var folder = AgentFolder.Find(_journalFolder) ?? throw NotRunning();
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(folder.EndPoint, cancellationToken);
            if (!SocketPeer.IsOurs(socket))
            {
                throw new AgentException(
                    $"The process behind the agent's socket {folder.Socket} is another user's.", AgentError.NotOurs,
                    $"Find out how it came there. Until then set {Journal.JournalFolder.Variable} to another folder.");
            }

            return new NetworkStream(socket, ownsSocket: true);
        }
        catch (SocketException e) when (
            e.SocketErrorCode is SocketError.ConnectionRefused or SocketError.AddressNotAvailable or SocketError.ConnectionReset)
        {
            // No file, or one that an agent left behind that was killed.
            socket.Dispose();
            throw NotRunning();
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw new AgentException(
                $"The agent's socket {folder.Socket} cannot be connected to: {e.Message}", AgentError.NotResponding,
                "See whether it runs with Get-KumoiAgent, and its log.", e);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private async Task<bool> HasEndedAsync(int processId, CancellationToken cancellationToken)
    {
        using (var folder = AgentFolder.Find(_journalFolder))
        {
            if (folder is null)
            {
                return true;
            }

            using var free = folder.TryLock();
            if (free is not null)
            {
                return true;
            }
        }

        try
        {
            // Another one may have been started since.
            return await FindAsync(cancellationToken) is { } running && running.ProcessId != processId;
        }
        catch (AgentException)
        {
            return false;
        }
    }
}
