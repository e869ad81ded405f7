internal import MasterClients
internal import NIOCore
internal import NIOHPACK

/// Puts together the request of a unary call from its headers and data (gRPC over HTTP2, "Requests"), without I/O.
struct GRPCRequestParser {
    enum Outcome {
        case request(GRPCRequest)
        /// What to answer with, though the client may not have sent all yet.
        case rejection(HPACKHeaders)
    }

    private let longestMessage: Int
    private var headers: HPACKHeaders?
    private var encoding = MessageEncoding.identity
    private var body = GRPCMessageBody()
    private var reservation: RequestBudget.Reservation?
    private var isDone = false

    /// - Parameter longestMessage: in bytes, compressed or not.
    init(budget: RequestBudget, longestMessage: Int = RelayLimits.messageBytes) {
        self.longestMessage = longestMessage
        reservation = RequestBudget.Reservation(of: budget)
    }

    /// Takes a block of headers.
    ///
    /// - Returns: the outcome, once there is one. What comes after it is ignored.
    mutating func receive(_ block: HPACKHeaders, isEnd: Bool) -> Outcome? {
        guard !isDone else { return nil }
        guard headers == nil else {
            return reject(GRPCStatus(code: .internalError, message: "the request has trailers"))
        }
        guard reservation?.grow(by: Self.bytes(of: block)) ?? false else { return reject(.requestsTakeTooMuchMemory) }
        headers = block
        return reasonToReject(block).map { end(.rejection($0)) } ?? (isEnd ? finish() : nil)
    }

    /// How much memory headers take. A field that was one byte on the wire takes a place in an array, which has up to twice as many as it
    /// needs, and the heads of two texts.
    private static func bytes(of block: HPACKHeaders) -> Int {
        block.reduce(0) { $0 + 128 + $1.name.utf8.count + $1.value.utf8.count }
    }

    /// Takes a piece of the body.
    mutating func receive(_ data: ByteBuffer, isEnd: Bool) -> Outcome? {
        guard !isDone else { return nil }
        guard reservation?.grow(by: data.readableBytes) ?? false else { return reject(.requestsTakeTooMuchMemory) }
        body.append(data)
        if let flag = body.compressedFlag, flag > 1 {
            return reject(GRPCStatus(code: .internalError, message: "the request's first byte is \(flag), not 0 or 1"))
        }
        if let length = body.messageLength {
            if length > longestMessage { return reject(.messageIsTooLong(length, limit: longestMessage)) }
            if body.readableBytes > GRPCMessageBody.prefixBytes + length {
                return reject(
                    GRPCStatus(code: .unimplemented, message: "only calls with one request message are passed on"))
            }
        }
        return isEnd ? finish() : nil
    }

    /// Ends a request that is not complete with a status.
    ///
    /// - Returns: `nil` if it is complete.
    mutating func giveUp(_ status: GRPCStatus) -> Outcome? { isDone ? nil : reject(status) }

    private mutating func finish() -> Outcome {
        guard body.readableBytes > 0 else {
            return reject(GRPCStatus(code: .internalError, message: "the call has no request message"))
        }
        guard let headers, let reservation, let message = body.message else {
            return reject(GRPCStatus(code: .internalError, message: "the request ends before its message does"))
        }
        return end(
            .request(
                GRPCRequest(
                    headers: headers, message: message, isCompressed: body.compressedFlag == 1, encoding: encoding,
                    longestMessage: longestMessage, reservation: reservation)))
    }

    private mutating func reject(_ status: GRPCStatus) -> Outcome {
        end(.rejection(HPACKHeaders(trailersOnly: status)))
    }

    private mutating func end(_ outcome: Outcome) -> Outcome {
        isDone = true
        headers = nil
        body = GRPCMessageBody()
        reservation = nil
        return outcome
    }

    /// What to answer to headers that no call begins with.
    private mutating func reasonToReject(_ headers: HPACKHeaders) -> HPACKHeaders? {
        let type = (headers.first(name: "content-type") ?? "").lowercased()
        // "Servers should respond with HTTP status of 415" to everything else, gRPC over HTTP2 says.
        guard type == "application/grpc" || type.hasPrefix("application/grpc+") || type.hasPrefix("application/grpc;")
        else { return [":status": "415"] }
        guard headers.first(name: ":method") == "POST" else {
            return HPACKHeaders(
                trailersOnly: GRPCStatus(code: .invalidArgument, message: "the method of a call is POST"))
        }
        guard let path = headers.first(name: ":path"), path.hasPrefix("/"), path.dropFirst().contains("/") else {
            return HPACKHeaders(
                trailersOnly: GRPCStatus(code: .unimplemented, message: "the path of a call is /service/method"))
        }
        let name = headers["grpc-encoding"].joined(separator: ",")
        guard let encoding = name.isEmpty ? .identity : MessageEncoding(rawValue: name) else {
            var trailers = HPACKHeaders(
                trailersOnly: GRPCStatus(
                    code: .unimplemented, message: "the encoding '\(name)' is not one of \(MessageEncoding.accepted)"))
            trailers.add(name: "grpc-accept-encoding", value: MessageEncoding.accepted)
            return trailers
        }
        self.encoding = encoding
        return nil
    }
}

/// The complete request of a unary call, its message still as it was sent.
struct GRPCRequest: Sendable {
    fileprivate let headers: HPACKHeaders
    fileprivate let message: ByteBuffer
    fileprivate let isCompressed: Bool
    fileprivate let encoding: MessageEncoding
    fileprivate let longestMessage: Int
    /// The memory that the request takes, and then its answer, for as long as they are there.
    let reservation: RequestBudget.Reservation

    /// Decompresses the message, if need be: up to a second of work for the largest.
    func call() throws(GRPCStatus) -> RelayedCall {
        RelayedCall(
            path: headers.first(name: ":path") ?? "", metadata: metadata,
            message: isCompressed
                ? try encoding.decompress(message, limit: longestMessage, reservation: reservation) : message,
            timeout: headers.first(name: "grpc-timeout").flatMap(GRPCTimeout.decode))
    }

    /// The client's own metadata, `job_uid` above all, without what belongs to its connection with us.
    private var metadata: [(name: String, value: String)] {
        headers.compactMap { (name, value, _) in
            guard !name.hasPrefix("grpc-"), !name.hasPrefix(":"), !Self.transportNames.contains(name) else {
                return nil
            }
            return (name, value)
        }
    }

    private static let transportNames: Set<String> = ["te", "content-type", "content-length", "host", "connection"]
}

extension HPACKHeaders {
    /// An answer that is a status alone.
    init(trailersOnly status: GRPCStatus) {
        self.init([(":status", "200"), ("content-type", "application/grpc")])
        add(trailersOf: status)
    }

    /// Adds how a call ended. gRPC has no codes but those up to 16, and OK is no error.
    private mutating func add(trailersOf status: GRPCStatus) {
        let code = (1...16).contains(status.code.rawValue) ? status.code : .unknown
        add(name: "grpc-status", value: "\(code.rawValue)")
        if !status.message.isEmpty { add(name: "grpc-message", value: PercentCoding.encode(status.message)) }
    }
}
