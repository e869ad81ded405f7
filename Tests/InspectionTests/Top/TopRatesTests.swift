import Testing

@testable import Inspection

@Suite struct TopRatesTests {
    private var rates = TopRates()
    private let name = TopRates.Name(owner: "a", what: "lines")

    @Test mutating func aRateNeedsTwoMarks() {
        rates.record(name, 100, at: 0)
        rates.record(name, 100, at: 0)
        #expect(rates.perSecond(name) == nil)
        rates.record(name, 300, at: 4)
        #expect(rates.perSecond(name) == 50)
    }

    @Test mutating func onlyTheLastSecondsCount() {
        for second in 0...100 { rates.record(name, second < 80 ? 0 : Double(second - 80) * 7, at: Double(second)) }
        #expect(rates.perSecond(name) == 7)
        // After a long pause there is still something to compare with.
        rates.record(name, 140, at: 1000)
        #expect(rates.perSecond(name) == 0)
    }

    @Test mutating func aCounterThatFallsBeginsAnew() {
        rates.record(name, 100, at: 0)
        rates.record(name, 5, at: 1)
        #expect(rates.perSecond(name) == nil)
        rates.record(name, 6, at: 2)
        #expect(rates.perSecond(name) == 1)
        rates.record(name, 7, at: 1)
        #expect(rates.perSecond(name) == nil)
        let gauge = TopRates.Name(owner: "a", what: "unread")
        rates.record(gauge, 100, at: 0, isCounter: false)
        rates.record(gauge, 60, at: 2, isCounter: false)
        #expect(rates.perSecond(gauge) == -20)
    }

    @Test mutating func whatIsGoneIsForgotten() {
        rates.record(name, 1, at: 0)
        rates.record(name, 2, at: 1)
        rates.forgetOthers()
        #expect(rates.perSecond(name) == 1)
        rates.forgetOthers()
        #expect(rates.perSecond(name) == nil)
    }
}

@Suite struct TopTableTests {
    private func table(_ cells: [TopCell], isNumber: Bool = true) -> TopTable {
        TopTable(
            columns: [isNumber ? .number("N") : .text("N", width: 4)], rows: cells.map { TopRow(cells: [$0]) },
            empty: "")
    }

    @Test func whatIsUnknownComesLastInEitherOrder() {
        let table = table([.count(nil), .count(3), .count(20), .count(3)])
        #expect(table.sorted(by: TopSort(column: 0)).map { $0.cells[0].text } == ["20", "3", "3", "-"])
        #expect(
            table.sorted(by: TopSort(column: 0, isReversed: true)).map { $0.cells[0].text } == ["3", "3", "20", "-"])
        #expect(table.sorted(by: nil).map { $0.cells[0].text } == ["-", "3", "20", "3"])
        #expect(table.sorted(by: TopSort(column: 7)).count == 4)
    }

    @Test func textsGoByTheAlphabet() {
        let table = table([.text("b"), .text(""), .text("a")], isNumber: false)
        #expect(table.sorted(by: TopSort(column: 0)).map { $0.cells[0].text } == ["a", "b", ""])
        #expect(table.sorted(by: TopSort(column: 0, isReversed: true)).map { $0.cells[0].text } == ["b", "a", ""])
    }
}
