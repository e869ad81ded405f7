import Diagnosis
import Foundation
import Glibc
import SystemSupport
import TestSupport
import Testing

@testable import Delivery

/// What other users could put among a consumer's files, as root sees it.
@Suite(.enabled(if: geteuid() == 0, "needs root, to make files of other users")) struct ConsumerFilesTests {
    private let scratch = ScratchFolder()
    private let stranger: uid_t = 12_345
    private let consumer = "dlrover+grpc://host:1"
    private var directory: String { scratch.file("consumers") }
    private var files: ConsumerFiles { ConsumerFiles(directory: directory, consumer: consumer) }

    private func open() throws -> ConsumerStore {
        try ConsumerStore(directory: directory, consumer: consumer, logger: LogCapture().logger)
    }

    private func refusal() throws -> String {
        let error = #expect(throws: ConsumerStoreError.self) { _ = try open() }
        return "\(try #require(error))"
    }

    @Test func aDirectoryInWhichOthersMakeFilesIsRefused() throws {
        mkdir(directory, 0o700)
        chmod(directory, 0o1777)
        #expect(try refusal().contains("\(directory) has mode 01777"))
        chmod(directory, 0o700)
        chown(directory, stranger, stranger)
        #expect(try refusal().contains("belongs to user 12345"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory).isEmpty)
    }

    @Test(arguments: [".db", ".db-wal", ".db-shm", ".db-journal", ".lock"], ["file", "pipe", "link", "name"])
    func whatIsNotOursIsRefused(suffix: String, what: String) throws {
        try scratch.makeFolder("consumers")
        chmod(directory, 0o700)
        let path = "\(directory)/\(files.stem)\(suffix)"
        try scratch.write("root's", to: "victim")
        switch what {
        case "file":
            close(Glibc.open(path, O_CREAT | O_WRONLY, 0o666))
            chown(path, stranger, stranger)
        case "pipe": mkfifo(path, 0o666)
        case "link": symlink(scratch.file("victim"), path)
        default: link(scratch.file("victim"), path)
        }
        #expect(try refusal().contains("cannot use \(path): it "))
        #expect(try String(contentsOfFile: scratch.file("victim"), encoding: .utf8) == "root's")
    }

    @Test func deadLettersGoIntoNoFileOfOthers() throws {
        let path = scratch.file("x.dead.ndjson")
        close(Glibc.open(path, O_CREAT | O_WRONLY, 0o666))
        chown(path, stranger, stranger)
        let file = DeadLetterFile(path: path, limit: 1 << 20)
        let letter = DeadLetter(batch: .test(["{}"], first: 7, epoch: 3), reason: "no", time: 1)
        #expect(throws: SystemCallError.self) { try file.append([letter]) }
        var status = stat()
        #expect(stat(path, &status) == 0 && status.st_size == 0)
    }

    @Test func lookingMakesNoFile() async throws {
        let store = try open()
        await store.close()
        unlink(files.lock)
        let before = Set(try FileManager.default.contentsOfDirectory(atPath: directory))
        #expect(try ConsumerHolder.all(inDirectory: directory).values.map(\.isThere) == [false])
        guard case .accounts? = try ConsumerStore.readings(inDirectory: directory).first?.content else {
            Issue.record("it can't be read")
            return
        }
        #expect(Set(try FileManager.default.contentsOfDirectory(atPath: directory)) == before)
    }
}
