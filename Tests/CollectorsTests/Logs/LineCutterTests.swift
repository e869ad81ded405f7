@testable import Collectors
import Testing

@Suite(.timeLimit(.minutes(1))) struct LineCutterTests {
    @Test(arguments: [
        ("", LineCutter.Cut.incomplete),
        ("abc", .incomplete),
        ("\n", .lines(byteCount: 1, lineCount: 1)),
        ("a\nb\nc", .lines(byteCount: 4, lineCount: 2)),
        ("aaaa\nbbb\n", .lines(byteCount: 9, lineCount: 2)),
        ("aaaa\nbbbb\n", .lines(byteCount: 5, lineCount: 1)),
        ("aaaaaaaa\nb\n", .lines(byteCount: 9, lineCount: 1)),
        ("aaaaaaaaaaaa\nb\n", .lines(byteCount: 13, lineCount: 1)),
        ("aaaaaaaaaaaa", .incomplete),
        ("aaaaaaaaaaaaa", .piece(byteCount: 12)),
        ("aaaaaaaaaaaaa\n", .piece(byteCount: 12)),
        ("a\naaaaaaaaaaaaa\n", .lines(byteCount: 2, lineCount: 1)),
        ("aaaaaaaaaaa训训\n", .piece(byteCount: 11)),
        ("\n\n\n\n\n\n\n\n\n\n", .lines(byteCount: 9, lineCount: 9)),
    ])
    func cutsWholeLinesOfUpTo8AndPiecesOf12(text: String, cut: LineCutter.Cut) {
        var cutter = LineCutter(chunkBytes: 8, maxLineBytes: 12)
        let found = Array(text.utf8).withUnsafeBytes { cutter.cut($0) }
        #expect(found == cut)
    }

    @Test func findsTheNewlineThatComesAfterASearchInVain() {
        var cutter = LineCutter(chunkBytes: 8, maxLineBytes: 12)
        let texts = ["aaaa", "aaaa\n"].map { text in Array(text.utf8).withUnsafeBytes { cutter.cut($0) } }
        #expect(texts == [.incomplete, .lines(byteCount: 5, lineCount: 1)])
        cutter.reset()
        let next = Array("\n".utf8).withUnsafeBytes { cutter.cut($0) }
        #expect(next == .lines(byteCount: 1, lineCount: 1))
    }
}
