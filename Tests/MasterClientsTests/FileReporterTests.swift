import Diagnosis
import Logging
import Synchronization
import SystemPackage
import SystemSupport
import TestSupport
import Testing

@testable import MasterClients

@Suite struct FileReporterTests {
    private let folder = ScratchFolder()
    private let logger = Logger(label: "test")

    private func reporter(_ name: String = "out", fileSystem: FileSystem = FileSystem()) -> FileReporter {
        FileReporter(path: folder.file(name), fileSystem: fileSystem, logger: logger)
    }

    /// The sequences in a file, or -1 for lines without one.
    private func sequences(_ name: String = "out") throws -> [Int] {
        try folder.text(name).split(separator: "\n", omittingEmptySubsequences: false).dropLast().map { line in
            NDJSONLine.origin(of: Array(line.utf8)[...]).map { Int($0.position.sequence) } ?? -1
        }
    }

    private func logs(_ range: ClosedRange<UInt64>, epoch: UInt64 = 7, type: DiagnosisDataType = .trainingLog)
        -> EnvelopeBatch
    {
        Batches.batch(range.map { Batches.json(type, "line \($0)") }, type: type, epoch: epoch, from: range.lowerBound)
    }

    @Test func `writes a line an envelope`() async throws {
        let reporter = reporter()
        #expect(await reporter.report(logs(1...3)).accepted == 3)
        #expect(await reporter.report(logs(4...4)).accepted == 1)
        await reporter.close()
        #expect(try sequences() == [1, 2, 3, 4])
        #expect(try folder.text("out").hasPrefix(Batches.log("line 1").dropLast()))
    }

    @Test func `has each envelope once, also after it was opened again`() async throws {
        let first = reporter()
        _ = await first.report(logs(1...3))
        _ = await first.report(logs(1...2, type: .stackTrace))
        #expect(await first.report(logs(2...4)).accepted == 3)
        await first.close()
        let second = reporter()
        #expect(await second.report(logs(3...6)).accepted == 4)
        #expect(await second.report(logs(2...3, type: .stackTrace)).accepted == 2)
        #expect(await second.report(logs(1...1, epoch: 8)).accepted == 1)
        #expect(await second.report(logs(1...6)).accepted == 6)
        #expect(try sequences() == [1, 2, 3, 1, 2, 4, 5, 6, 3, 1])
        await second.close()
    }

    @Test func `metrics without an epoch are written each time`() async throws {
        let reporter = reporter()
        let metric = WorkerTrainingMetric(dataType: .generic, dataContent: "x", node: NodeIdentity(), timestamp: 1)
        for _ in 0..<2 { try await reporter.reportDiagnosisAgentMetrics([metric, metric], position: nil) }
        await reporter.close()
        #expect(try folder.text("out") == String(repeating: Batches.json(.generic, "x", at: 1) + "\n", count: 4))
    }

    @Test(arguments: ["", "{\"torn", Batches.log("line 3")])
    func `a torn last line is cut and written anew`(_ torn: String) async throws {
        let first = reporter()
        _ = await first.report(logs(1...2))
        await first.close()
        try folder.append(torn, to: "out")
        let second = reporter()
        #expect(await second.report(logs(1...3)).accepted == 3)
        await second.close()
        #expect(try sequences() == [1, 2, 3])
    }

    @Test func `a file of one torn line becomes empty first`() async throws {
        try folder.write("torn", to: "out")
        let reporter = reporter()
        _ = await reporter.report(logs(1...1))
        await reporter.close()
        #expect(try sequences() == [1])
    }

    @Test func `lines across the pieces of reading back are seen whole`() async throws {
        let first = reporter()
        for sequence in 1...UInt64(9) {
            let content = String(repeating: "x", count: Int(sequence) * 40_000)
            _ = await first.report(Batches.batch([Batches.log(content)], from: sequence))
        }
        await first.close()
        let second = reporter()
        #expect(await second.report(logs(1...10)).accepted == 10)
        await second.close()
        #expect(try sequences() == Array(1...10))
    }

    @Test func `a body that is no metric is refused, and those before it are written`() async throws {
        let reporter = reporter()
        let outcome = await reporter.report(Batches.batch([Batches.log("a"), "[]", Batches.log("b")]))
        #expect(outcome.accepted == 1)
        #expect(outcome.failure?.count == 1 && outcome.failure?.error.code == .refused)
        await reporter.close()
        #expect(try sequences() == [1])
    }

    // MARK: rotation

