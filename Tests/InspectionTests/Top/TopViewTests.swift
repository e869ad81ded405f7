import Testing

@testable import Inspection

@Suite struct TopViewTests {
    private var view = TopView()

    private mutating func press(_ keys: TopKey...) -> TopView.Outcome {
        var outcome = TopView.Outcome.nothing
        for key in keys { outcome = view.handle(key) { _ in 5 } }
        return outcome
    }

    @Test mutating func qLeaves() {
        #expect(press(.character("q")) == .quit)
        #expect(press(.character("/"), .character("q")) == .redraw)
        #expect(view.typed == "q")
    }

    @Test mutating func tablesAreChosenByNumberAndInTurn() {
        _ = press(.tab)
        #expect(view.section == .masters)
        _ = press(.character("5"), .tab)
        #expect(view.section == nil)
        _ = press(.backTab)
        #expect(view.section == .messages)
        #expect(press(.character("6")) == .nothing)
    }

    @Test mutating func columnsAreChosenInTurn() {
        _ = press(.character(">"))
        #expect(view.sorts.isEmpty && view.note != nil)
        _ = press(.character("1"), .character(">"))
        #expect(view.sorts == [.masters: TopSort(column: 0)] && view.note == nil)
        _ = press(.left)
        #expect(view.sorts == [.masters: TopSort(column: 4)])
        _ = press(.character("r"))
        #expect(view.sorts == [.masters: TopSort(column: 4, isReversed: true)])
    }

    @Test mutating func aFilterIsTypedAndTaken() {
        _ = press(
            .character("/"), .character("a"), .character("ß"), .backspace, .character(" "), .character("q"), .enter)
        #expect(view.filter == "a q" && view.typed == nil)
        _ = press(.character("/"), .control("u"), .character("x"), .escape)
        #expect(view.filter == "a q")
        _ = press(.escape)
        #expect(view.filter == "")
        _ = press(.character("/"))
        for _ in 0..<1000 { _ = press(.character("x")) }
        #expect(view.typed?.count == 200)
    }

    @Test mutating func theIntervalHasBounds() {
        for _ in 0..<20 { _ = press(.character("+")) }
        #expect(view.interval == .milliseconds(500))
        for _ in 0..<20 { _ = press(.character("-")) }
        #expect(view.interval == .seconds(60))
        _ = press(.character("+"))
        #expect(view.interval == .seconds(30))
    }

    @Test mutating func helpIsShownAndLeft() {
        _ = press(.character("?"))
        #expect(view.isHelpShown)
        _ = press(.escape)
        #expect(!view.isHelpShown)
    }
}

@Suite struct TopKeyTests {
    private var reader = TopKeyReader()

    @Test mutating func sequencesAreKeys() {
        let bytes = "a\u{1B}[A\u{1B}[B\u{1B}OC\u{1B}[5~\u{1B}[6~\u{1B}[H\u{1B}[4~\u{1B}[Z\t\r\u{7F}\u{0C}ß"
        #expect(
            reader.read(bytes.utf8) == [
                .character("a"), .up, .down, .right, .pageUp, .pageDown, .home, .end, .backTab, .tab, .enter,
                .backspace,
                .control("l"), .character("ß"),
            ])
        #expect(!reader.isWaiting)
    }

    /// A terminal's bytes may come one by one.
    @Test mutating func sequencesMayComeInPieces() {
        var keys: [TopKey] = []
        for byte in "\u{1B}[1;5Aé\u{1B}[6~".utf8 { keys += reader.read([byte]) }
        #expect(keys == [.up, .character("é"), .pageDown])
    }

    @Test mutating func escapeAloneIsAKey() {
        #expect(reader.read([0x1B]).isEmpty && reader.isWaiting)
        #expect(reader.flush() == [.escape])
        #expect(reader.read([0x1B, 0x1B]) == [.escape] && reader.flush() == [.escape])
        #expect(reader.read("\u{1B}q".utf8) == [.escape, .character("q")])
    }

    @Test mutating func garbageIsNoKeyAndHasABound() {
        #expect(reader.read([0xFF, 0x80]) == [.other, .other])
        let keys = reader.read("\u{1B}[".utf8 + Array(repeating: UInt8(ascii: "1"), count: 100))
        #expect(keys == [.other] && !reader.isWaiting)
    }
}
