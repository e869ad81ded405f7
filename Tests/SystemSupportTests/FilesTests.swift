import Glibc
import SystemPackage
@testable import SystemSupport
import TestSupport
import Testing

@Suite struct FilesTests {
    /// Runs `body` with a folder that is gone afterwards.
    private func withFolder(_ body: (String) throws -> Void) throws {
        let folder = ScratchFolder()
        try body(folder.path)
        withExtendedLifetime(folder) {}
    }

    @Test func anErrorNamesTheCallThePlaceAndTheReason() throws {
        let error = #expect(throws: SystemCallError.self) {
            _ = try WholeFile(path: "/nowhere/at/all").read(limit: 10)
        }
        #expect(error?.code == .noSuchFileOrDirectory)
        #expect(error.map { "\($0)" } == "cannot open /nowhere/at/all: No such file or directory")
        #expect("\(SystemCallError("flock", code: .permissionDenied))" == "cannot flock: Permission denied")
    }

    @Test func aFileIsReplacedWholeWithItsMode() throws {
        try withFolder { folder in
            let file = WholeFile(path: "\(folder)/small")
            try file.replace(with: Array("first".utf8), mode: 0o644)
            // What a killed writer left is in nobody's way.
            try WholeFile(path: file.path + ".new").replace(with: Array("half".utf8))
            try file.replace(with: [UInt8](repeating: 0x61, count: 200_000), mode: 0o640, lasting: .process)
            #expect(try file.read(limit: .max).count == 200_000)
            #expect(try file.read(limit: 3) == Array("aaa".utf8))
            #expect(try Directory(path: folder).names() == ["small"])
            var status = stat()
            #expect(stat(file.path, &status) == 0 && status.st_mode & 0o777 == 0o640)
        }
    }

    @Test func whatCannotBeReplacedStaysAsItWas() throws {
        try withFolder { folder in
            let file = WholeFile(path: "\(folder)/small")
            try file.replace(with: [1, 2, 3])
            // A folder in the way of the temporary file.
            try Directory(path: file.path + ".new").make(mode: 0o700)
            let error = #expect(throws: SystemCallError.self) { try file.replace(with: [4]) }
            #expect(error?.path == file.path + ".new")
            #expect(try file.read(limit: 10) == [1, 2, 3])
        }
    }

    @Test func aPipeWithoutAWriterIsNotWaitedFor() throws {
        try withFolder { folder in
            let path = "\(folder)/pipe"
            #expect(mkfifo(path, 0o600) == 0)
            let bytes = try WholeFile(path: path).read(limit: 10)
            #expect(bytes.isEmpty)
            #expect(symlink(path, "\(folder)/link") == 0)
            let error = #expect(throws: SystemCallError.self) {
                _ = try WholeFile(path: "\(folder)/link").read(limit: 10, followsLinks: false)
            }
            #expect(error?.code == .tooManySymbolicLinkLevels)
        }
    }

    @Test func aFolderIsListedInOrder() throws {
        try withFolder { folder in
            for name in ["b", "a", "c"] { try Directory(path: "\(folder)/\(name)").make(mode: 0o755) }
            try Directory(path: "\(folder)/a").make(mode: 0o755)
            try Directory(path: folder).synchronize()
            #expect(try Directory(path: folder).names() == ["a", "b", "c"])
            #expect(throws: SystemCallError.self) { _ = try Directory(path: "\(folder)/d").names() }
        }
        #expect(Directory.parent(of: "/a/b") == "/a")
        #expect(Directory.parent(of: "/a") == "/")
        #expect(Directory.parent(of: "a") == ".")
    }

    @Test func aLockHasOneHolderWhichItNames() throws {
        try withFolder { folder in
            let path = "\(folder)/lock"
            do {
                guard case .taken(let lock) = try FileLock.tryTake(path) else {
                    Issue.record("a new lock was held")
                    return
                }
                lock.write(note: "pid 7\n")
                guard case .held(let note) = try FileLock.tryTake(path) else {
                    Issue.record("a lock was taken twice")
                    return
                }
                #expect(note == "pid 7\n")
                #expect(lock.isStillInPlace)
                unlink(path)
                #expect(!lock.isStillInPlace)
            }
            guard case .taken = try FileLock.tryTake(path) else {
                Issue.record("a lock outlived its holder")
                return
            }
        }
    }
}
