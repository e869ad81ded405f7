import Glibc
import MasterClients
import SystemSupport
import TestSupport
import Testing

@testable import DLRoverListener
@testable import GRPCServing

/// Listening at a path.
@Suite struct UnixListenerTests {
    private let folder = ScratchFolder()

    private func mode(_ path: String) -> mode_t? {
        var status = stat()
        return lstat(path, &status) == 0 ? status.st_mode & 0o7777 : nil
    }

    @Test func callsAreAnsweredAndTheSocketGoesInTheEnd() async throws {
        let path = folder.file("a.sock")
        try await Serving.with(at: .unix(path: path)) { serving in
            #expect(mode(path) == 0o600)
            let client = try await WireClient.connect(path: path)
            #expect(try await client.call(1, [1, 2]).body == WireClient.framed([2, 1]))
            await client.close()
        }
        try await eventually { mode(path) == nil }
    }

    @Test func whoeverMayCallMayConnectAndOthersAreToldSo() async throws {
        let path = folder.file("a.sock")
        try await Serving.with(callers: ResolvedCallers(users: [54321]), at: .unix(path: path)) { serving in
            #expect(mode(path) == 0o666)
            let client = try await WireClient.connect(path: path)
            #expect(try await client.call(1, []).status == "7")
        }
    }

    @Test func aSocketThatIsLeftOverIsReplaced() throws {
        let path = folder.file("a.sock")
        let first = try UnixListener(path: path, mode: 0o600, backlog: 1)
        let error = #expect(throws: UnixListenerError.self) { try UnixListener(path: path, mode: 0o600, backlog: 1) }
        #expect("\(try #require(error))" == "Address already in use")
        close(first.descriptor)
        let second = try UnixListener(path: path, mode: 0o600, backlog: 1)
        first.remove()
        #expect(mode(path) != nil, "it is another one now")
        second.remove()
        #expect(mode(path) == nil)
        close(second.descriptor)
    }

    @Test func whatIsNoSocketOfOursStays() throws {
        let path = folder.file("a.sock")
        try WholeFile(path: path).replace(with: Array("precious".utf8))
        #expect(throws: UnixListenerError.self) { try UnixListener(path: path, mode: 0o600, backlog: 1) }
        #expect(try WholeFile(path: path).read(limit: 100) == Array("precious".utf8))
        unlink(path)
        symlink("/etc/passwd", path)
        #expect(throws: UnixListenerError.self) { try UnixListener(path: path, mode: 0o600, backlog: 1) }
        #expect(throws: UnixListenerError.self) {
            try UnixListener(path: folder.file("no/a.sock"), mode: 0o600, backlog: 1)
        }
    }

    @Test func aFolderThatOthersMayChangeIsRefused() throws {
        chmod(folder.path, 0o777)
        defer { chmod(folder.path, 0o700) }
        let error = #expect(throws: UnixListenerError.self) {
            try UnixListener(path: folder.file("a.sock"), mode: 0o600, backlog: 1)
        }
        #expect("\(try #require(error))".contains("could put something else there"))
        chmod(folder.path, 0o1777)
        let listener = try UnixListener(path: folder.file("a.sock"), mode: 0o600, backlog: 1)
        close(listener.descriptor)
    }
}
