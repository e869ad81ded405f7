import Diagnosis
import Foundation
import Synchronization
import SystemPackage
import SystemSupport
import Testing

@testable import MasterClients

@Suite struct StdoutReporterTests {
    private let pipe = Pipe()

    private var descriptor: CInt { pipe.fileHandleForWriting.fileDescriptor }

    private func readAll() throws -> String {
        try pipe.fileHandleForWriting.close()
        return String(decoding: try pipe.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
    }

    @Test func `writes a line an envelope, as often as it is told`() async throws {
        let reporter = StdoutReporter(descriptor: descriptor)
        for _ in 0..<2 {
            #expect(await reporter.report(Batches.batch([Batches.log("a"), Batches.log("b")])).accepted == 2)
        }
        let lines = try readAll().split(separator: "\n")
        #expect(lines.count == 4)
        #expect(lines.first?.hasSuffix(#""epoch": 7, "sequence": 1}"#) == true)
    }

    @Test func `a reader that is gone closes it and kills nobody`() async throws {
        let reporter = StdoutReporter(descriptor: descriptor)
        try pipe.fileHandleForReading.close()
        for _ in 0..<2 {
            let outcome = await reporter.report(Batches.batch([Batches.log("a")]))
            #expect(outcome.accepted == 0 && outcome.failure?.error.code == .closed)
        }
    }

    @Test func `a pipe that is full for now is waited for`() async throws {
        var fileSystem = FileSystem()
        let write = fileSystem.write
        let calls = Mutex(0)
        fileSystem.write = { (descriptor, bytes) throws(SystemCallError) in
            let call = calls.withLock {
                $0 += 1
                return $0
            }
            guard call.isMultiple(of: 2) else { throw SystemCallError("write", code: .wouldBlock) }
            return try write(descriptor, bytes.prefix(50))
        }
        let reporter = StdoutReporter(descriptor: descriptor, fileSystem: fileSystem)
        #expect(await reporter.report(Batches.batch([Batches.log("a")], epoch: 0)).accepted == 1)
        #expect(try readAll() == Batches.log("a") + "\n")
    }

    @Test func `after a torn line a new one is begun`() async throws {
        var fileSystem = FileSystem()
        let write = fileSystem.write
        let calls = Mutex(0)
        fileSystem.write = { (descriptor, bytes) throws(SystemCallError) in
            let call = calls.withLock {
                $0 += 1
                return $0
            }
            if call == 2 { throw SystemCallError("write", code: .ioError) }
            return try write(descriptor, call == 1 ? bytes.prefix(5) : bytes)
        }
        let reporter = StdoutReporter(descriptor: descriptor, fileSystem: fileSystem)
        let batch = Batches.batch([Batches.log("a")], epoch: 0)
        #expect(await reporter.report(batch).failure?.error.code == .storage)
        #expect(await reporter.report(batch).accepted == 1)
        #expect(try readAll() == Batches.log("a").prefix(5) + "\n" + Batches.log("a") + "\n")
    }

    @Test func `a body that is no metric is refused, and those before it are written`() async throws {
        let reporter = StdoutReporter(descriptor: descriptor)
        let outcome = await reporter.report(Batches.batch([Batches.log("a"), "[]", Batches.log("b")]))
        #expect(outcome.accepted == 1 && outcome.failure?.error.code == .refused)
        await reporter.close()
        #expect(await reporter.report(Batches.batch([Batches.log("a")])).failure?.error.code == .closed)
        #expect(try readAll().split(separator: "\n").count == 1)
    }
}
