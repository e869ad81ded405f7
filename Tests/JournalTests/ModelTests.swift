import Diagnosis
import Foundation
import Glibc
import Synchronization
import Testing
import TestSupport

@testable import Journal

/// Random actions against the journal, and a description of what must hold in a few dozen lines.
@Suite(.timeLimit(.minutes(3))) struct ModelTests {
    /// What the journal must hold.
    struct Model {
        var records: [String: [JournalRecord]] = [:]
        /// Of appends that failed: they may be there after a crash.
        var unsure: [JournalRecord] = []
        /// All that set a position, in order.
        var sources: [JournalRecord] = []

        mutating func remove(_ losses: [JournalLoss]) -> UInt64 {
            var removed: UInt64 = 0
            for loss in losses {
                records[loss.lane]?.removeAll { record in
                    guard record.epoch == loss.epoch, loss.first...loss.last ~= record.firstSequence else {
                        return false
                    }
                    removed += UInt64(record.count)
                    return true
                }
            }
            return removed
        }
    }

    final class Clock: Sendable {
        let seconds = Mutex<Int64>(0)
    }

    final class World {
        let directory = ScratchFolder()
        let system = FaultyFileSystem()
        let clock = Clock()
        var random: SeededGenerator
        var model = Model()
        var journal: Journal?
        var epoch: UInt64 = 0
        var next: [String: UInt64] = [:]
        /// Whether damage was done, after which a position may be an older one.
        var positionsAreUnsure = false
        /// Whether a header was damaged, after which the range of the segment before is not known exactly.
        var chainsAreUnsure = false
        var trace: [String] = []

        init(seed: UInt64) { random = SeededGenerator(seed: seed) }

        func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }
        func pick(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
    }

    private let lanes = ["A", "B", "C"]

    @Test(.serialized, arguments: 0..<6) func theJournalDoesAsTheModelSays(run: Int) async throws {
        // The same in every run of the tests; JOURNAL_SEED=random looks further, JOURNAL_SEED=<number> repeats.
        let given = ProcessInfo.processInfo.environment["JOURNAL_SEED"]
        let seed = given.map { UInt64($0) ?? .random(in: 0...UInt64.max) } ?? UInt64(run)
        let world = World(seed: seed)
        do {
            try reopen(world, cutLane: nil, isDamaged: false)
            for step in 0..<1000 {
                try act(world)
                // It computes for seconds, and there are as many threads for all tests as there are cores.
                await Task.yield()
                if world.trace.count > 20 { world.trace.removeFirst() }
                world.trace.append("-- \(step)")
            }
            try reopen(world, cutLane: nil, isDamaged: false)
            #expect(try world.journal?.verify() == [])
        } catch {
            Issue.record("JOURNAL_SEED=\(seed): \(error)\n\(world.trace.joined(separator: "\n"))")
        }
    }

    struct Broken: Error { var what: String }

    private func must(_ condition: Bool, _ what: @autoclosure () -> String) throws {
        if !condition { throw Broken(what: what()) }
    }

    private func act(_ world: World) throws {
        switch world.pick(0...99) {
        case 0..<60: try append(world)
        case 60..<80: try read(world)
        case 80..<84:
            let lane = lanes[world.pick(0...2)]
            if let record = world.model.records[lane]?.randomElement(using: &world.random) {
                world.journal?.markFinished(lane: lane, through: record.last)
            }
        case 84..<88: try world.journal?.sync()
        case 88..<93: try reopen(world, cutLane: nil, isDamaged: false)
        case 93..<96:
            let lane = lanes[world.pick(0...2)]
            try damage(world, lane: lane, cuts: true)
        case 96..<98: try damage(world, lane: lanes[world.pick(0...2)], cuts: false)
        default:
            let jump = world.pick(0...40)
            world.clock.seconds.withLock { $0 += Int64(jump) }
            if let losses = try world.journal?.evict() { try settle(losses, world) }
        }
    }

    private func settle(_ losses: [JournalLoss], _ world: World) throws {
        for loss in losses {
            let removed = world.model.remove([loss])
            if loss.reason == .evicted { try must(removed == loss.count, "\(loss), but \(removed) of it were there") }
        }
    }

    private func append(_ world: World) throws {
        var group: [JournalRecord] = []
        for _ in 0..<world.pick(1...4) {
            let lane = lanes[world.pick(0...2)]
            let first = (world.next[lane] ?? 1) + (world.chance(3) ? 2 : 0)
            let count = UInt32(world.pick(1...5))
            world.next[lane] = first + UInt64(count)
            let source = world.chance(40) ? position("k\(world.pick(0...3))", UInt8(world.pick(0...255))) : nil
            let size = world.chance(5) ? world.pick(0...9000) : world.pick(0...600)
            group.append(record(lane, world.epoch, first, count: count, size: size, source: source))
        }
        if world.chance(10) {
            switch world.pick(0...5) {
            case 0:
                let room = world.pick(0...2000)
                world.system.faults.withLock { $0.room = room }
            case 1: world.system.fail("write", EIO)
            case 2: world.system.fail("create", ENOSPC)
            case 3: world.system.fail("sync", EIO)
            case 4: world.system.fail("remove", EROFS)
            default:
                world.system.fail("write", EIO, times: 2)
                world.system.fail("truncate", EIO, times: 3)
                world.system.fail("remove", EIO, times: 3)
            }
            if world.chance(40) { world.system.fail("truncate", EIO, times: 2) }
        }
        do {
            let losses = try world.journal?.append(group) ?? []
            for record in group { world.model.records[record.lane, default: []].append(record) }
            world.model.sources += group.filter { $0.source != nil }
            try settle(losses, world)
            world.trace.append("append \(group.map { "\($0.lane)\($0.first)" }) lost \(losses)")
        } catch let error as JournalError {
            try must(error.isRetriable, "\(error)")
            world.model.unsure += group
            for lane in lanes { world.next[lane] = (world.model.records[lane]?.last?.last.sequence).map { $0 + 1 } }
            for record in group where world.journal?.lane(record.lane)?.newest?.epoch != world.epoch {
                world.next[record.lane] = 1
            }
            for lane in lanes {
                if let newest = world.journal?.lane(lane)?.newest, newest.epoch == world.epoch {
                    world.next[lane] = newest.sequence + 1
                }
            }
            try settle(world.journal?.takeLosses() ?? [], world)
            world.trace.append("append \(group.map { "\($0.lane)\($0.first)" }) failed: \(error)")
        }
        world.system.heal()
    }

    private func read(_ world: World) throws {
        guard let journal = world.journal else { return }
        let lane = lanes[world.pick(0...2)]
        let records = world.model.records[lane] ?? []
        let start = world.chance(30) ? nil : records.randomElement(using: &world.random)?.last
        let items = try journal.reader(lane: lane, after: start).all()
        try must(journal.takeLosses().isEmpty, "reading lost something")
        let found = items.compactMap { if case .record(let record) = $0 { record } else { nil } }
        let expected = (world.model.records[lane] ?? []).filter { record in start.map { record.last > $0 } ?? true }
        try must(
            found == expected, "read \(lane) after \(start as Any): \(found.map(\.first)), not \(expected.map(\.first))"
        )
        let count = try journal.count(lane: lane, after: start).count
        let total = expected.reduce(UInt64(0)) { $0 + UInt64($1.count) }
        try must(count == total, "counted \(count), not \(total), after \(start as Any) in \(lane)")
        let last = UInt64(world.pick(0...60))
        let sinceLast = try journal.count(lane: lane, after: journal.position(lane: lane, last: last)).count
        let all = try journal.count(lane: lane).count
        try must(sinceLast == min(last, all), "the last \(last) of \(lane) were \(sinceLast)")
    }

    /// Drops the journal without a word and opens the directory again.
    private func reopen(_ world: World, cutLane: String?, isDamaged: Bool) throws {
        world.journal = nil
        world.epoch += 1
        world.next = [:]
        var configuration = JournalConfiguration(
            durability: world.chance(50) ? .processCrash : .powerLoss, segmentBytes: world.pick(500...5000),
            totalBytes: 60_000, maximumAge: .seconds(300))
        configuration.now = { [clock = world.clock] in clock.seconds.withLock { $0 } }
        let journal = try Journal.open(
            directory: world.directory.path, configuration: configuration, fileSystem: world.system)
        world.journal = journal
        world.trace.append("reopened: \(journal.recovery)")
        if !isDamaged, cutLane == nil { try must(journal.recovery.losses.isEmpty, "\(journal.recovery)") }
        _ = world.model.remove(journal.recovery.losses)
        for lane in lanes {
            // What reading finds damaged is a loss too, with what was read before it.
            _ = try journal.records(lane)
            _ = world.model.remove(journal.takeLosses())
            let found = try journal.records(lane)
            let expected = world.model.records[lane] ?? []
            for record in found where !expected.contains(record) {
                try must(world.model.unsure.contains(record), "\(lane) \(record.first) was never appended")
                if record.source != nil { world.model.sources.append(record) }
                world.trace.append("adopted \(lane) \(record.first)")
            }
            for (index, record) in expected.enumerated() where !found.contains(record) {
                // Of the last segment's damaged part nobody knows how far an epoch went in it; that it was set aside is told.
                let isTorn =
                    cutLane == lane
                    && (expected[index...].allSatisfy { !found.contains($0) } || !journal.recovery.setAside.isEmpty)
                    || world.chainsAreUnsure && !journal.recovery.setAside.isEmpty
                try must(isTorn, "\(lane) \(record.first) is gone: \(journal.recovery)")
                world.model.sources.removeAll { $0.lane == lane && $0.first == record.first }
            }
            try must(found.map(\.first) == found.map(\.first).sorted(), "\(lane) out of order")
            world.model.records[lane] = found
        }
        world.model.unsure = []
        if isDamaged {
            world.positionsAreUnsure = true
            world.chainsAreUnsure =
                world.chainsAreUnsure || journal.recovery.setAside.contains { $0.reason.contains("segment") }
        }
        for key in (0...3).map({ "k\($0)" }) {
            let position = journal.lastPosition(of: key)
            let expected = world.model.sources.last { $0.source?.key == key }?.source?.bytes
            if !world.positionsAreUnsure {
                try must(position == expected, "\(key) \(position as Any), not \(expected as Any)")
            }
        }
    }

    /// Cuts the newest file of a lane anywhere, or changes a byte of any of its files, and opens again.
    private func damage(_ world: World, lane: String, cuts: Bool) throws {
        world.journal = nil
        let files = world.directory.files(ending: ".seg").filter { $0.contains("/\(lane)/") }
        guard var file = files.last else { return try reopen(world, cutLane: nil, isDamaged: false) }
        if !cuts { file = files[world.pick(0...files.count - 1)] }
        var bytes = try world.directory.bytes(file)
        guard !bytes.isEmpty else { return try reopen(world, cutLane: nil, isDamaged: false) }
        let offset = world.pick(0...bytes.count - 1)
        if cuts { bytes.removeLast(bytes.count - offset) } else { bytes[offset] ^= UInt8(world.pick(1...255)) }
        try world.directory.write(bytes, to: file)
        world.trace.append("\(cuts ? "cut" : "changed") \(file) at \(offset)")
        try reopen(world, cutLane: file == files.last ? lane : nil, isDamaged: !cuts || offset < 400)
    }
}
