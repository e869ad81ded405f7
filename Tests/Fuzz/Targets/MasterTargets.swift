internal import Diagnosis
internal import NIOCore
internal import NIOHPACK

@testable internal import GRPCServing
@testable internal import MasterClients

/// What masters answer, and what DLRover's clients send to `--listen`.
extension FuzzTarget {
    static let masters = [
        FuzzTarget("pickle", pickle), FuzzTarget("protobuf", protobuf), FuzzTarget("grpc-request", grpcRequest),
        FuzzTarget("http-request", httpRequest),
        FuzzTarget("grpc-answer", grpcAnswer), FuzzTarget("http-answer", httpAnswer),
        FuzzTarget("console-report", consoleReport),
    ]

    private static func pickle(_ bytes: [UInt8]) {
        var limits = PickleLimits()
        limits.values = 4096
        if let value = try? PickleReader.read(bytes[...], limits: limits) {
            require(
                (try? PickleReader.read((bytes + [0x2E])[...], limits: limits)) == nil,
                "bytes after the end are not noticed")
            _ = value.hashValue
        }
        if let answer = try? BaseResponse(pickle: bytes[...], limits: limits) {
            _ = try? BaseResponse(pickle: answer.data[...], limits: limits)
        }
        _ = try? HeartbeatResponse.action(pickle: bytes)
        write(bytes)
    }

    /// What we write is read back.
    private static func write(_ bytes: [UInt8]) {
        var input = FuzzInput(bytes)
        let rank = Int(truncatingIfNeeded: input.number() as UInt64)
        let json = input.rest.text.utf8.map { $0 }
        var buffer = ByteBuffer()
        PickleWriter.appendReport(.comm, json: json[...], nodeRank: rank, to: &buffer)
        require(
            buffer.readableBytes == PickleWriter.reportSize(.comm, jsonBytes: json.count, nodeRank: rank),
            "a report's size is wrong")
        guard case .object(let object)? = try? PickleReader.read(Array(buffer: buffer)[...]) else {
            return require(false, "our own pickle can't be read")
        }
        require(
            object.int("node_rank") == rank && object.string("data_content").map { Array($0.utf8) } == json,
            "a pickle says otherwise")
    }

    /// A body that a client of DLRover's HTTP protocol sends: whatever it is, and a pickle of these bytes.
    private static func httpRequest(_ bytes: [UInt8]) {
        let post = RelayedPost(path: .report, jobUID: nil, body: ByteBuffer(bytes: bytes))
        _ = ReportedMetric(post: post)
        _ = try? post.call()
        _ = try? post.answer(from: ByteBuffer(bytes: bytes))
        let body = HTTPRequestBody.body(node: NodeIdentity(id: 3, type: "worker"), pickle: ByteBuffer(bytes: bytes))
        let back = try? RelayedPost(path: .get, jobUID: nil, body: body).call()
        require(
            back.flatMap { try? ElasticMessage.decode($0.message) }.map { Array(buffer: $0.data) } == bytes,
            "our own request can't be read")
    }

    private static func protobuf(_ bytes: [UInt8]) {
        let message = ByteBuffer(bytes: bytes)
        if let (id, type, data) = try? ElasticMessage.decode(message) {
            var again = ByteBuffer()
            ElasticMessage.appendHead(nodeID: id, nodeType: type, dataBytes: data.readableBytes, to: &again)
            again.writeImmutableBuffer(data)
            require(
                again.readableBytes == ElasticMessage.size(nodeID: id, nodeType: type, dataBytes: data.readableBytes),
                "a message's size is wrong")
            let back = try? ElasticMessage.decode(again)
            require(
                back.map { $0.nodeID == id && $0.nodeType == type && $0.data == data } ?? false,
                "a message says otherwise")
        }
        _ = try? ElasticMessage.data(decoding: message)
        _ = try? ElasticResponse(decoding: message)
    }

    /// What a node reports to a console: written again, and read again, it is the same.
    private static func consoleReport(_ bytes: [UInt8]) {
        _ = ReportReceipt(ByteBuffer(bytes: bytes))
        guard let batches = try? ReportMessage.read(ByteBuffer(bytes: bytes)) else { return }
        var written = ByteBuffer()
        for batch in batches { ReportMessage.append(batch, to: &written) }
        guard let again = try? ReportMessage.read(written) else {
            return require(false, "what was written cannot be read")
        }
        require(again.count == batches.count, "\(batches.count) batches became \(again.count)")
        for (one, other) in zip(batches, again) {
            require(one.lane == other.lane && one.epoch == other.epoch && one.count == other.count, "another batch")
            for (left, right) in zip(one.entries, other.entries) {
                require(
                    left.sequence == right.sequence && one.body(of: left) == other.body(of: right)
                        && one.originBytes(of: left) == other.originBytes(of: right), "another envelope")
            }
        }
    }

