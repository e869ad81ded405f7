import Foundation

/// Files of `/proc`, as text.
enum ProcText {
    static func read(_ path: String) throws -> String {
        String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self)
    }

    /// The letter of the process's state; `nil` if there is no such process.
    static func state(of pid: Int32) -> Character? {
        guard let status = try? read("/proc/\(pid)/status") else { return nil }
        return status.split(separator: "\n").first { $0.hasPrefix("State:") }?.split(separator: "\t").last?.first
    }
}
