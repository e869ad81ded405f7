private import FoundationEssentials

/// Reads what `py-spy dump --json` writes (py-spy 0.4, `src/dump.rs`): an array of threads. Unknown keys are ignored.
package enum PySpyJSON {
    package struct Thread: Decodable, Sendable {
        package let thread_name: String?
        package let os_thread_id: Int?
        package let active: Bool
        package let owns_gil: Bool
        package let frames: [Frame]
    }

    package struct Frame: Decodable, Sendable {
        package let name: String
        package let filename: String
        package let short_filename: String?
        package let line: Int
    }

    /// - Returns: `nil` for anything else.
    package static func threads(in json: [UInt8]) -> [Thread]? {
        try? JSONDecoder().decode([Thread].self, from: Data(json))
    }

    /// The threads of a rank, of whose process nothing else is known.
    package static func stacks(in json: [UInt8], rank: Int?) -> RankStacks? {
        guard let threads = threads(in: json), !threads.isEmpty else { return nil }
        return RankStacks(
            rank: rank, source: "py-spy",
            threads: threads.map { thread in
                var stack = ThreadStack(
                    name: thread.thread_name, osID: thread.os_thread_id, isMain: thread.thread_name == "MainThread",
                    frames: thread.frames.map { StackFrame(function: $0.name, file: $0.filename, line: $0.line) })
                stack.isActive = thread.active
                stack.ownsGIL = thread.owns_gil
                return stack
            })
    }
}