    /// Headers `name: value` a line, then 0xFF and the body: the request is the same in pieces, and none is larger than is allowed.
    private static func grpcRequest(_ bytes: [UInt8]) {
        var input = FuzzInput(bytes)
        let size = Int(input.byte())
        let parts = input.parts(2)
        let body = parts.count > 1 ? parts[1] : []
        let budget = RequestBudget(capacity: 1 << 20)
        let whole = request(headers(parts[0]), body.pieces(of: body.count), budget)
        let inPieces = request(headers(parts[0]), body.pieces(of: size), budget)
        require(whole == inPieces, "in pieces it is something else: \(whole), \(inPieces)")
        require(budget.reservedBytes == 0, "\(budget.reservedBytes) bytes stay reserved")
    }

    private static func request(_ headers: HPACKHeaders, _ pieces: [ArraySlice<UInt8>], _ budget: RequestBudget)
        -> String
    {
        var parser = GRPCRequestParser(budget: budget, longestMessage: 64 << 10)
        var outcome = parser.receive(headers, isEnd: false)
        for (index, piece) in pieces.enumerated() where outcome == nil {
            outcome = parser.receive(ByteBuffer(bytes: piece), isEnd: index == pieces.count - 1)
        }
        switch outcome {
        case nil: return "none"
        case .rejection(let headers)?: return "rejected \(headers.first(name: "grpc-status") ?? "")"
        case .request(let request)?:
            guard let call = try? request.call() else { return "unreadable" }
            require(call.message.readableBytes <= 64 << 10, "a message of \(call.message.readableBytes) bytes")
            return "call \(call.path) \(call.message.hashValue)"
        }
    }

    private static func headers(_ bytes: [UInt8]) -> HPACKHeaders {
        var headers = HPACKHeaders()
        for line in bytes.split(separator: 0x0A).prefix(32) {
            let text = String(decoding: line, as: UTF8.self)
            // Pseudo-headers begin with a colon themselves.
            guard let colon = text.dropFirst().firstIndex(of: ":") else { continue }
            let name = text[..<colon]
            // NIO lets no others through, and takes none.
            guard name.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else { continue }
            headers.add(name: String(name), value: String(text[text.index(after: colon)...].drop { $0 == " " }))
        }
        return headers
    }

    /// Headers, body and trailers between bytes 0xFF.
    private static func grpcAnswer(_ bytes: [UInt8]) {
        var input = FuzzInput(bytes)
        let size = Int(input.byte())
        let parts = input.parts(3)
        var parser = GRPCAnswerParser(maxBytes: 32 << 10)
        var outcome = parser.receive(headers(parts[0]), isEnd: parts.count < 2)
        for piece in parts.count > 1 ? parts[1].pieces(of: size) : [] where outcome == nil {
            outcome = parser.receive(ByteBuffer(bytes: piece), isEnd: false)
        }
        if outcome == nil, parts.count > 2 { outcome = parser.receive(headers(parts[2]), isEnd: true) }
        let texts = GRPCErrorText(master: "m", deadline: .seconds(1))
        switch outcome {
        case .success(let answer)?:
            _ = texts.error(of: answer.status)
            _ = OTLPErrorText(master: "m", deadline: .seconds(1)).error(of: answer.status)
            _ = GRPCErrorText.messageLimit(answer.status)
            if let message = answer.message { _ = try? ElasticResponse(decoding: message) }
        case .failure(let failure)?: _ = texts.error(of: failure, mayHaveArrived: true)
        case nil: break
        }
        let text = bytes.text
        require(PercentCoding.decode(PercentCoding.encode(text)) == text, "a message is not decoded as it was encoded")
        _ = PercentCoding.decode(text)
        _ = GRPCTimeout.decode(text)
    }

    private static func httpAnswer(_ bytes: [UInt8]) {
        var input = FuzzInput(bytes)
        let texts = HTTPErrorText(master: "m", deadline: .seconds(1))
        let status = Int(input.number() as UInt16)
        let bytes = Array(input.all())
        for signal in [OTLPSignal.logs, .metrics] { _ = OTLPAnswer(protobuf: bytes, to: signal) }
        require(RetryAfter.read(bytes) ?? .zero >= .zero, "a pause is negative")
        let body = bytes[...].text
        require(RetryAfter.read(body, now: 0) ?? .zero >= .zero, "a pause is negative")
        _ = texts.error(status: status, body: body)
        require(HTTPErrorText.plain(body).count <= 700, "a body's text is too long")
    }
}

extension ArraySlice<UInt8> {
    /// As text, with U+FFFD where it is no UTF-8.
    var text: String { String(decoding: self, as: UTF8.self) }
}
