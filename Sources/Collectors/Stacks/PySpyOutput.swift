#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// Reads what `py-spy dump --json` writes (py-spy 0.4, `src/dump.rs`): an array of threads. Unknown keys are passed over.
enum PySpyOutput {
    struct Unreadable: Error {
        let reason: String
    }

    private struct Thread: Decodable {
        let thread_name: String?
        let os_thread_id: Int?
        let active: Bool
        let owns_gil: Bool
        let frames: [Frame]
    }

    private struct Frame: Decodable {
        let name: String
        let filename: String
        let short_filename: String?
        let line: Int
    }

    static func threads(_ json: [UInt8]) -> Result<[PythonThread], Unreadable> {
        guard let threads = try? JSONDecoder().decode([Thread].self, from: Data(json)) else {
            let start = String(decoding: json.prefix(80), as: UTF8.self).split(separator: "\n").joined(separator: " ")
            return .failure(Unreadable(reason: "py-spy wrote what is no dump: '\(start)'"))
        }
        return .success(
            threads.map { thread in
                PythonThread(
                    name: thread.thread_name, osID: thread.os_thread_id, isActive: thread.active,
                    ownsGIL: thread.owns_gil,
                    frames: thread.frames.map {
                        PythonThread.Frame(function: $0.name, file: $0.short_filename ?? $0.filename, line: $0.line)
                    })
            })
    }
}
