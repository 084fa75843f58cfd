using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Native;
using Xunit;

namespace Kumoi.Tests.Hypervisors.Libvirt.Connections;

public sealed class OpeningTests : LibvirtTest
{
    [Theory]
    [InlineData("qemu:///system", true)]
    [InlineData("qemu+ssh://root@kvm1/system", true)]
    [InlineData("test:///default", true)]
    [InlineData("xen:///system", true)]
    [InlineData("ch:///system", true)]
    [InlineData("qemu:system", true)] // handled, so that Resolve can say what is wrong
    [InlineData("sim://fleet", false)]
    [InlineData("SIM://fleet", false)]
    [InlineData("kvm1", false)]
    [InlineData("", false)]
    [InlineData("://x", false)]
    public void The_driver_handles_whatever_has_a_scheme_but_the_simulators(string uri, bool expected) =>
        Assert.Equal(expected, Driver.Handles(uri));

    [Theory]
    [InlineData("qemu+tls://kvm1.example.com/system", "kvm1.example.com")]
    [InlineData("qemu+ssh://root@kvm_1:2222/system?keyfile=/k", "kvm_1")]
    [InlineData("qemu+tcp://[fd00::1]:16509/system", "fd00::1")]
    [InlineData("qemu+tcp://[fe80::1%25eth0]/system", "fe80::1%eth0")]
    [InlineData("qemu+unix:///system?socket=/lab/h/3/sock", "/lab/h/3/sock")]
    [InlineData("qemu+unix:///system?mode=direct&socket=%2Flab%2Fsock", "/lab/sock")]
    public void A_URI_names_its_host_before_it_is_open(string uri, string expected) =>
        Assert.Equal(new HostAddress(uri, expected), Assert.Single(Driver.Resolve(uri)));

    [Fact]
    public void A_local_URI_names_this_machine() =>
        Assert.Equal(Environment.MachineName, Driver.Resolve("qemu:///system")[0].ExpectedName);

    [Theory]
    [InlineData("qemu:system")]
    [InlineData("qemu:/system")]
    [InlineData("qemu+tpc://host/system")]
    [InlineData("qemu+tcp://host:port/system")]
    [InlineData("qemu+tcp://host:99999/system")]
    [InlineData("qemu+tcp://ho st/system")]
    [InlineData("test:///")]
    public void A_malformed_URI_is_refused_with_advice(string uri)
    {
        var failure = Assert.Throws<HypervisorException>(() => Driver.Resolve(uri));

        Assert.Equal(HypervisorError.InvalidUri, failure.Error);
        Assert.False(failure.IsTransient);
        Assert.Contains("qemu:///system", failure.RecommendedAction, StringComparison.Ordinal);
    }

    [Fact]
    public void A_password_does_not_show()
    {
        var uri = LibvirtUri.Parse("qemu+tcp://admin:s3cret@kvm1/system");

        Assert.Equal("qemu+tcp://admin@kvm1/system", uri.Display);
        Assert.Contains("s3cret", uri.ForOpening, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("qemu+ssh://kvm1/system", "qemu+ssh://kvm1/system?no_tty=1")]
    [InlineData("qemu+ssh://kvm1/system?keyfile=/k", "qemu+ssh://kvm1/system?keyfile=/k&no_tty=1")]
    [InlineData("qemu+ssh://kvm1/system?no_tty=0", "qemu+ssh://kvm1/system?no_tty=0")]
    [InlineData("qemu+tls://kvm1/system", "qemu+tls://kvm1/system")]
    public void Ssh_does_not_ask_on_the_terminal(string uri, string opened) =>
        Assert.Equal(opened, LibvirtUri.Parse(uri).ForOpening);

    [Theory]
    [InlineData("qemu+tls://kvm1/system", true)]
    [InlineData("qemu+ssh://kvm1/system", true)]
    [InlineData("qemu:///system", false)]
    [InlineData("qemu+tcp://localhost/system", false)]
    [InlineData("qemu+tcp://[fd00::1]/system", true)]
    [InlineData("qemu+tcp://[fe80::1%25eth0]/system", false)]
    [InlineData("qemu+unix:///system?socket=/s", false)]
    [InlineData("test:///default", false)]
    public void Only_some_URIs_mean_the_same_on_another_host(string uri, bool expected) =>
        Assert.Equal(expected, LibvirtUri.Parse(uri).IsReachableFromOtherHosts);

    [Fact]
    public async Task A_socket_that_is_not_there_is_a_failure_of_the_host()
    {
        var failure = await FailsAsync(
            HypervisorError.ConnectionFailed, FaultDomain.Host, () => OpenAsync("qemu+unix:///system?socket=/nowhere/libvirt-sock"));

        Assert.True(failure.IsTransient);
        Assert.NotNull(failure.RecommendedAction);
    }

    [Fact]
    public async Task A_port_where_nobody_listens_is_a_failure_of_the_host()
    {
        using var unused = new Socket(SocketType.Stream, ProtocolType.Tcp);
        unused.Bind(new IPEndPoint(IPAddress.Loopback, 0)); // taken, but not listening: refused
        var port = ((IPEndPoint)unused.LocalEndPoint!).Port;

        var failure = await FailsAsync(
            HypervisorError.ConnectionFailed, FaultDomain.Host, () => OpenAsync($"qemu+tcp://127.0.0.1:{port}/system"));

        Assert.True(failure.IsTransient);
    }

    [Fact]
    public async Task A_node_file_that_is_not_there_is_a_bad_URI() =>
        await FailsAsync(HypervisorError.InvalidUri, FaultDomain.Unknown, () => OpenAsync("test:///nowhere/node.xml"));

    [Fact]
    public async Task Opening_a_host_that_never_answers_can_be_cancelled()
    {
        using var silent = new Socket(SocketType.Stream, ProtocolType.Tcp);
        silent.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        silent.Listen();
        var port = ((IPEndPoint)silent.LocalEndPoint!).Port;
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(Deadline);

        var opening =
            Driver.OpenAsync(Driver.Resolve($"qemu+tcp://127.0.0.1:{port}/system")[0], cancel.Token);
        using var accepted = await silent.AcceptAsync(Deadline); // now libvirt waits for an answer
        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => opening);
    }

