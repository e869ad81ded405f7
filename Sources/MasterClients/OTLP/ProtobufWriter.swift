/// Writes the wire format of Protocol Buffers (https://protobuf.dev/programming-guides/encoding) into memory that is large enough.
struct ProtobufWriter {
    private var next: UnsafeMutableRawPointer

    /// - Parameter start: with room for all that is written; valid as long as the writer is used.
    init(_ start: UnsafeMutableRawPointer) {
        next = start
    }

    mutating func write(_ byte: UInt8) {
        next.storeBytes(of: byte, as: UInt8.self)
        next += 1
    }

    mutating func write(varint number: UInt64) {
        var rest = number
        while rest >= 0x80 {
            write(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        write(UInt8(rest))
    }

    mutating func write(fixed number: UInt64) {
        next.storeBytes(of: number.littleEndian, as: UInt64.self)
        next += 8
    }

    mutating func write(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress else { return }
        next.copyMemory(from: start, byteCount: bytes.count)
        next += bytes.count
    }

    /// How many bytes a number takes as a varint.
    static func size(of number: UInt64) -> Int {
        // Seven bits a byte, and one byte for zero.
        (70 - (number | 1).leadingZeroBitCount) / 7
    }

    /// The tag and the length of a field that is a message, a string or bytes.
    static func fieldHead(_ number: Int, length: Int) -> [UInt8] {
        var head: [UInt8] = []
        for part in [UInt64(number << 3 | 2), UInt64(length)] {
            var rest = part
            while rest >= 0x80 {
                head.append(UInt8(truncatingIfNeeded: rest) | 0x80)
                rest >>= 7
            }
            head.append(UInt8(rest))
        }
        return head
    }

    /// A field that is a message, a string or bytes.
    static func field(_ number: Int, _ content: [UInt8]) -> [UInt8] {
        fieldHead(number, length: content.count) + content
    }
}
