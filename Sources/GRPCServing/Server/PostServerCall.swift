internal import MasterClients
internal import NIOCore
internal import NIOHTTP1
internal import PeerLimits

/// A request that is coming. On its connection's event loop until it is handed over.
final class PostRequest {
    let path: RelayedPost.Path
    let jobUID: String?
    /// The memory that the request takes, and then its answer, for as long as they are there.
    let reservation: RequestBudget.Reservation
    private(set) var body = ByteBuffer()
    private var pieces = PieceAllowance()

    /// - Parameter length: of the body.
    init(path: RelayedPost.Path, jobUID: String?, length: Int, reservation: RequestBudget.Reservation) {
        self.path = path
        self.jobUID = jobUID
        self.reservation = reservation
        // More is taken when it comes, or a head alone would cost 100 MiB.
        body.reserveCapacity(min(length, 64 << 10))
    }

    /// - Returns: `false` if it comes in too many small pieces.
    func append(_ piece: ByteBuffer) -> Bool {
        var piece = piece
        let mayGoOn = pieces.take(piece.readableBytes)
        body.writeBuffer(&piece)
        return mayGoOn
    }
}

/// One call over HTTP that waits for its answer.
struct PostServerCall: Sendable {
    private let post: RelayedPost
    private let reservation: RequestBudget.Reservation
    private let ended: AsyncStream<Never>
    private let channel: any Channel

    /// - Parameter ended: ends when the client is gone.
    init(request: PostRequest, ended: AsyncStream<Never>, channel: any Channel) {
        post = RelayedPost(path: request.path, jobUID: request.jobUID, body: request.body)
        reservation = request.reservation
        self.ended = ended
        self.channel = channel
    }

    /// Answers it, and cancels the work for the answer once the client does not wait for it any more.
    func serve(_ answer: @escaping GRPCServer.AnswerPost) async {
        await withTaskGroup { group in
            group.addTask { finish(await answer(post)) }
            group.addTask { for await _ in ended {} }
            await group.next()
            group.cancelAll()
        }
    }

    /// Does nothing if the connection is closed already.
    private func finish(_ answer: PostAnswer) {
        let hasRoom = reservation.grow(to: answer.body.readableBytes)
        let answer = hasRoom ? answer : .requestsTakeTooMuchMemory
        let taken = channel.eventLoop.makePromise(of: Void.self)
        taken.futureResult.whenComplete { [reservation] _ in withExtendedLifetime(reservation) {} }
        channel.eventLoop.execute { [channel] in
            for part in Self.parts(of: answer) {
                if case .end = part { channel.write(part, promise: taken) } else { channel.write(part, promise: nil) }
            }
            channel.flush()
        }
    }

    static func parts(of answer: PostAnswer) -> [HTTPServerResponsePart] {
        let headers: HTTPHeaders = [
            "content-type": answer.status == 200 ? "application/octet-stream" : "text/plain; charset=utf-8",
            "content-length": "\(answer.body.readableBytes)", "cache-control": "no-store",
            "x-content-type-options": "nosniff",
        ]
        let head = HTTPResponseHead(
            version: .http1_1, status: HTTPResponseStatus(statusCode: answer.status), headers: headers)
        return [.head(head), .body(.byteBuffer(answer.body)), .end(nil)]
    }
}