    [Fact]
    public async Task Links_to_the_default_node_share_it_and_links_to_a_file_do_not()
    {
        var one = await OpenDefaultAsync();
        var two = await OpenDefaultAsync();

        var vm = await one.SendAsync(new DefineVM(Small("shared")), Deadline);

        Assert.NotNull(await two.SendAsync(new FindVM(vm.Id), Deadline));
        Assert.Null(await (await OpenNodeAsync()).SendAsync(new FindVM(vm.Id), Deadline));
    }

    [Fact]
    public async Task A_disposed_link_refuses_calls_and_can_be_disposed_again()
    {
        var link = await OpenNodeAsync();

        await link.DisposeAsync();
        await link.DisposeAsync();

        await FailsAsync(HypervisorError.ConnectionFailed, FaultDomain.Host, () => link.SendAsync(new ReadVMs(), Deadline).AsTask());
    }

    [Fact]
    public async Task Every_call_on_a_link_that_was_dropped_has_lost_its_connection_and_has_done_nothing()
    {
        var link = await OpenNodeAsync(1);
        var id = (await link.SendAsync(new ReadVMs(), Deadline))[0].Id;
        var operation = OperationId.New();
        await link.DisposeAsync();
        Func<Task>[] calls =
        [
            () => link.SendAsync(new ReadHost(true), Deadline).AsTask(),
            () => link.SendAsync(new FindVM(id), Deadline).AsTask(),
            () => link.SendAsync(new FindVMByName("vm0"), Deadline).AsTask(),
            () => link.SendAsync(new ReadXml(id), Deadline).AsTask(),
            () => link.SendAsync(new ReadDefinition(id), Deadline).AsTask(),
            () => link.SendAsync(new ReadWhereabouts(id), Deadline).AsTask(),
            () => link.SendAsync(new ReadMarked(), Deadline).AsTask(),
            () => link.SendAsync(new ReadHostId(), Deadline).AsTask(),
            () => link.SendAsync(new FindHostBoundState(id), Deadline).AsTask(),
            () => link.SendAsync(new DefineVM(Small("new")) { Operation = operation }, Deadline).AsTask(),
            () => link.SendAsync(new DefineVM(Small("new") with { CopyDisks = true }) { Operation = operation }, Deadline).AsTask(),
            () => link.SendAsync(new UndoDefineVM(operation), Deadline).AsTask(),
            () => link.SendAsync(new StartVM(id) { Operation = operation }, Deadline).AsTask(),
            () => link.SendAsync(new DestroyVM(id) { Operation = operation }, Deadline).AsTask(),
            () => link.SendAsync(new ResumeVM(id) { Operation = operation }, Deadline).AsTask(),
            () => link.SendAsync(new UndefineVM(id, false) { Operation = operation }, Deadline).AsTask(),
            () => link.SendAsync(new MarkVM(id, null), Deadline).AsTask(),
            () => link.SendAsync(new RemoveCopy(id, new CopyRemoval(operation, 0, [VMWhereabouts.Off], CopyRemovalKind.Undefine)), Deadline)
                .AsTask(),
            async () =>
            {
                await foreach (var _ in link.WatchAsync(Deadline))
                {
                    // None comes.
                }
            },
        ];
        foreach (var call in calls)
        {
            var failure = await FailsAsync(HypervisorError.ConnectionFailed, FaultDomain.Host, call);
            Assert.False(failure.OutcomeUnknown);
        }
    }

