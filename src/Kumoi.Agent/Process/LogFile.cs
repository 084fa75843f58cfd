using System.Globalization;
using Kumoi.Hypervisors;
using Microsoft.Extensions.Logging;

namespace Kumoi.Agent.Process;

/// <summary>
/// The agent's log: one line for each entry, without secrets. It is bounded: what is older than the last of two files is gone. A log that
/// cannot be written stops nothing.
/// </summary>
internal sealed class LogFile(string path, TimeProvider time, long maxBytes = 1024 * 1024) : ILoggerProvider
{
    private readonly Lock _gate = new();

    public ILogger CreateLogger(string categoryName) => new Log(this, categoryName);

    public void Write(string category, LogLevel level, string message, Exception? error)
    {
        var text = error is null ? message : $"{message} {error}";
        // A line of a log is one line, whatever a host has called its VMs.
        var line = string.Create(
            CultureInfo.InvariantCulture,
            $"{time.GetUtcNow():O} {level} {category[(category.LastIndexOf('.') + 1)..]}: {Visible.Text(Secrets.Mask(text))}\n");
        lock (_gate)
        {
            try
            {
                if (new FileInfo(path) is { Exists: true } old && old.Length + line.Length > maxBytes)
                {
                    File.Move(path, path + ".1", overwrite: true);
                }

                File.AppendAllText(path, line);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // The disk is full, say.
            }
        }
    }

    public void Dispose()
    {
        // Nothing is open between two lines.
    }

    private sealed class Log(LogFile file, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        /// <summary>Ours all; others' only what goes wrong.</summary>
        public bool IsEnabled(LogLevel logLevel) => logLevel >= (category.StartsWith("Kumoi.", StringComparison.Ordinal)
            ? LogLevel.Information : LogLevel.Error);

        void ILogger.Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
            {
                file.Write(category, logLevel, formatter(state, exception), exception);
            }
        }
    }
}
