private import Glibc
internal import SystemSupport
internal import Telemetry

/// What the kernel says of this process, under the names that Prometheus's own clients use.
enum ProcessNumbers {
    static func add(to page: inout MetricPage) {
        var usage = rusage()
        if getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 {
            page.add("process_cpu_seconds_total", .counter, [.init(seconds(usage.ru_utime) + seconds(usage.ru_stime))])
        }
        let pageSize = Double(sysconf(CInt(_SC_PAGESIZE)))
        let memory = words("/proc/self/statm").compactMap { Double($0) }
        if memory.count > 1 {
            page.add("process_virtual_memory_bytes", .gauge, [.init(memory[0] * pageSize)])
            page.add("process_resident_memory_bytes", .gauge, [.init(memory[1] * pageSize)])
        }
        if let names = try? Directory(path: "/proc/self/fd").names() {
            // One of them is the folder itself.
            page.add("process_open_fds", .gauge, [.init(max(0, names.count - 1))])
        }
        let most = DescriptorLimit.current.count
        if most < .max { page.add("process_max_fds", .gauge, [.init(most)]) }
        // Behind the name, which may have blanks and parentheses, from the state, which is field 3 of proc_pid_stat(5).
        let stat = text("/proc/self/stat")
        let fields = stat.lastIndex(of: ")").map { stat[stat.index(after: $0)...].split(separator: " ") } ?? []
        guard fields.count > 19 else { return }
        if let threads = Double(fields[17]) { page.add("process_threads", .gauge, [.init(threads)]) }
        if let ticks = Double(fields[19]), let boot = bootTime {
            page.add(
                "process_start_time_seconds", .gauge, [.init(boot + ticks / Double(sysconf(CInt(_SC_CLK_TCK))))])
        }
    }

    private static let bootTime: Double? = {
        let line = text("/proc/stat", limit: 8 << 20).split(separator: "\n").first { $0.hasPrefix("btime ") }
        return line.flatMap { Double($0.dropFirst(6)) }
    }()

    private static func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }

    private static func words(_ path: String) -> [Substring] {
        text(path).split { $0 == " " || $0 == "\n" }
    }

    private static func text(_ path: String, limit: Int = 4096) -> String {
        String(decoding: (try? WholeFile(path: path).read(limit: limit)) ?? [], as: UTF8.self)
    }
}
