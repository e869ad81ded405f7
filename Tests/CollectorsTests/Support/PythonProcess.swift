import Foundation
import Glibc

/// A Python process that has said that it is ready; killed, with its children's group, when the object goes.
final class PythonProcess {
    let pid: Int32
    /// The words of the line with which it said so.
    let words: [String]
    private let process: Process

    /// - Parameters:
    ///   - program: must print one line when it is ready.
    ///   - environment: added to this process's, without its ranks.
    init(_ program: String, arguments: [String] = [], environment: [String: String] = [:]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", "-u", "-c", program] + arguments
        let own = ProcessInfo.processInfo.environment.filter {
            !["RANK", "LOCAL_RANK", "TORCHELASTIC_RUN_ID"].contains($0.key)
        }
        process.environment = own.merging(environment) { $1 }
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        var line = Data()
        while line.last != 0x0A, let byte = try output.fileHandleForReading.read(upToCount: 1), !byte.isEmpty {
            line += byte
        }
        self.process = process
        pid = process.processIdentifier
        words = String(decoding: line, as: UTF8.self).split { $0 == " " || $0 == "\n" }.map(String.init)
    }

    deinit {
        for child in words.dropFirst().compactMap({ Int32($0) }) { kill(child, SIGKILL) }
        kill(pid, SIGKILL)
        kill(pid, SIGCONT)
        process.waitUntilExit()
    }

    /// py-spy of `AROBUST_TEST_PY_SPY`, of the checkout's virtual environment, or of `PATH`; `nil` if there is none.
    static var pySpy: String? {
        let environment = ProcessInfo.processInfo.environment
        let checkout = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        var places = (environment["PATH"] ?? "").split(separator: ":").map { "\($0)/py-spy" }
        places.insert(checkout.appendingPathComponent(".venv/bin/py-spy").path, at: 0)
        if let given = environment["AROBUST_TEST_PY_SPY"] { places.insert(given, at: 0) }
        return places.first { access($0, X_OK) == 0 }
    }
}
