import CZeroMQ
import Diagnosis
import Foundation
import Glibc
import SystemSupport
import Testing
import TestSupport

@testable import ZMQBridge

/// libzmq behind the guard, and peers that do what no client of libzmq does.
@Suite(.timeLimit(.minutes(1))) struct GuardedListenerTests {
    private func withSocket(
        _ limits: GuardedListener.Limits,
        _ body: @escaping @Sendable (borrowing RequestSocket, String) throws -> Void
    ) async throws {
        let scratch = ScratchFolder()
        let directory = try scratch.stateDirectory()
        try await PinnedThread.run(name: "test-guard", onCancel: {}) {
            try directory.prepare()
            let socket = try RequestSocket(
                .pull, at: directory.pushSocket, in: directory, context: ZMQContext(), largestFrame: 1 << 20,
                limits: limits)
            try body(socket, directory.pushSocket)
        }
    }

    @Test func theGuardIsInForce() {
        #expect(GuardedListener.isInForce)
    }

    @Test(arguments: [
        // Large parts, small ones, empty ones; a length that no memory has; a command as large.
        RawPeer.frame([UInt8](repeating: 7, count: 64 << 10), more: true), RawPeer.frame([7], more: true),
        RawPeer.frame([], more: true), [3, 0x7F] + [UInt8](repeating: 0xFF, count: 7),
        [6, 0, 0, 0, 0, 0, 0x20, 0, 0] + [UInt8](repeating: 7, count: 4096),
    ])
    func aMessageWithoutEndEndsItsConnection(part: [UInt8]) async throws {
        try await withSocket(GuardedListener.Limits(message: 256 << 10)) { socket, path in
            let peer = try RawPeer(path)
            try peer.shakeHands(as: "PUSH")
            let block = Array(repeatElement(part, count: max(1, 4096 / part.count)).joined())
            var sent = 0
            do throws(SystemCallError) {
                while sent < 64 << 20 {
                    try peer.write(block)
                    sent += block.count
                }
            } catch {}
            // The kernel's buffer, and what the limit lets through.
            #expect(sent < 16 << 20)
            #expect(peer.isClosedByPeer())
            #expect(socket.closedConnections == ClosedConnections(refused: 0, shed: 0, ended: 1))
            let good = try RawPeer(path)
            try good.shakeHands(as: "PUSH")
            try good.write(RawPeer.frame([1, 2], more: true) + RawPeer.frame([3], more: false))
            #expect(try Self.receives([[1, 2], [3]], from: socket))
        }
    }

    @Test(arguments: [
        Array("GET / HTTP/1.1\r\nHost: x\r\n\r\n".utf8), [0x01, 0x00, 0x05],
        [0xFF] + [UInt8](repeating: 0, count: 8) + [0x7F, 1, 5],
        // libzmq takes these for ZMTP 1, with frames of another form.
        [0xFF] + [UInt8](repeating: 0, count: 8) + [0x7E, 3, 0], [0xFF] + [UInt8](repeating: 0, count: 9) + [3, 0],
    ])
    func whatIsNotZMTP3IsEnded(bytes: [UInt8]) async throws {
        try await withSocket(GuardedListener.Limits(message: 1 << 20)) { socket, path in
            let peer = try RawPeer(path)
            try peer.write(bytes)
            #expect(peer.isClosedByPeer())
            #expect(socket.closedConnections.ended == 1)
        }
    }

    private static func command(_ name: String, _ content: [UInt8] = [], flags: UInt8 = 4) -> [UInt8] {
        let bytes = [UInt8(name.utf8.count)] + Array(name.utf8) + content
        return [flags | 2] + (0..<8).reversed().map { UInt8(truncatingIfNeeded: bytes.count >> ($0 * 8)) } + bytes
    }

    @Test(arguments: [
        command("SUBSCRIBE", [1]), command("CANCEL", [1]), command("JOIN", [1]), command("PING", [0, 0], flags: 5),
        command("READY"), command("PING", [UInt8](repeating: 0, count: 600)), [4, 0],
    ])
    func commandsThatNoClientSendsEndTheConnection(command: [UInt8]) async throws {
        try await withSocket(GuardedListener.Limits(message: 1 << 20)) { socket, path in
            let peer = try RawPeer(path)
            try peer.shakeHands(as: "PUSH")
            try peer.write(Self.command("PING", [0, 0]) + RawPeer.frame([1], more: false))
            #expect(try Self.receives([[1]], from: socket))
            #expect(socket.closedConnections.total == 0)
            try peer.write(command)
            #expect(peer.isClosedByPeer())
            #expect(socket.closedConnections.ended == 1)
        }
    }

    /// libzmq keeps the properties as long as the connection.
    @Test func aHandshakeWithManyPropertiesIsEnded() async throws {
        try await withSocket(GuardedListener.Limits(message: 1 << 20)) { socket, path in
            let peer = try RawPeer(path)
            let properties = Array(repeatElement([1, UInt8(ascii: "X"), 0, 0, 0, 0] as [UInt8], count: 100).joined())
            try peer.write(RawPeer.greeting + Self.command("READY", properties))
            #expect(peer.isClosedByPeer())
            #expect(socket.closedConnections.ended == 1)
        }
    }

    /// Where libzmq has stopped reading a connection that hangs up, a PING that it has read already ends the process.
    @Test func peersThatSendMuchAndAPingAndHangUpLeaveTheirMessages() async throws {
        try await withSocket(GuardedListener.Limits(message: 1 << 20, unread: 4 << 20)) { socket, path in
            let (connections, messages) = (20, 1500)
            for number in 0..<connections {
                let peer = try RawPeer(path)
                try peer.shakeHands(as: "PUSH")
                let message = [UInt8(0), 1, UInt8(number)]
                try peer.write(Array(repeatElement(message, count: messages).joined()) + Self.command("PING", [0, 0]))
            }
            for _ in 0..<(connections * messages) { try #require(try Self.receivesAny(from: socket)) }
        }
    }

    private static func receivesAny(from socket: borrowing RequestSocket) throws -> Bool {
        for _ in 0..<10_000 {
            if try socket.receive() != nil { return true }
            usleep(2000)
        }
        return false
    }

    /// One who lets his message lie gives way, not the one with the largest.
    @Test func messagesThatDoNotGoOnGiveWay() async throws {
        try await withSocket(GuardedListener.Limits(message: 4 << 20, unread: 8 << 20)) { socket, path in
            let begun = RawPeer.frame([UInt8](repeating: 1, count: 1 << 20), more: true)
            var idle: [RawPeer] = []
            for _ in 0..<6 {
                idle.append(try RawPeer(path))
                try idle[idle.count - 1].shakeHands(as: "PUSH")
                try idle[idle.count - 1].write(Array(begun.dropLast()))
            }
            let good = try RawPeer(path)
            try good.shakeHands(as: "PUSH")
            let content = [UInt8](repeating: 2, count: 1 << 20)
            let writer = Thread {
                try? good.write(RawPeer.frame(content, more: true) + RawPeer.frame(content, more: true))
                try? good.write(RawPeer.frame(content, more: false))
            }
            writer.start()
            #expect(try Self.receives([content, content, content], from: socket))
        }
    }

    @Test func silentConnectionsMakeRoom() async throws {
        try await withSocket(GuardedListener.Limits(connections: 4, message: 1 << 20)) { socket, path in
            var silent: [RawPeer] = []
            for _ in 0..<20 { silent.append(try RawPeer(path)) }
            for _ in 0..<10_000 where socket.closedConnections.total < 16 { usleep(2000) }
            #expect(socket.closedConnections.total >= 16)
            let good = try RawPeer(path)
            try good.shakeHands(as: "PUSH")
            try good.write(RawPeer.frame([9], more: false))
            #expect(try Self.receives([[9]], from: socket))
            #expect(silent[0].isClosedByPeer())
        }
    }

    @Test func thoseThatSpeakAreKept() async throws {
        try await withSocket(GuardedListener.Limits(connections: 4, message: 1 << 20)) { socket, path in
            var peers: [RawPeer] = []
            for number in 0..<4 {
                peers.append(try RawPeer(path))
                try peers[number].shakeHands(as: "PUSH")
                try peers[number].write(RawPeer.frame([UInt8(number)], more: false))
                #expect(try Self.receives([[UInt8(number)]], from: socket))
            }
            #expect(try RawPeer(path).isClosedByPeer())
            #expect(socket.closedConnections == ClosedConnections(refused: 1, shed: 0, ended: 0))
            for (number, peer) in peers.enumerated() {
                try peer.write(RawPeer.frame([UInt8(number), 1], more: false))
                #expect(try Self.receives([[UInt8(number), 1]], from: socket))
            }
            peers.removeFirst()
            // Its place is free when libzmq has noticed.
            var isTaken = false
            for _ in 0..<100 where !isTaken {
                guard let next = try? RawPeer(path), (try? next.shakeHands(as: "PUSH")) != nil,
                    (try? next.write(RawPeer.frame([7], more: false))) != nil
                else { continue }
                isTaken = try Self.receives([[7]], from: socket, tries: 50)
            }
            #expect(isTaken)
        }
    }

    /// Whether the message comes next.
    private static func receives(
        _ message: [[UInt8]], from socket: borrowing RequestSocket, tries: Int = 10_000
    ) throws -> Bool {
        for _ in 0..<tries {
            if let next = try socket.receive() { return next == message }
            usleep(2000)
        }
        return false
    }

    @Test func aConnectionMaySendOnlySoMuchInItsLife() async throws {
        try await withSocket(GuardedListener.Limits(message: 1 << 20, lifetime: 10_000)) { socket, path in
            let peer = try RawPeer(path)
            try peer.shakeHands(as: "PUSH")
            for _ in 0..<200 { try? peer.write(RawPeer.frame([UInt8](repeating: 1, count: 100), more: false)) }
            #expect(peer.isClosedByPeer())
            #expect(socket.closedConnections.ended == 1)
        }
    }

    @Test func whatIsNotReadWaitsAtItsSender() async throws {
        try await withSocket(GuardedListener.Limits(message: 1 << 20, unread: 1 << 20)) { socket, path in
            let peer = try RawPeer(path)
            try peer.shakeHands(as: "PUSH")
            let (most, size) = (200, 64 << 10)
            let sender = Thread {
                for number in 0..<most {
                    try? peer.write(RawPeer.frame([UInt8](repeating: UInt8(number), count: size), more: false))
                }
            }
            sender.start()
            // Long enough for all of them to have come, if nothing stopped them.
            usleep(300_000)
            for number in 0..<most {
                try #require(try Self.receives([[UInt8](repeating: UInt8(number), count: size)], from: socket))
            }
            #expect(socket.closedConnections.total == 0)
        }
    }

    @Test func whatAReceiverHasNotReadIsCounted() throws {
        let endpoint = "inproc://counted"
        let context = try ZMQContext()
        let receiver = try ZMQSocket(.pull, in: context)
        let sender = try ZMQSocket(.push, in: context)
        #expect(zmq_bind(receiver.pointer, endpoint) == 0)
        try sender.connect(endpoint)
        let together = QueuedBytes()
        let queued = QueuedBytes(of: together)
        let (large, small) = ([UInt8](repeating: 1, count: 100_000), [UInt8](repeating: 2, count: 100))
        for frame in [large, small, large] {
            let isSent = try frame.withUnsafeBytes { try sender.send($0, more: false, countedBy: queued) }
            #expect(isSent)
        }
        #expect(queued.count == 200_000)
        #expect(together.count == 200_000)
        #expect(!queued.hasRoom(for: 100_000, limit: 250_000))
        #expect(queued.hasRoom(for: 100, limit: 0))
        #expect(try receiver.receiveMessage() == [large])
        #expect(queued.count == 100_000)
        #expect(try receiver.receiveMessage() == [small])
        #expect(try receiver.receiveMessage() == [large])
        #expect(queued.count == 0)
        #expect(queued.hasRoom(for: 1 << 30, limit: 1))
    }
}
