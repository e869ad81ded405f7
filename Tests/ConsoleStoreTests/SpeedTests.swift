import ConsoleTestSupport
import Diagnosis
import Foundation
import SystemSupport
import TestSupport
import Testing

@testable import ConsoleStore

/// Prints figures; asks for nothing. `AROBUST_STORE_LINES=1000000 swift test --filter SpeedTests`
struct SpeedTests {
    private static let lines = ProcessInfo.processInfo.environment["AROBUST_STORE_LINES"].flatMap { Int($0) } ?? 0

    @Test(.enabled(if: SpeedTests.lines > 0)) func howFast() async throws {
        let scratch = ScratchFolder()
        let store = try ConsoleStore(directory: scratch.file("store"))
        let words = ["loss", "grad_norm", "lr", "tokens", "throughput", "samples", "iteration", "epoch", "rank", "gpu"]
        var (bytes, sent) = (0, 0)
        let clock = ContinuousClock()
        let start = WallClock.seconds()
        var taking = Duration.zero
        var sequences = [UInt64](repeating: 0, count: 8)
        while sent < Self.lines {
            var batches: [EnvelopeBatch] = []
            for node in 0..<8 {
                let content = (0..<100).map { number in
                    "INFO train.py:\(number) " + words.map { "\($0)=\(sent + number).\(node)" }.joined(separator: " ")
                }.joined(separator: "\n")
                bytes += content.utf8.count
                sent += 100
                sequences[node] += 1
                batches.append(
                    Batches.batch(
                        from: sequences[node], [content], nodeRank: node,
                        publisher: PublisherID(high: 9, low: UInt64(node)),
                        origin: Batches.origin("/log/\(node)", localRank: 0), time: start))
            }
            taking += await clock.measure { _ = await store.take(batches, from: .arobust) }
        }
        let seconds = taking / .seconds(1)
        try await Task.sleep(for: .seconds(3))
        let disk = Double(store.counters.storeBytes) / Double(bytes)
        print(
            "STORE \(sent) lines in \(seconds) s: \(Double(sent) / seconds) lines/s, \(Double(bytes) / seconds / 1e6) MB/s, \(disk) bytes a byte"
        )
        for query in ["loss", "rank", "\"loss=\(sent / 2)\"", "nothing", "train py 57"] {
            var question = LogQuestion()
            question.query = query
            let time = try await clock.measure { _ = try await store.logs(question) }
            print("STORE search \(query): \(time)")
        }
        await store.close()
    }
}
