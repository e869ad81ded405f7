private import Glibc

/// What this process has used so far.
struct ProcessCost {
    /// CPU seconds of all threads, user and system.
    var cpu: Double
    /// The peak resident set.
    var peakKiB: Int

    static var now: ProcessCost {
        ProcessCost(cpu: cpuSeconds(), peakKiB: peakKiB())
    }

    /// The CPU time since `start`, and the peak memory, as JSON.
    func json(since start: ProcessCost) -> String {
        #"{"cpu": \#(cpu - start.cpu), "peak_kib": \#(peakKiB)}"#
    }

    private static func cpuSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    private static func peakKiB() -> Int {
        let status = open("/proc/self/status", O_RDONLY)
        defer { close(status) }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = read(status, &bytes, bytes.count)
        let text = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
        let line = text.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        return line.flatMap { Int($0.filter(\.isNumber)) } ?? 0
    }
}
