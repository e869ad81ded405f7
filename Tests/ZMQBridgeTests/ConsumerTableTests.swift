import Diagnosis
import Foundation
import Testing

@testable import ZMQBridge

@Suite struct ConsumerTableTests {
    private func account(_ name: String, isOfReporter: Bool = false, bytes: Int = 0) -> ConsumerAccount {
        var state = isOfReporter ? ["started_at": "2026-11-29T18:00:00Z"] : [:]
        if bytes > 0 { state["note"] = String(repeating: "x", count: bytes) }
        return ConsumerAccount(consumer: name, state: state)
    }

    /// Says an account; answers why it is refused.
    private func say(
        _ account: ConsumerAccount, to table: inout ConsumerTable, now: Int64, _ places: ConsumerPlaces
    ) -> String? {
        let refusal = table.makeRoom(for: account, now: now, in: places)
        if refusal == nil { table.set(.init(account: account, heard: now)) }
        return refusal
    }

    private func names(_ table: ConsumerTable) -> [String] { table.sorted.map(\.account.consumer) }

    @Test func aConsumerTooManyIsRefused() {
        var table = ConsumerTable()
        let places = ConsumerPlaces(most: 3)
        for name in ["0", "1", "2"] { #expect(say(account(name), to: &table, now: 0, places) == nil) }
        let refusal = say(account("3"), to: &table, now: 9_999, places)
        #expect(refusal?.contains("there are 3 named consumers already, as many as publisher.consumers") == true)
        #expect(say(account("2"), to: &table, now: 1, places) == nil)
        #expect(table.remove("0") && !table.remove("0"))
        #expect(say(account("3"), to: &table, now: 1, places) == nil)
    }

    @Test func theMastersPlacesAreKept() {
        var table = ConsumerTable()
        let places = ConsumerPlaces(most: 3, masters: [ConsumerName("m"), ConsumerName("n")])
        #expect(say(account("a"), to: &table, now: 0, places) == nil)
        let refusal = say(account("b"), to: &table, now: 0, places)
        #expect(refusal?.contains("3 named consumers already (2 of them are this agent's masters)") == true)
        for name in ["m", "n", "m"] { #expect(say(account(name), to: &table, now: 0, places) == nil) }
        #expect(names(table) == ["a", "m", "n"])
    }

    @Test func whoWasThereBeforeTheMasterGivesWayToIt() {
        var table = ConsumerTable()
        for (heard, name) in ["b", "a", "c"].enumerated() {
            #expect(say(account(name), to: &table, now: Int64(heard), ConsumerPlaces(most: 3)) == nil)
        }
        let places = ConsumerPlaces(most: 3, masters: [ConsumerName("m")])
        #expect(say(account("m"), to: &table, now: 3, places) == nil)
        #expect(names(table) == ["a", "c", "m"])
    }

    @Test func aReporterOfAnotherProcessTakesThePlaceOfWhoWasSilentForAMinute() {
        var table = ConsumerTable()
        let places = ConsumerPlaces(most: 2)
        #expect(say(account("reporter", isOfReporter: true), to: &table, now: 0, places) == nil)
        #expect(say(account("stranger"), to: &table, now: 1, places) == nil)
        #expect(say(account("m", isOfReporter: true), to: &table, now: 60, places) != nil)
        #expect(say(account("other"), to: &table, now: 500, places) != nil)
        #expect(names(table) == ["reporter", "stranger"])
        #expect(say(account("m", isOfReporter: true), to: &table, now: 61, places) == nil)
        #expect(names(table) == ["m", "reporter"])
    }

    @Test func allAccountsTogetherAreBounded() {
        var table = ConsumerTable()
        let places = ConsumerPlaces(mostWeight: 4 << 20, masters: [ConsumerName("m")])
        var taken = 0
        while say(account("\(taken)", bytes: 2000), to: &table, now: 0, places) == nil { taken += 1 }
        #expect((1500...2000).contains(taken) && table.weight <= 4 << 20)
        let refusal = say(account("x", bytes: 2000), to: &table, now: 0, places)
        #expect(refusal?.contains("may take 4 MiB together") == true)
        // What needs no more room is taken, and so is a master.
        #expect(say(account("7", bytes: 2000), to: &table, now: 1, places) == nil)
        #expect(say(account("7", bytes: 4000), to: &table, now: 1, places) != nil)
        #expect(say(account("m", bytes: 100_000), to: &table, now: 0, places) == nil)
        #expect(say(account("7", bytes: 10), to: &table, now: 1, places) == nil)
        #expect(say(account("x", bytes: 1000), to: &table, now: 0, places) == nil)
        // A reporter finds room where others have fallen silent.
        #expect(say(account("r", isOfReporter: true, bytes: 9000), to: &table, now: 59, places) != nil)
        #expect(say(account("r", isOfReporter: true, bytes: 9000), to: &table, now: 60, places) == nil)
        #expect(table.count >= taken - 5)
        table.fit(ConsumerPlaces(mostWeight: 20_000, masters: [ConsumerName("m")]))
        #expect(names(table).contains("m") && names(table).contains("r"))
        #expect(table.weight - account("m", bytes: 100_000).weight <= 20_000)
    }

    /// Nothing takes less as JSON, or much less in memory.
    @Test func theWeightIsNoLessThanTheJSON() throws {
        var lane = ConsumerAccount.Lane(
            dataType: DiagnosisDataType(rawValue: String(repeating: "L", count: 64)),
            through: LanePosition(epoch: .max - 1, sequence: .max - 1))
        (lane.origin, lane.ahead, lane.delivered) = (lane.through, .max, .max)
        lane.lost = Dictionary(
            uniqueKeysWithValues: (0..<64).map { ("\($0)" + String(repeating: "/", count: 60), .max) })
        (lane.skipped, lane.changed) = (lane.lost, lane.lost)
        var account = ConsumerAccount(consumer: String(repeating: "\"", count: 256), lanes: [lane, lane])
        for index in 0..<32 { account.state["\(index)"] = String(repeating: "\u{1}", count: 2048) }
        #expect(try account.weight >= JSONEncoder().encode(account).count)
        account = ConsumerAccount(consumer: "c", lanes: [.init(dataType: .generic, through: lane.through)])
        #expect(try account.weight >= JSONEncoder().encode(account).count)
    }

    @Test func namesAreComparedAsBytes() throws {
        var table = ConsumerTable()
        let alike = ["caf\u{E9}", "cafe\u{301}", "cafe"]
        for (heard, name) in alike.enumerated() {
            #expect(say(account(name), to: &table, now: Int64(heard), ConsumerPlaces(most: 3)) == nil)
        }
        #expect(table.count == 3)
        let again = try JSONDecoder().decode(ConsumerTable.self, from: JSONEncoder().encode(table))
        #expect(again == table)
        #expect(alike.map { again[$0]?.heard } == [0, 1, 2])
        #expect(table.remove(alike[0]) && table.count == 2 && table[alike[1]] != nil)
    }

    @Test func whoIsRefusedIsTold() {
        var refused = RefusedAccounts()
        func refusal(_ name: String, _ time: Int64, isMaster: Bool = false) -> PublisherStatus.Refusal {
            .init(consumer: name, reason: "no room", time: time, isMaster: isMaster)
        }
        for number in 0..<200 { refused.record(refusal("\(number)", 10), isExpected: false) }
        #expect(refused.current(now: 10).count == 64)
        refused.record(refusal("m", 11, isMaster: true), isExpected: true)
        #expect(refused.current(now: 11).count == 64 && refused.current(now: 26).map(\.consumer) == ["m"])
        for number in 0..<200 { refused.record(refusal("\(number)", 11), isExpected: true) }
        #expect(refused.current(now: 11).count == 64 && refused.current(now: 11).contains { $0.consumer == "m" })
        refused.record(refusal("n", 11, isMaster: true), isExpected: true)
        #expect(refused.current(now: 11).filter(\.isMaster).map(\.consumer) == ["m", "n"])
        refused.record(refusal("late", 30), isExpected: false)
        #expect(refused.current(now: 30).map(\.consumer) == ["late"])
        refused.remove("late")
        #expect(refused.current(now: 30) == [])
    }
}
