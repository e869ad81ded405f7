import ConsoleTestSupport
import Diagnosis
import Foundation
import SystemSupport
import TestSupport
import Testing

@testable import ConsoleStore

@Suite(.timeLimit(.minutes(3))) struct ExactlyOnceTests {
    private let scratch = ScratchFolder()

    /// Batches with repetitions and holes, and a store that is left and opened again: as a set with a cursor would have it.
    @Test(arguments: [1, 2, 3] as [UInt64]) func whatComesAgainIsDropped(seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        var store = try ConsoleStore(directory: scratch.file("store"))
        var kept: [String] = []
        var (last, missing): (LanePosition?, Int64) = (nil, 0)
        var (epoch, next): (UInt64, UInt64) = (5, 1)
        for _ in 0..<60 {
            switch Int.random(in: 0..<10, using: &random) {
            case 0: next += .random(in: 1...5, using: &random)
            case 1: (epoch, next) = (epoch + 1, .random(in: 1...3, using: &random))
            case 2...4: next = next > 4 ? next - .random(in: 0...3, using: &random) : 1
            case 5:
                await store.close()
                store = try ConsoleStore(directory: scratch.file("store"))
            default: break
            }
            let count = Int.random(in: 1...6, using: &random)
            let names = (0..<count).map { "line \(epoch)/\(next + UInt64($0))" }
            let outcome = await store.take([Batches.batch(epoch: epoch, from: next, names)], from: .arobust)
            #expect(outcome.failure == nil)
            var taken = 0
            for (index, name) in names.enumerated() {
                let position = LanePosition(epoch: epoch, sequence: next + UInt64(index))
                if let last, position <= last { continue }
                if let last {
                    let expected = last.epoch == epoch ? last.sequence + 1 : 1
                    missing += Int64(position.sequence - expected)
                }
                (last, taken) = (position, taken + 1)
                kept.append(name)
            }
            #expect(outcome.taken == taken && outcome.duplicates == count - taken)
            next += UInt64(count)
        }
        let lines = try await store.all(LogQuestion())
        #expect(lines.filter { $0.gap == nil }.map(\.text).sorted() == kept.sorted())
        #expect(lines.compactMap(\.gap).reduce(0) { $0 + $1.count } == missing)
        let delivery = try await store.delivery()
        #expect(delivery.nodes.first?.lanes.first?.missing == missing)
        #expect(try await store.position(of: Lane(publisher: Batches.publisher, dataType: .trainingLog)) == last)
        await store.close()
    }

    /// A copy of the files as they are after an answer is what a kill or a power cut leaves.
    @Test func whatWasAcknowledgedIsOnTheDisk() async throws {
        let store = try ConsoleStore(directory: scratch.file("store"))
        for number in 1...20 {
            let outcome = await store.take([Batches.batch(from: UInt64(number), ["line \(number)"])], from: .arobust)
            #expect(outcome.taken == 1)
            let copy = scratch.file("copy-\(number)")
            try FileManager.default.createDirectory(atPath: copy, withIntermediateDirectories: true)
            // The log first: what is written back between the two is then there twice, not never.
            for name in ["console.sqlite-wal", "console.sqlite"] {
                try FileManager.default.copyItem(atPath: scratch.file("store/\(name)"), toPath: "\(copy)/\(name)")
            }
            let left = try ConsoleStore(directory: copy)
            #expect(try await left.all(LogQuestion()).map(\.text) == (1...number).map { "line \($0)" })
            // The sender has had no answer, as far as it knows, and sends it again.
            let again = await left.take([Batches.batch(from: UInt64(number), ["line \(number)"])], from: .arobust)
            #expect(again.duplicates == 1)
            await left.close()
        }
        await store.close()
    }

    @Test func manySendersAtOnceShareTransactions() async throws {
        let store = try ConsoleStore(directory: scratch.file("store"))
        await withTaskGroup(of: Void.self) { group in
            for sender in 0..<50 {
                group.addTask {
                    let publisher = PublisherID(high: 7, low: UInt64(sender))
                    for number in 1...4 {
                        let batch = Batches.batch(
                            from: UInt64(number), ["\(sender) \(number)"], nodeRank: sender, publisher: publisher)
                        let outcome = await store.take([batch], from: .arobust)
                        #expect(outcome.taken == 1)
                    }
                }
            }
        }
        #expect(store.counters.envelopes == 200)
        #expect(store.counters.transactions < 200)
        let nodes = try await store.nodes()
        #expect(nodes.count == 50 && nodes.allSatisfy { $0.received == 4 && $0.missing == 0 })
        await store.close()
    }

    @Test func whatIsNoMetricIsRefusedAndBlocksNothing() async throws {
        let store = try ConsoleStore(directory: scratch.file("store"))
        var batch = Batches.batch(["first"])
        batch.append(sequence: 2, collectionTime: 1, publishTime: 1, body: Array("{]".utf8).span)
        batch.append(Batches.batch(from: 3, ["third"]))
        let outcome = await store.report(batch, from: .arobust)
        #expect(outcome.accepted == 3 && outcome.failure == nil)
        #expect(outcome.skipped.map(\.index) == [1])
        #expect(try await store.all(LogQuestion()).map(\.text) == ["first", "third"])
        #expect(store.counters.refused == 1)
        await store.close()
    }

    @Test func whatHasNoEpochIsTakenAsItComes() async throws {
        let store = try ConsoleStore(directory: scratch.file("store"))
        for _ in 0..<2 { _ = await store.take([Batches.batch(epoch: 0, from: 0, ["the same"])], from: .dlrover) }
        #expect(try await store.all(LogQuestion()).count == 2)
        #expect(try await store.nodes().first?.source == .dlrover)
        await store.close()
    }

    @Test func aSecondConsoleIsRefusedAndSoIsANewerFormat() async throws {
        let store = try ConsoleStore(directory: scratch.file("store"))
        let refusal = #expect(throws: ConsoleStoreError.self) { try ConsoleStore(directory: scratch.file("store")) }
        #expect(refusal?.description.contains("in use by another console") == true)
        await store.close()
    }
}
