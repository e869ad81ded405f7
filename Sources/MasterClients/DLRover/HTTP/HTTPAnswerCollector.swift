import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import Synchronization

/// Gathers one answer, and notes whether any of the request went out before it or the failure came.
///
/// That is certain only if the call and its connection share an event loop: otherwise the call may end before the news that it was begun.
final class HTTPAnswerCollector: HTTPClientResponseDelegate, Sendable {
    typealias Response = HTTPClient.Response

    /// Whether the server may have got the request: its head was written, and its body follows.
    let mayHaveArrived = Atomic(false)
    private let accumulator: ResponseAccumulator

    /// - Parameter maxBytes: the longest body that is taken.
    init(_ request: HTTPClient.Request, maxBytes: Int) {
        accumulator = ResponseAccumulator(request: request, maxBodySize: maxBytes)
    }

    func didSendRequestHead(task: HTTPClient.Task<Response>, _ head: HTTPRequestHead) {
        mayHaveArrived.store(true, ordering: .relaxed)
    }

    func didReceiveHead(task: HTTPClient.Task<Response>, _ head: HTTPResponseHead) -> EventLoopFuture<Void> {
        accumulator.didReceiveHead(task: task, head)
    }

    func didReceiveBodyPart(task: HTTPClient.Task<Response>, _ buffer: ByteBuffer) -> EventLoopFuture<Void> {
        accumulator.didReceiveBodyPart(task: task, buffer)
    }

    func didReceiveError(task: HTTPClient.Task<Response>, _ error: any Error) {
        accumulator.didReceiveError(task: task, error)
    }

    func didFinishRequest(task: HTTPClient.Task<Response>) throws -> Response {
        try accumulator.didFinishRequest(task: task)
    }
}
