import TestSupport
import Testing

@testable import Diagnosis

@Suite struct OriginTextTests {
    private static func origin(_ random: inout SeededGenerator) -> MetricOrigin {
        func word(_ random: inout SeededGenerator) -> String {
            String(
                (0..<Int.random(in: 0...6, using: &random)).map { _ in
                    "ab/. \"\\é\n1".randomElement(using: &random) ?? "x"
                })
        }
        func number(_ random: inout SeededGenerator) -> UInt64 {
            UInt64.random(in: 0...(.max), using: &random) >> UInt64.random(in: 0..<64, using: &random)
        }
        var origin = MetricOrigin(
            path: "/" + word(&random), device: number(&random), inode: number(&random), firstOffset: number(&random),
            endOffset: number(&random), lines: Int(clamping: number(&random)))
        let chance = { (random: inout SeededGenerator) in Bool.random(using: &random) }
        if chance(&random) { origin.firstTime = Double.random(in: -1e3...2e9, using: &random) }
        if chance(&random) { origin.lastTime = Double.random(in: 0...1e12, using: &random) }
        if chance(&random) { origin.run = word(&random) }
        if chance(&random) { origin.attempt = Int(clamping: number(&random)) }
        if chance(&random) { origin.localRank = Int.random(in: -1...8, using: &random) }
        if chance(&random) { origin.stream = "stdout" }
        if chance(&random) { origin.streams = "stdout 3, stderr 1" }
        origin.isShed = chance(&random)
        return origin
    }

    /// Whatever bytes are recognized, reading and writing them anew gives the same.
    @Test(arguments: 0..<200 as Range<UInt64>) func whatIsRecognizedIsAsItWouldBeWritten(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let written = Self.origin(&random).json
        #expect(MetricOrigin.rewritten(written[...]).map(Array.init) == MetricOrigin(json: written)?.json)
        for _ in 0..<50 {
            var changed = written
            let place = Int.random(in: 0..<changed.count, using: &random)
            switch Int.random(in: 0..<3, using: &random) {
            case 0: changed.remove(at: place)
            case 1: changed[place] = Array("0-19.\"\\ ,}".utf8).randomElement(using: &random) ?? 0
            default: changed.insert(Array("0-19.\" e".utf8).randomElement(using: &random) ?? 0, at: place)
            }
            guard OriginText.isCanonical(changed[...]) else { continue }
            #expect(MetricOrigin(json: changed)?.json == changed, "\(String(decoding: changed, as: UTF8.self))")
        }
    }

    @Test func anOrdinaryOriginIsRecognized() {
        var origin = MetricOrigin(
            path: "/var/log/train.log", device: 2049, inode: 131, firstOffset: 0, endOffset: 65_400, lines: 327)
        #expect(OriginText.isCanonical(origin.json[...]))
        origin.firstTime = 1_795_989_616.5
        origin.lastTime = 1_795_989_617
        #expect(OriginText.isCanonical(origin.json[...]))
    }

    @Test func anotherFormIsWrittenAnew() {
        let other = Array(#"{"path":"/l","first_offset":1,"end_offset":2,"new":3}"#.utf8)
        #expect(!OriginText.isCanonical(other[...]))
        #expect(MetricOrigin.rewritten(other[...]).map(Array.init) == MetricOrigin(json: other)?.json)
        #expect(MetricOrigin.rewritten([]) == nil)
    }
}
