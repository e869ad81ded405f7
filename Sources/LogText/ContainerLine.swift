/// How a container runtime writes the lines of a container's log.
package enum ContainerFormat: String, Sendable {
    /// Kubernetes' Container Runtime Interface: `2026-11-28T10:00:00.123456789Z stderr F text`
    /// (kubernetes/design-proposals-archive, `node/kubelet-cri-logging.md`).
    case cri
    /// Docker's json-file: `{"log":"text\n","stream":"stderr","time":"…"}` (docs.docker.com, JSON File logging driver).
    case docker
}

/// One line of a container's log: what the program wrote, and what the runtime adds.
package struct ContainerLine: Hashable, Sendable {
    package let format: ContainerFormat
    /// What the program wrote, without the line's end.
    package let payload: [UInt8]
    /// `stdout` or `stderr`.
    package let stream: String
    /// When the runtime read the line, in seconds since 1970.
    package let time: Double
    /// Whether the runtime split the program's line here: the next line of the stream continues it.
    package let isPartial: Bool

    /// - Parameter line: without its end; `nil` if a runtime didn't write it. The first byte rules out most others.
    package init?(_ line: UnsafeRawBufferPointer) {
        guard let first = line.first, line.count >= 24 else { return nil }
        if first == UInt8(ascii: "{") {
            self.init(docker: line)
        } else if first &- 0x30 < 10 {
            self.init(cri: line)
        } else {
            return nil
        }
    }

    /// Where the payload of a CRI line starts; `nil` for other lines.
    package static func criPayloadStart(_ line: UnsafeRawBufferPointer) -> Int? { criHead(line)?.payload }

    private init?(cri line: UnsafeRawBufferPointer) {
        guard let head = Self.criHead(line) else { return nil }
        format = .cri
        payload = Array(line[head.payload...])
        stream = head.stream
        time = head.time
        isPartial = head.isPartial
    }

    private static func criHead(
        _ line: UnsafeRawBufferPointer
    ) -> (payload: Int, stream: String, time: Double, isPartial: Bool)? {
        guard line.count >= 24, line[0] &- 0x30 < 10,
            let timeEnd = line[..<min(line.count, 40)].firstIndex(of: 0x20),
            let time = RuntimeTime.read(UnsafeRawBufferPointer(rebasing: line[..<timeEnd])), line.count > timeEnd + 8
        else { return nil }
        let word = line[(timeEnd + 1)..<(timeEnd + 7)]
        let isError = word.elementsEqual("stderr".utf8)
        guard isError || word.elementsEqual("stdout".utf8), line[timeEnd + 7] == 0x20 else { return nil }
        let tag = timeEnd + 8
        guard tag < line.count, line[tag] == UInt8(ascii: "F") || line[tag] == UInt8(ascii: "P") else { return nil }
        var end = tag + 1
        // Further tags follow after colons.
        if end < line.count, line[end] == UInt8(ascii: ":") {
            while end < line.count, line[end] != 0x20, end - tag < 256 { end += 1 }
        }
        guard end == line.count || line[end] == 0x20 else { return nil }
        return (
            min(end + 1, line.count), isError ? "stderr" : "stdout", time, line[tag] == UInt8(ascii: "P")
        )
    }

    private init?(docker line: UnsafeRawBufferPointer) {
        var json = JSONBytes(bytes: line)
        var log: [UInt8]?
        var stream: [UInt8]?
        var time: Double?
        guard json.consume("{") else { return nil }
        repeat {
            guard let key = json.string(), json.consume(":") else { return nil }
            if key.elementsEqual("log".utf8) {
                guard let value = json.string() else { return nil }
                log = value
            } else if key.elementsEqual("stream".utf8) {
                guard let value = json.string() else { return nil }
                stream = value
            } else if key.elementsEqual("time".utf8) {
                guard let value = json.string(), let read = value.withUnsafeBytes(RuntimeTime.read) else { return nil }
                time = read
            } else if key.elementsEqual("attrs".utf8) {
                guard json.skipObject() else { return nil }
            } else {
                return nil
            }
        } while json.consume(",")
        guard json.consume("}"), json.isAtEnd, var payload = log, let stream, let time,
            stream.elementsEqual("stdout".utf8) || stream.elementsEqual("stderr".utf8)
        else { return nil }
        isPartial = payload.last != 0x0A
        if !isPartial { payload.removeLast() }
        format = .docker
        self.payload = payload
        self.stream = String(decoding: stream, as: UTF8.self)
        self.time = time
    }
}