    @Test func `after the file was moved away a new one is made`() async throws {
        let reporter = reporter()
        _ = await reporter.report(logs(1...2))
        folder.rename("out", to: "out.1")
        #expect(await reporter.report(logs(2...3)).accepted == 2)
        try folder.remove("out")
        #expect(await reporter.report(logs(3...4)).accepted == 2)
        await reporter.close()
        #expect(try sequences("out.1") == [1, 2])
        #expect(try sequences() == [4])
    }

    @Test func `a file that was emptied in place is gone on with`() async throws {
        let reporter = reporter()
        _ = await reporter.report(logs(1...2))
        let handle = FileSystem()
        let descriptor = try handle.open(folder.file("out"))
        try handle.truncate(descriptor, to: 0)
        handle.close(descriptor)
        _ = await reporter.report(logs(1...3))
        await reporter.close()
        #expect(try sequences() == [3])
    }

    // MARK: failures

    @Test func `a missing folder is an error until it is there`() async throws {
        let reporter = reporter("sub/out")
        let outcome = await reporter.report(logs(1...3))
        #expect(outcome.accepted == 0 && outcome.failure?.count == 3)
        #expect(outcome.failure?.error.code == .storage)
        #expect(outcome.failure?.error.message.hasSuffix("sub/out: No such file or directory") == true)
        try folder.makeFolder("sub")
        #expect(await reporter.report(logs(1...3)).accepted == 3)
        await reporter.close()
        #expect(try sequences("sub/out") == [1, 2, 3])
    }

    @Test func `a full disk is an error that says so`() async {
        let reporter = FileReporter(path: "/dev/full", logger: logger)
        let outcome = await reporter.report(logs(1...2))
        #expect(outcome.accepted == 0)
        #expect(outcome.failure?.error.code == .storage)
        #expect(outcome.failure?.error.message == "cannot write /dev/full: No space left on device")
        await reporter.close()
    }

    @Test func `a directory is refused`() async {
        let reporter = FileReporter(path: folder.path, logger: logger)
        let outcome = await reporter.report(logs(1...1))
        #expect(outcome.failure?.error.code == .storage)
        #expect(outcome.failure?.error.message.contains("Is a directory") == true)
        await reporter.close()
    }

    @Test func `a file that another has open for this is refused until it is closed`() async throws {
        let one = reporter()
        let other = reporter()
        _ = await one.report(logs(1...1))
        let outcome = await other.report(logs(1...2))
        #expect(
            outcome.failure?.error.message.hasSuffix("this process is writing it under another name")
                == true)
        await one.close()
        #expect(await other.report(logs(1...2)).accepted == 2)
        await other.close()
        #expect(try sequences() == [1, 2])
    }

    @Test func `what a failed write left is cut before the next`() async throws {
        let limit = Mutex(Int.max)
        var fileSystem = FileSystem()
        let write = fileSystem.write
        fileSystem.write = { (descriptor, bytes) throws(SystemCallError) in
            let room = limit.withLock { $0 }
            guard room > 0 else { throw SystemCallError("write", code: .noSpace) }
            let count = try write(descriptor, bytes.prefix(room))
            limit.withLock { $0 -= count }
            return count
        }
        let reporter = reporter(fileSystem: fileSystem)
        _ = await reporter.report(logs(1...1))
        limit.withLock { $0 = 300 }
        let outcome = await reporter.report(logs(1...5))
        #expect(outcome.accepted == 1, "the first is there already")
        #expect(outcome.failure?.count == 4 && outcome.failure?.error.code == .storage)
        #expect(try sequences().count > 1, "whole lines of the failed batch are there for now")
        limit.withLock { $0 = .max }
        #expect(await reporter.report(logs(2...3)).accepted == 2)
        await reporter.close()
        #expect(try sequences() == [1, 2, 3])
    }

    @Test func `short writes are gone on with`() async throws {
        var fileSystem = FileSystem()
        let write = fileSystem.write
        fileSystem.write = { (descriptor, bytes) throws(SystemCallError) in try write(descriptor, bytes.prefix(7)) }
        let reporter = reporter(fileSystem: fileSystem)
        #expect(await reporter.report(logs(1...3)).accepted == 3)
        await reporter.close()
        #expect(try sequences() == [1, 2, 3])
    }

    @Test func `after closing nothing is taken`() async {
        let reporter = reporter()
        await reporter.close()
        #expect(await reporter.report(logs(1...1)).failure?.error.code == .closed)
    }
}
