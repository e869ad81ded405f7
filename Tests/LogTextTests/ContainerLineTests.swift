internal import LogText
internal import TestSupport
internal import Testing

struct ContainerLineTests {
    @Test(arguments: [
        ("2026-11-28T10:00:00.5Z stderr F text", "text", "stderr", false),
        ("2026-11-28T10:00:00.5Z stdout P te xt", "te xt", "stdout", true),
        ("2026-11-28T10:00:00.5Z stdout P:x:y text", "text", "stdout", true),
        ("2026-11-28T18:00:00.5+08:00 stdout F ", "", "stdout", false),
        (#"{"log":"text\n","stream":"stderr","time":"2026-11-28T10:00:00.5Z"}"#, "text", "stderr", false),
        (#"{"time":"2026-11-28T10:00:00.5Z","stream":"stdout","log":"text"}"#, "text", "stdout", true),
        (
            #"{"log":"a\"\\\u00e9\ud83d\ude00\u003c\n","stream":"stdout","attrs":{"tag":"x"},"time":"2026-11-28T10:00:00.5Z"}"#,
            "a\"\\é😀<", "stdout", false
        ),
    ])
    func lineIsRead(text: String, payload: String, stream: String, isPartial: Bool) throws {
        let line = try #require(Array(text.utf8).withUnsafeBytes { ContainerLine($0) })
        #expect(String(decoding: line.payload, as: UTF8.self) == payload)
        #expect(line.stream == stream)
        #expect(line.isPartial == isPartial)
        #expect(line.time == 1_795_860_000.5)
    }

    @Test(arguments: [
        "", "step 100 loss 2.31", "2026-11-28T10:00:00.5Z INFO a line of a program", #"{"log":"x","level":"info"}"#,
        "2026-11-28T10:00:00.5Z stderr FX text", "2026-11-28 10:00:00.123456 stderr F text",
        #"{"log":"\q","stream":"stderr","time":"2026-11-28T10:00:00.5Z"}"#,
        #"{"log":"text","stream":"stderr","time":"2026-11-28T10:00:00.5Z"} x"#,
    ])
    func otherLineIsNone(text: String) {
        #expect(Array(text.utf8).withUnsafeBytes { ContainerLine($0) } == nil)
    }

    @Test func changedBytesDoNotCrash() {
        var random = SeededGenerator(seed: 1)
        let texts = [
            "2026-11-28T10:00:00.5Z stderr P:x text",
            #"{"log":"a\ud83d\ude00\n","stream":"stderr","attrs":{"a":"b"},"time":"2026-11-28T10:00:00.5Z"}"#,
        ]
        for _ in 0..<20_000 {
            var bytes = Array(texts[Int.random(in: 0...1, using: &random)].utf8)
            for _ in 0..<Int.random(in: 0...4, using: &random) {
                bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random))
            let line = bytes.withUnsafeBytes { ContainerLine($0) }
            #expect((line?.payload.count ?? 0) <= bytes.count)
        }
    }
}
