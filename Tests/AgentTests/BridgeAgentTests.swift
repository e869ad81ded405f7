import Delivery
import Diagnosis
import Synchronization
import SystemSupport
import TestSupport
import Testing
import ZMQBridge

@testable import Agent

@Suite(.timeLimit(.minutes(2))) struct BridgeAgentTests {
    @Test func whatIsPublishedJustBeforeTheStopIsDelivered() async throws {
        try await Bus.with { bus in
            let masters = [FakeMaster(), FakeMaster()]
            let links = [try bus.link(to: masters[0], as: "a"), try bus.link(to: masters[1], as: "b")]
            let bridge = bus.bridge(links)
            let contents = (0..<100).map { "\($0)" }
            try await bus.run(bridge) { _ in
                try await eventually { links.allSatisfy(\.isConnected) }
                #expect(bridge.phases == [.running, .running])
                for content in contents { try bus.publish(content) }
            }
            #expect(masters.map(\.contents) == [contents, contents])
            #expect(masters.map(\.isClosed) == [true, true])
            #expect(bridge.phases == [.ended, .ended])
            #expect(phases(of: "a", in: bus.log) == ["draining", "closing", "ended"])
            #expect(bus.log.messages.count { $0 == "Reading for a master has ended." } == 2)
        }
    }

    @Test func aMasterThatHangsEndsAtTheDeadlineAndTheRestWaitsForTheNextStart() async throws {
        try await Bus.with { bus in
            let isCalled = Mutex(false)
            let hanging = FakeMaster.hanging { isCalled.withLock { $0 = true } }
            let link = try bus.link(to: hanging)
            try await bus.run(bus.bridge([link], deadline: .milliseconds(50))) { _ in
                try await eventually { link.isConnected }
                try bus.publish("first", "second")
                try await eventually { isCalled.withLock { $0 } }
            }
            #expect(hanging.contents.isEmpty && hanging.isClosed)
            #expect(link.phase == .ended)
            #expect(bus.log.messages.contains("Envelopes wait in the journal for the next start."))
            let account = try #require(link.reporter.accounts.values.first)
            #expect(account.lanes.map(\.delivered) == [0])

            let master = FakeMaster()
            try await bus.run(bus.bridge([try bus.link(to: master)])) { _ in
                try await eventually { master.contents.count == 2 }
            }
            #expect(master.contents == ["first", "second"])
        }
    }

    @Test func aLinkThatFailsEndsTheOthersInOrderAndIsThrown() async throws {
        try await Bus.with { bus in
            // The publisher's socket has the longest path there may be, so that its replay socket's is too long to connect to.
            let folder = "/" + String(repeating: "x", count: UnixAddress.longestPath - 3)
            let endpoint = try #require(BusEndpoint("ipc://\(folder)/p"))
            let (good, bad) = (FakeMaster(), FakeMaster())
            let links = [try bus.link(to: good, as: "good"), try bus.link(to: bad, as: "bad", endpoint: endpoint)]
            let bridge = bus.bridge(links)
            await #expect(throws: (any Error).self) { try await bridge.run() }
            #expect(bridge.phases == [.ended, .ended])
            #expect(good.isClosed && bad.isClosed)
            #expect(phases(of: "good", in: bus.log) == ["draining", "closing", "ended"])
        }
    }

    @Test func withoutMastersItWaitsForTheStop() async throws {
        try await Bus.with { bus in
            let events = Mutex<[String]>([])
            let bridge = bus.bridge([])
            async let running: Void = {
                try await bridge.run()
                events.withLock { $0.append("ended") }
            }()
            for _ in 0..<100 { await Task.yield() }
            events.withLock { $0.append("stopped") }
            bridge.stop()
            try await running
            #expect(events.withLock { $0 } == ["stopped", "ended"])
        }
    }

    /// So it is when another service of the process fails.
    @Test func aCancelledBridgeStillDeliversWhatItHolds() async throws {
        try await Bus.with { bus in
            let master = FakeMaster()
            let link = try bus.link(to: master)
            let bridge = bus.bridge([link])
            let running = Task { try await bridge.run() }
            try await eventually { link.isConnected }
            try bus.publish("last")
            running.cancel()
            try await running.value
            #expect(master.contents == ["last"])
            #expect(link.phase == .ended)
        }
    }

    @Test func aMasterOfAnotherJobKeepsItsLinkUntilTheStop() async throws {
        try await Bus.with { bus in
            let master = FakeMaster { _ in ReportError(code: .wrongJob, message: "job b") }
            let link = try bus.link(to: master)
            try await bus.run(bus.bridge([link])) { _ in
                try bus.publish("for job a")
                try await eventually { master.isClosed }
                #expect(link.phase == .running)
            }
            #expect(link.phase == .ended)
            #expect(master.contents.isEmpty)
        }
    }

    @Test func aLinkThatIsStoppedBeforeItRunsDrainsAtOnce() async throws {
        try await Bus.with { bus in
            let link = try bus.link(to: FakeMaster())
            link.stop()
            try await link.run(deadline: .seconds(50), requestBeat: nil) {}
            #expect(link.phase == .ended)
        }
    }

    @Test func linksComeAndGoWhileOthersGoOn() async throws {
        try await Bus.with { bus in
            let (stays, comes) = (FakeMaster(), FakeMaster())
            let link = try bus.link(to: stays, as: "stays")
            let bridge = bus.bridge([link])
            try await bus.run(bridge) { _ in
                try await eventually { link.isConnected }
                #expect(bridge.begin(try bus.link(to: comes, as: "comes")))
                try bus.publish("1")
                try await eventually { comes.contents == ["1"] && stays.contents == ["1"] }
                #expect(await bridge.end("comes", .draining))
                #expect(comes.isClosed && bridge.masters == ["stays"])
                try bus.publish("2")
                try await eventually { stays.contents == ["1", "2"] }
                #expect(link.phase == .running)
                // Its ledger is free again, and says where it goes on.
                let again = FakeMaster()
                #expect(bridge.begin(try bus.link(to: again, as: "comes")))
                try await eventually { again.contents == ["2"] }
            }
            #expect(comes.contents == ["1"] && stays.contents == ["1", "2"])
            #expect(!bridge.begin(link))
        }
    }

    @Test func aLinkThatEndsAtOnceFinishesItsCallAndBeginsNoOther() async throws {
        try await Bus.with { bus in
            let isCalled = Mutex(false)
            let mayAnswer = Mutex(false)
            let slow = FakeMaster { _ in
                isCalled.withLock { $0 = true }
                while !mayAnswer.withLock({ $0 }) { await Task.yield() }
                return nil
            }
            let bridge = bus.bridge([try bus.link(to: slow)])
            try await bus.run(bridge) { _ in
                try bus.publish("1")
                try await eventually { isCalled.withLock { $0 } }
                try bus.publish("2")
                async let hasEnded = bridge.end("m", .atOnce)
                mayAnswer.withLock { $0 = true }
                #expect(await hasEnded)
                #expect(slow.contents.first == "1" && slow.isClosed)
                let next = FakeMaster()
                #expect(bridge.begin(try bus.link(to: next)))
                try await eventually { slow.contents + next.contents == ["1", "2"] }
            }
        }
    }

    @Test func publishersForgetAMasterThatIsNoLongerSet() async throws {
        try await Bus.with { bus in
            let old = FakeMaster()
            try await bus.run(bus.bridge([try bus.link(to: old, as: "old")])) { _ in
                try bus.publish("one")
                try await eventually { old.contents == ["one"] }
            }
            let inspection = PublisherInspection(bus.publisher.directory)
            try await eventually { try await inspection.ask()?.consumers.map(\.account.consumer) == ["old"] }
            try await bus.run(bus.bridge([])) { _ in
                try await eventually { try await inspection.ask()?.consumers.isEmpty == true }
            }
            #expect(
                bus.log.lines.contains(
                    "notice A master is no longer in the settings; its cursor is kept, but the journal retains nothing for it. master=old"
                ))
        }
    }

    private func phases(of master: String, in log: LogCapture) -> [String] {
        log.lines.compactMap { line in
            let parts = line.split(separator: " ")
            guard parts.contains("master=\(master)"), let phase = parts.first(where: { $0.hasPrefix("phase=") }) else {
                return nil
            }
            return String(phase.dropFirst("phase=".count))
        }
    }
}
