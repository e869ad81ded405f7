internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
private import Synchronization
internal import WebServing

/// The server-sent events: all readers get the same, and each has room for one. Who reads slower than events come gets the newest one when there
/// is room again, so that no reader costs more memory for being slow.
final class EventFeed: Sendable {
    private struct State {
        var number = 0
        var newest: ByteBuffer?
        var readers: [Int: AsyncStream<ByteBuffer>.Continuation] = [:]
        var nextReader = 0
        var isClosed = false
    }

    private let most: Int
    private let state = Mutex(State())

    /// - Parameter most: how many readers there may be.
    init(most: Int) { self.most = most }

    var readerCount: Int { state.withLock { $0.readers.count } }

    /// Gives all readers an event.
    ///
    /// - Parameter data: JSON in one line.
    func publish(_ data: [UInt8]) {
        let readers = state.withLock { state -> [AsyncStream<ByteBuffer>.Continuation] in
            state.number += 1
            var event = ByteBuffer(string: "id: \(state.number)\nevent: change\ndata: ")
            event.writeBytes(data)
            event.writeString("\n\n")
            state.newest = event
            return Array(state.readers.values)
        }
        guard let event = state.withLock({ $0.newest }) else { return }
        for reader in readers { reader.yield(event) }
    }

    /// Ends all readers' answers; who comes later is refused.
    func close() {
        let readers = state.withLock { state in
            state.isClosed = true
            return Array(state.readers.values)
        }
        for reader in readers { reader.finish() }
    }

    /// A stream of events that begins with the newest one.
    ///
    /// - Throws: a `Refusal` if there are too many readers.
    func response(to request: Request) throws -> Response {
        let headers: HTTPFields = [.contentType: "text/event-stream; charset=utf-8", .cacheControl: "no-store"]
        guard request.method == .get else { return Response(status: .ok, headers: headers) }
        let reader = try join()
        return Response(
            status: .ok, headers: headers,
            body: ResponseBody { writer in
                // At once, so that the page knows that it is connected.
                try await writer.write(ByteBuffer(string: "retry: 2000\n\n"))
                for await event in reader.events { try await writer.write(event) }
                try await writer.finish(nil)
            })
    }

    /// A reader's place, which is free again when nothing refers to it.
    final class Reader: Sendable {
        let events: AsyncStream<ByteBuffer>
        private let leave: @Sendable () -> Void

        init(events: AsyncStream<ByteBuffer>, leave: @escaping @Sendable () -> Void) {
            self.events = events
            self.leave = leave
        }

        deinit { leave() }
    }

    func join() throws -> Reader {
        let (events, continuation) = AsyncStream<ByteBuffer>.makeStream(bufferingPolicy: .bufferingNewest(1))
        let number = state.withLock { state -> Int? in
            guard !state.isClosed, state.readers.count < most else { return nil }
            state.nextReader += 1
            state.readers[state.nextReader] = continuation
            if let newest = state.newest { continuation.yield(newest) }
            return state.nextReader
        }
        guard let number else {
            throw Refusal(
                .serviceUnavailable,
                "there are \(most) readers of events already, the most there may be: close other pages")
        }
        return Reader(events: events) { [self] in
            let reader = state.withLock { $0.readers.removeValue(forKey: number) }
            reader?.finish()
        }
    }
}
