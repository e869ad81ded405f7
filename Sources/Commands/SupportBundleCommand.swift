internal import Agent
internal import ArgumentParser
private import Glibc
internal import Inspection
internal import SystemSupport
internal import ZMQBridge

/// `arobust support-bundle`
struct SupportBundleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "support-bundle",
        abstract: "Put what somebody who helps needs to know into one file.",
        discussion: """
            Writes a .tar.gz of texts: versions, settings, status, audit, health,
            self-metrics, limits, kernel, and the names and sizes of the files in the
            state directory. Nothing that was published is in it, and what looks like a
            secret is replaced by [redacted]; look at it all the same before you pass it
            on: tar xzOf FILE | less. Of the environment only names that arobust knows
            are in it.

              arobust support-bundle
              arobust support-bundle --log /var/log/arobust.log --output bundle.tar.gz

            \(HelpText.settings)

            Exit status: 0 if it is written, also where parts could not be had
            (missing.txt says which), 1 if not, 64 for a wrong flag or setting.
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var directories: StateDirectoryOptions

    @ArgumentParser.Option(
        help: ArgumentHelp(
            "The file to write; there must be none yet (default: arobust-support-HOST-TIME.tar.gz).", valueName: "path")
    )
    var output: String?

    @ArgumentParser.Option(
        help: ArgumentHelp(
            "A file with arobust's own log, whose last MiB is taken along. May be given more than once.",
            valueName: "path"))
    var log: [String] = []

    /// So many logs have room.
    private static let mostLogs = 8
    /// The variables of other programs that say where arobust runs.
    private static let variables: Set<String> = [
        "JOB_UID", "WORKER_RANK", "RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "GROUP_RANK", "NODE_ID",
        "NODE_RANK", "NODE_TYPE", "XPU_TIMER_PORT", "KUBERNETES_SERVICE_HOST", "XDG_STATE_HOME", "XDG_RUNTIME_DIR",
        "NOTIFY_SOCKET", "INVOCATION_ID", "TZ", "LANG", "LC_ALL", "LD_PRELOAD", "LD_LIBRARY_PATH", "PATH",
        "SWIFT_BACKTRACE", "MALLOC_ARENA_MAX",
    ]

    func validate() throws {
        guard log.count <= Self.mostLogs else { throw ValidationError("--log may be given \(Self.mostLogs) times") }
    }

    func run() async throws {
        let settings = try common.settings(directories.flags)
        try await CommandFailure.wrap {
            let now = WallClock.seconds()
            let host = String(
                HostName.current.filter { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") }.prefix(40))
            let time = TimeText.write(now).filter { $0.isNumber || $0 == "T" || $0 == "Z" }
            let name = "arobust-support-\(host.isEmpty ? "host" : host)-\(time)"
            var bundle = SupportBundle(folder: name, time: now)
            addNode(to: &bundle)
            bundle.add("settings.txt", lines: settings.describe())
            for (index, directory) in try settings.publisherDirectories().enumerated() {
                await bundle.add(
                    directory, as: "state-\(index + 1)",
                    consumers: settings.consumersDirectory ?? directory.consumersDirectory)
            }
            for (index, path) in log.enumerated() { bundle.add("log-\(index + 1).txt", file: path) }
            if log.isEmpty {
                bundle.note("log", "arobust's own log goes to standard error; --log FILE takes the end of a file along")
            }
            let path = output ?? name + ".tar.gz"
            try Self.write(try bundle.packed(), to: path)
            try StandardOutput.write(.lines([path]))
        }
    }

    private func addNode(to bundle: inout SupportBundle) {
        var system = utsname()
        var lines = ["arobust \(BuildText.version)", "time \(TimeText.write(WallClock.seconds()))"]
        if uname(&system) == 0 {
            lines.append(
                "kernel \(Self.text(&system.sysname)) \(Self.text(&system.release)) \(Self.text(&system.version)) \(Self.text(&system.machine))"
            )
        }
        lines.append("user \(getuid()), effective \(geteuid()), group \(getegid())")
        lines.append("processors \(sysconf(CInt(_SC_NPROCESSORS_ONLN)))")
        bundle.add("versions.txt", lines: lines)
        bundle.add("os-release.txt", file: "/etc/os-release", limit: 16 << 10)
        bundle.add("limits.txt", file: "/proc/self/limits", limit: 16 << 10)
        bundle.add("memory.txt", file: "/proc/meminfo", limit: 16 << 10)
        bundle.add("pressure.txt", file: "/proc/loadavg", limit: 4096)
        bundle.add("cgroup.txt", file: "/proc/self/cgroup", limit: 16 << 10)
        let known = ProcessEnvironment.all().filter { Self.isKnown($0.key) }.sorted { $0.key < $1.key }
        bundle.add(
            "environment.txt", lines: known.map { "\($0.key)=\(SecretText.hidden(in: $0.value, named: $0.key[...]))" })
    }

    private static func isKnown(_ name: String) -> Bool {
        name.hasPrefix("AROBUST_") || name.hasPrefix("DLROVER_") || variables.contains(name)
    }

    private static func text<Tuple>(_ field: inout Tuple) -> String {
        withUnsafeBytes(of: &field) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }

    /// Only this user may read it.
    private static func write(_ bytes: [UInt8], to path: String) throws {
        let descriptor = try SystemCallError.retrying("create", path: path) {
            open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        }
        defer { close(descriptor) }
        var rest = bytes[...]
        while !rest.isEmpty {
            do {
                let count = try SystemCallError.retrying("write", path: path) {
                    rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
                }
                rest = rest.dropFirst(count)
            } catch {
                unlink(path)
                throw error
            }
        }
    }
}