    [Fact]
    public async Task The_program_that_opens_a_connection_ends_with_its_try_and_so_do_the_programs_that_it_started()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the children of a thread are read from Linux's /proc");
        var directory = Directory.CreateTempSubdirectory("kumoi-hang").FullName;
        try
        {
            // Its own child holds the connection open too; and both do not listen to what asks them to end.
            var script = Path.Combine(directory, "hangs");
            var running = Path.Combine(directory, "running");
            await WriteProgramAsync(script, $"#!/bin/sh\ntrap '' TERM HUP INT\n(trap '' TERM HUP INT; echo $$ > {running}.part; mv "
                + $"{running}.part {running}; while :; do sleep 1000; done)\n");
            using var cancel = CancellationTokenSource.CreateLinkedTokenSource(Deadline);
            using var watcher = new FileSystemWatcher(directory) { EnableRaisingEvents = true };
            var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            watcher.Renamed += (_, _) => begun.TrySetResult();

            var opening = Driver.OpenAsync(
                Driver.Resolve($"qemu+ssh://kumoi.invalid/system?command={Uri.EscapeDataString(script)}")[0], cancel.Token);
            await begun.Task.WaitAsync(Deadline);
            var process = int.Parse(await File.ReadAllTextAsync(running, Deadline), System.Globalization.CultureInfo.InvariantCulture);
            await cancel.CancelAsync();

            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => opening);
            await ProcessEnd.OfAsync(process, Deadline);
            await ProcessEnd.OfAllWithAsync(script, Deadline);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Theory]
    [InlineData("Host key verification failed.", "known_hosts")]
    [InlineData("@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @", "known_hosts")]
    [InlineData("root@kvm1: Permission denied (publickey,password).", "key")]
    [InlineData("Received disconnect from 10.0.0.1 port 22:2: Too many authentication failures", "key")]
    public async Task What_ssh_is_refused_for_is_not_tried_again(string words, string advice)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the program is a shell script");
        var script = Path.GetTempFileName();
        try
        {
            // It first reads: to one that has ended libvirt cannot write, and then does not look at what it said.
            await WriteProgramAsync(script, $"#!/bin/sh\nhead -c 1 > /dev/null\necho '{words}' >&2\nexit 255\n");

            var failure = await FailsAsync(
                HypervisorError.AuthenticationFailed, FaultDomain.Host,
                () => OpenAsync($"qemu+ssh://kumoi.invalid/system?command={Uri.EscapeDataString(script)}"));

            Assert.False(failure.IsTransient);
            Assert.Contains(advice, failure.RecommendedAction, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(script);
        }
    }

    [Fact]
    public void The_library_logs_nothing_unless_the_user_wants_it_to()
    {
        var asked = new[] { "LIBVIRT_DEBUG", "LIBVIRT_LOG_FILTERS", LibvirtLog.Outputs }.Select(Environment.GetEnvironmentVariable)
            .FirstOrDefault(value => value is not null);
        Assert.SkipUnless(asked is null && !OperatingSystem.IsWindows(), "this machine has a setting of its own");

        Assert.Equal("4:file:/dev/null", LibvirtLog.Read(LibvirtLog.Outputs));
    }

    [Fact]
    public void The_library_is_not_looked_for_in_the_current_folder()
    {
        var here = Environment.CurrentDirectory;
        var file = Directory.EnumerateFiles(here).First();
        var name = Path.GetFileName(file);

        Assert.Null(LibvirtLibrary.FindIn(["", " ", ".", "./", "../" + Path.GetFileName(here)], name));
        Assert.Equal(file, LibvirtLibrary.FindIn([".", "/nowhere", $"\"{here}\""], name));
    }

    [Theory]
    [InlineData("/nowhere/libvirt.so.0")]
    [InlineData("/dev/null")]
    public void A_missing_library_is_one_clear_error(string path)
    {
        var failure = Assert.Throws<HypervisorException>(() => LibvirtLibrary.Load(path));

        Assert.Equal(HypervisorError.LibraryMissing, failure.Error);
        Assert.Contains(path, failure.Message, StringComparison.Ordinal);
        Assert.Contains("apt install libvirt0", failure.RecommendedAction, StringComparison.Ordinal);
        Assert.Contains("dnf install libvirt-libs", failure.RecommendedAction, StringComparison.Ordinal);
        Assert.Contains("brew install libvirt", failure.RecommendedAction, StringComparison.Ordinal);
    }

    /// <summary>
    /// Written by another process: while this one has a program open for writing, a child that any other test starts has it open too, and
    /// the program cannot be run ("Text file busy").
    /// </summary>
    private async Task WriteProgramAsync(string file, string text)
    {
        using var shell = Process.Start(new ProcessStartInfo(
            "/bin/sh", ["-c", "cat > \"$1\" && chmod 500 \"$1\"", "sh", file])
        { RedirectStandardInput = true, UseShellExecute = false })!;
        await shell.StandardInput.WriteAsync(text);
        shell.StandardInput.Close();
        await shell.WaitForExitAsync(Deadline);
        Assert.Equal(0, shell.ExitCode);
    }
}
