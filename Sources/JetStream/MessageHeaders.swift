internal import CNATS

/// The headers of a message, in one piece of memory.
struct MessageHeaders {
    /// Keys and values in turn, each with a 0 at its end.
    private var bytes: [UInt8] = []
    private var starts: [Int] = []
    /// What they take of a message's size, about: `key: value\r\n` each, and the line before them.
    private(set) var size = 16

    var count: Int { starts.count / 2 }

    /// - Parameter value: without control characters.
    mutating func add(_ key: StaticString, _ value: some Sequence<UInt8>) {
        starts.append(bytes.count)
        key.withUTF8Buffer { bytes.append(contentsOf: $0) }
        bytes.append(0)
        starts.append(bytes.count)
        bytes.append(contentsOf: value)
        bytes.append(0)
        size += bytes.count - starts[starts.count - 2] + 2
    }

    mutating func add(_ key: StaticString, _ value: String) { add(key, value.utf8) }

    mutating func add(_ key: StaticString, _ number: some BinaryInteger) { add(key, String(number)) }

    /// - Parameter body: gets as many headers as it is told, valid during the call.
    func withHeaders<Result>(_ body: (UnsafePointer<arobust_nats_header>?, Int) -> Result) -> Result {
        guard count > 0 else { return body(nil, 0) }
        return bytes.withUnsafeBytes { bytes in
            let text = bytes.bindMemory(to: CChar.self).baseAddress!
            return withUnsafeTemporaryAllocation(of: arobust_nats_header.self, capacity: count) { headers in
                for index in 0..<count {
                    headers.initializeElement(
                        at: index,
                        to: arobust_nats_header(key: text + starts[2 * index], value: text + starts[2 * index + 1]))
                }
                return body(UnsafePointer(headers.baseAddress!), count)
            }
        }
    }
}
