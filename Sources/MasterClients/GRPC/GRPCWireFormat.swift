package import NIOCore

/// The body of a unary call in one direction: one message behind a prefix of five bytes (gRPC over HTTP2, "Length-Prefixed-Message").
package struct GRPCMessageBody {
    /// One byte that says whether the message is compressed, and four bytes of its length.
    package static let prefixBytes = 5

    private var bytes = ByteBuffer()

    package init() {}

    /// All bytes so far, prefix included.
    package var readableBytes: Int { bytes.readableBytes }

    /// The first byte: 1 for a compressed message, 0 for any other. `nil` until it is there.
    package var compressedFlag: UInt8? { bytes.getInteger(at: bytes.readerIndex) }

    /// How long the message is to be; `nil` until the prefix is complete.
    package var messageLength: Int? {
        guard readableBytes >= Self.prefixBytes else { return nil }
        return bytes.getInteger(at: bytes.readerIndex + 1, as: UInt32.self).map(Int.init)
    }

    /// The message as it was sent; `nil` unless the body is exactly one message.
    package var message: ByteBuffer? {
        guard let messageLength, readableBytes == Self.prefixBytes + messageLength else { return nil }
        return bytes.getSlice(at: bytes.readerIndex + Self.prefixBytes, length: messageLength)
    }

    package mutating func append(_ piece: ByteBuffer) {
        if bytes.readableBytes == 0 { bytes = piece } else { bytes.writeImmutableBuffer(piece) }
    }

    /// A message with its prefix.
    ///
    /// - Parameter isCompressed: whether it is, in the way that the call's `grpc-encoding` says.
    package static func framed(_ message: ByteBuffer, isCompressed: Bool = false) -> ByteBuffer {
        var body = ByteBufferAllocator().buffer(capacity: prefixBytes + message.readableBytes)
        body.writeMultipleIntegers(UInt8(isCompressed ? 1 : 0), UInt32(message.readableBytes))
        body.writeImmutableBuffer(message)
        return body
    }

    /// Writes the prefix of an uncompressed message of `length` bytes.
    static func writePrefix(of length: Int, to buffer: inout ByteBuffer) {
        buffer.writeMultipleIntegers(UInt8(0), UInt32(length))
    }
}

/// The header `grpc-timeout`: at most eight digits and a unit (gRPC over HTTP2, "Requests").
package enum GRPCTimeout {
    private static let largest: Int64 = 99_999_999

    /// In seconds or milliseconds, at least one.
    static func encode(_ timeout: Duration) -> String {
        let (seconds, attoseconds) = timeout.components
        if attoseconds == 0 { return "\(min(seconds, largest))S" }
        let milliseconds = seconds * 1000 + attoseconds / 1_000_000_000_000_000
        return milliseconds <= largest ? "\(max(milliseconds, 1))m" : "\(min(seconds, largest))S"
    }

    /// - Returns: `nil` for a text that is no timeout.
    package static func decode(_ text: String) -> Duration? {
        let digits = text.dropLast()
        guard (1...8).contains(digits.utf8.count), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let amount = Int64(digits)
        else { return nil }
        switch text.last {
        case "H": return .seconds(amount * 3600)
        case "M": return .seconds(amount * 60)
        case "S": return .seconds(amount)
        case "m": return .milliseconds(amount)
        case "u": return .microseconds(amount)
        case "n": return .nanoseconds(amount)
        default: return nil
        }
    }
}

/// The encoding of `grpc-message` (gRPC over HTTP2, "Responses").
package enum PercentCoding {
    /// The text in printable ASCII, with every other byte of its UTF-8, and `%`, as an escape.
    package static func encode(_ text: String) -> String {
        var encoded: [UInt8] = []
        encoded.reserveCapacity(text.utf8.count)
        for byte in text.utf8 {
            if (0x20...0x7E).contains(byte), byte != UInt8(ascii: "%") {
                encoded.append(byte)
            } else {
                encoded += [UInt8(ascii: "%"), hexDigit(byte >> 4), hexDigit(byte & 0xF)]
            }
        }
        return String(decoding: encoded, as: UTF8.self)
    }

    /// The text that `encoded` stands for. What is no valid escape stays as it is.
    package static func decode(_ encoded: String) -> String {
        guard encoded.utf8.contains(UInt8(ascii: "%")) else { return encoded }
        var bytes: [UInt8] = []
        var rest = Substring(encoded).utf8[...]
        while let byte = rest.popFirst() {
            let digits = rest.prefix(2)
            if byte == UInt8(ascii: "%"), digits.count == 2, digits.allSatisfy(isHexDigit),
                let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
            {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func hexDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "A") + value - 10
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
            UInt8(ascii: "A")...UInt8(ascii: "F"):
            true
        default: false
        }
    }
}
