import Testing

@testable import Journal

@Suite struct ChecksumTests {
    /// RFC 3720, appendix B.4, and the check value of CRC-32C.
    static let known: [(bytes: [UInt8], checksum: UInt32)] = [
        ([UInt8](repeating: 0, count: 32), 0x8A91_36AA),
        ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43),
        ([UInt8](0..<32), 0x46DD_794E),
        ([UInt8]((0..<32).reversed()), 0x113F_DB5C),
        ([UInt8]("123456789".utf8), 0xE306_9283),
        ([], 0),
    ]

    @Test(arguments: known)
    func knownChecksums(bytes: [UInt8], checksum: UInt32) {
        bytes.withUnsafeBytes {
            #expect(CRC32C.of($0) == checksum)
            #expect(CRC32C.byTable($0) == checksum)
        }
    }

    @Test func theInstructionAndTheTableAgree() {
        var random = SystemRandomNumberGenerator()
        let bytes = (0..<4096).map { _ in UInt8.random(in: 0...255, using: &random) }
        bytes.withUnsafeBytes { all in
            for _ in 0..<2000 {
                let start = Int.random(in: 0..<64)
                let part = UnsafeRawBufferPointer(rebasing: all[start..<Int.random(in: start...all.count)])
                let before = UInt32.random(in: 0 ... .max)
                #expect(CRC32C.of(part, continuing: before) == CRC32C.byTable(part, continuing: before))
            }
        }
    }
}
