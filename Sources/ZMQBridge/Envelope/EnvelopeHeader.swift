internal import Diagnosis

/// The fixed part of an envelope's frame 1: `docs/wire-format.md`, "Header". 56 bytes, big-endian. An extension may follow: the origin's JSON.
struct EnvelopeHeader: Hashable {
    static let size = 56
    static let version: UInt8 = 1
    /// "AROB"
    private static let magic: UInt32 = 0x4152_4F42

    /// Bits of the flags byte; unknown ones are ignored.
    enum Flag {
        /// The journal did not have the envelope when it was published.
        static let volatile: UInt8 = 1
        /// The lines were left out by a rate limit; the body only says so.
        static let shed: UInt8 = 2
    }

    var flags: UInt8 = 0
    /// How many bytes follow the 56 in the frame.
    var extensionLength = 0
    var publisher: PublisherID
    var epoch: UInt64
    /// From 1 in each epoch and lane; 0 in control messages.
    var sequence: UInt64
    /// Whole seconds since 1970.
    var collectionTime: Int64
    /// Nanoseconds since 1970.
    var publishTime: UInt64

    /// Why bytes are not a header that this version reads.
    enum DecodingError: Error, Hashable {
        case notAHeader
        /// A header of a newer version: counted and skipped, so that publishers can be updated first.
        case newerVersion(UInt8)
    }

    /// Writes the fixed part.
    func write(to bytes: UnsafeMutableRawBufferPointer) {
        let (high, low) = publisher.words
        bytes.storeBytes(of: Self.magic.bigEndian, toByteOffset: 0, as: UInt32.self)
        bytes[4] = Self.version
        bytes[5] = flags
        bytes.storeBytes(of: UInt16(extensionLength).bigEndian, toByteOffset: 6, as: UInt16.self)
        for (index, word) in [high, low, epoch, sequence, UInt64(bitPattern: collectionTime), publishTime].enumerated()
        {
            bytes.storeBytes(of: word.bigEndian, toByteOffset: 8 + index * 8, as: UInt64.self)
        }
    }

    init(
        flags: UInt8 = 0, extensionLength: Int = 0, publisher: PublisherID, epoch: UInt64, sequence: UInt64,
        collectionTime: Int64,
        publishTime: UInt64
    ) {
        self.flags = flags
        self.extensionLength = extensionLength
        self.publisher = publisher
        self.epoch = epoch
        self.sequence = sequence
        self.collectionTime = collectionTime
        self.publishTime = publishTime
    }

    init(reading bytes: UnsafeRawBufferPointer) throws(DecodingError) {
        guard bytes.count >= 5, UInt32(bigEndian: bytes.loadUnaligned(as: UInt32.self)) == Self.magic else {
            throw .notAHeader
        }
        guard bytes[4] <= Self.version else { throw .newerVersion(bytes[4]) }
        guard bytes[4] == Self.version, bytes.count >= Self.size else { throw .notAHeader }
        extensionLength = Int(UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 6, as: UInt16.self)))
        guard bytes.count == Self.size + extensionLength else { throw .notAHeader }
        func word(_ index: Int) -> UInt64 {
            UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8 + index * 8, as: UInt64.self))
        }
        flags = bytes[5]
        publisher = PublisherID(high: word(0), low: word(1))
        epoch = word(2)
        sequence = word(3)
        collectionTime = Int64(bitPattern: word(4))
        publishTime = word(5)
        // No publisher ever reaches the last number, so a consumer can always add one.
        guard epoch < .max, sequence < .max else { throw .notAHeader }
    }
}
