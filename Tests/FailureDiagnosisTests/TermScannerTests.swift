import TestSupport
import Testing

@testable import FailureDiagnosis

@Suite struct TermScannerTests {
    private static let words = [
        "loss nan", "loss:nan", "Loss NaN", "OSS N", "abcd", "abcdabcd", "cdab", "xid", "a", "NCCL WARN",
        "nccl warn closed",
    ]

    /// Each occurrence of each text is found, as searching at every position does.
    @Test(arguments: 0..<200 as Range<UInt64>) func findsWhatSearchingEverywhereFinds(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let terms = Self.words.shuffled(using: &random).prefix(Int.random(in: 1...Self.words.count, using: &random)).map
        {
            TermScanner.Term(bytes: Array($0.utf8), ignoresCase: Bool.random(using: &random))
        }
        var text: [UInt8] = []
        for _ in 0..<Int.random(in: 0...40, using: &random) {
            switch Int.random(in: 0..<3, using: &random) {
            case 0: text += (Self.words.randomElement(using: &random) ?? "").utf8
            case 1: text += (Self.words.randomElement(using: &random) ?? "").uppercased().utf8.dropFirst()
            default: text.append("abcd nloss:NaWR".utf8.randomElement(using: &random) ?? 0)
            }
        }
        var found: Set<[Int]> = []
        text.withUnsafeBytes { bytes in
            TermScanner(terms).scan(bytes) { term, position in
                found.insert([term, position])
                return nil
            }
        }
        var expected: Set<[Int]> = []
        text.withUnsafeBytes { bytes in
            for (index, term) in terms.enumerated() where term.bytes.count <= bytes.count {
                for start in 0...(bytes.count - term.bytes.count)
                where ByteText.matches(term.bytes, bytes, at: start, ignoresCase: term.ignoresCase) {
                    expected.insert([index, start])
                }
            }
        }
        #expect(found == expected)
    }
}
