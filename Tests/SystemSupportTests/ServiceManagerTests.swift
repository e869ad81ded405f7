import Glibc
import SystemSupport
import TestSupport
import Testing

/// What is told to a service manager, and when.
@Suite struct ServiceManagerTests {
    @Test(arguments: [
        [:], ["NOTIFY_SOCKET": ""], ["NOTIFY_SOCKET": "@"], ["NOTIFY_SOCKET": "relative"],
        ["NOTIFY_SOCKET": "vsock:2:1"],
        ["NOTIFY_SOCKET": "/" + String(repeating: "x", count: 107)],
    ])
    func withoutAUsableAddressThereIsNoManager(_ environment: [String: String]) {
        #expect(NotifySocket(environment: environment) == nil)
    }

    @Test func theWatchdogIsOnlyForTheProcessThatItNames() {
        var environment = ["NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "2000000"]
        #expect(NotifySocket(environment: environment)?.watchdog == .seconds(2))
        environment["WATCHDOG_PID"] = "\(getpid())"
        #expect(NotifySocket(environment: environment)?.watchdog == .seconds(2))
        environment["WATCHDOG_PID"] = "1"
        #expect(NotifySocket(environment: environment)?.watchdog == nil)
        environment = ["NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "-5"]
        #expect(NotifySocket(environment: environment)?.watchdog == nil)
    }

    @Test func aMessageHasALineForEachPieceOfNews() throws {
        let scratch = ScratchFolder()
        let path = scratch.file("notify")
        let manager = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        defer { close(manager) }
        #expect(UnixAddress.with(path) { bind(manager, $0, $1) } == 0)
        let socket = try #require(NotifySocket(environment: ["NOTIFY_SOCKET": path]))
        try socket.tell([.ready, .alive, .status("one\nREADY=0"), .stopping(within: .seconds(11))])
        var bytes = [UInt8](repeating: 0, count: 1000)
        let count = recv(manager, &bytes, bytes.count, Int32(MSG_DONTWAIT))
        try #require(count > 0)
        let lines = String(decoding: bytes.prefix(count), as: UTF8.self).split(separator: "\n")
        // A text from outside, with a line break in it, can't say anything else.
        #expect(
            lines == [
                "READY=1", "WATCHDOG=1", "STATUS=one\\nREADY=0", "STOPPING=1", "EXTEND_TIMEOUT_USEC=11000000",
            ])
    }

    @Test func aManagerThatIsGoneIsAnError() throws {
        let socket = try #require(NotifySocket(environment: ["NOTIFY_SOCKET": "/no/such/socket"]))
        #expect(throws: SystemCallError.self) { try socket.tell([.ready]) }
    }

    @Test func partsStandUntilEachHasGoneRound() {
        let beats = WorkingPart("beats")
        let upkeep = WorkingPart("upkeep")
        let sockets = WorkingPart("sockets", .once)
        var parts = WorkingParts([beats, upkeep, sockets])
        #expect(parts.notBegun == ["beats", "upkeep", "sockets"])
        for part in [beats, upkeep, sockets] { part.turn() }
        #expect(parts.notBegun.isEmpty)
        parts.look()
        #expect(parts.standing == ["beats", "upkeep"])
        beats.turn()
        beats.turn()
        #expect(parts.standing == ["upkeep"])
        upkeep.turn()
        #expect(parts.standing.isEmpty)
    }

    @Test func aJournalIsKnownByDeviceAndInode() {
        let scratch = ScratchFolder()
        let descriptor = open(scratch.file("stream"), O_CREAT | O_WRONLY, 0o600)
        defer { close(descriptor) }
        var status = stat()
        #expect(fstat(descriptor, &status) == 0)
        let stream = "\(status.st_dev):\(status.st_ino)"
        #expect(JournalStream.isJournal(descriptor, environment: ["JOURNAL_STREAM": stream]))
        #expect(!JournalStream.isJournal(descriptor, environment: ["JOURNAL_STREAM": "\(status.st_dev):1"]))
        #expect(!JournalStream.isJournal(descriptor, environment: ["JOURNAL_STREAM": "no numbers"]))
        #expect(!JournalStream.isJournal(-1, environment: ["JOURNAL_STREAM": stream]))
        #expect(!JournalStream.isJournal(descriptor, environment: [:]))
    }
}
