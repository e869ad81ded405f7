import CZeroMQ
import Diagnosis
import Foundation
import Journal
import Synchronization
import Testing
import TestSupport

@testable import ZMQBridge

@Suite(.timeLimit(.minutes(1))) struct ReplayTests {
    @Test func aLateConsumerGetsEverythingFromTheOldest() async throws {
        let scratch = ScratchFolder()
        let publisher = try await MetricPublisher.open(in: scratch.stateDirectory())
        let received = Received { _ in .oldest }
        try await withBeat(of: publisher) {
            for index in 0..<5000 { try publisher.publish([.log("\(index)", rank: index % 3)]) }
            try await withSubscriber([BusEndpoint(publisher.directory)], received: received) { subscriber, _ in
                await subscriber.catchUp(with: publisher)
                for index in 5000..<6000 { try publisher.publish([.log("\(index)", rank: index % 3)]) }
                await subscriber.catchUp(with: publisher)
                #expect((received.contents == (0..<6000).map { "\($0)" }) as Bool)
                #expect(received.gaps.isEmpty)
                #expect(received.starts[received.all[0].lane] == LanePosition(epoch: publisher.epoch, sequence: 0))
            }
        }
    }

    @Test func originsComeLiveAndReplayed() async throws {
        let scratch = ScratchFolder()
        let publisher = try await MetricPublisher.open(in: scratch.stateDirectory())
        var metrics = (0..<4).map { WorkerTrainingMetric.log("line \($0)") }
        for index in [1, 2] {
            metrics[index].origin = MetricOrigin(
                path: "/tmp/a\"\n\(index)", device: 1, inode: .max, firstOffset: 10, endOffset: 20, lines: index)
        }
        metrics[2].origin?.isShed = true
        try await withBeat(of: publisher) {
            try publisher.publish(metrics)
            let oldest = Received { _ in .oldest }
            try await withSubscriber([BusEndpoint(publisher.directory)], received: oldest) { subscriber, received in
                await subscriber.catchUp(with: publisher)
                try publisher.publish(metrics)
                await subscriber.catchUp(with: publisher)
                #expect(received.all.map(\.origin) == (metrics + metrics).map(\.origin))
                #expect(received.all.map(\.isShed) == (metrics + metrics).map { $0.origin?.isShed ?? false })
                #expect(received.contents == (metrics + metrics).map(\.dataContent))
            }
        }
    }

    @Test func beginsWhereItIsTold() async throws {
        let scratch = ScratchFolder()
        let publisher = try await MetricPublisher.open(in: scratch.stateDirectory())
        let epoch = publisher.epoch
        try await withBeat(of: publisher) {
            for index in 1...100 {
                var metric = WorkerTrainingMetric.log("\(index)")
                metric.timestamp = Int64(1000 + index)
                try publisher.publish([metric])
            }
            let cases: [(StreamStart, Int)] = [
                (.oldest, 1), (.last(7), 94), (.last(1000), 1), (.since(1050), 50), (.since(9999), 101),
                (.after(LanePosition(epoch: epoch, sequence: 42)), 43), (.now, 101),
            ]
            for (start, first) in cases {
                let received = Received { _ in start }
                try await withSubscriber([BusEndpoint(publisher.directory)], received: received) { subscriber, _ in
                    await subscriber.catchUp(with: publisher)
                    #expect(received.contents == (first..<101).map { "\($0)" }, "\(start)")
                }
            }
        }
    }

    @Test func aConsumerWithoutRoomLetsGoAndCatchesUp() async throws {
        let scratch = ScratchFolder()
        let publisher = try await MetricPublisher.open(in: scratch.stateDirectory())
        let hasMetOther = Atomic(false)
        let received = Received { lane in
            if lane.dataType == .generic { hasMetOther.store(true, ordering: .relaxed) }
            return .oldest
        }
        let stacks = DiagnosisDataType.stackTrace
        try await withBeat(of: publisher) {
            try await withSubscriber([BusEndpoint(publisher.directory)], received: received) { subscriber, _ in
                try publisher.publish([.log("0")])
                await subscriber.catchUp(with: publisher)
                received.room = 0
                let padding = String(repeating: "x", count: 10_000)
                for index in 1..<1000 { try publisher.publish([.log("\(index) \(padding)")]) }
                // The beat that tells of another lane comes after all these logs: by then the subscriber has let go of them.
                try publisher.publish([
                    WorkerTrainingMetric(dataType: .generic, dataContent: "g", node: NodeIdentity())
                ])
                try await eventually { hasMetOther.load(ordering: .relaxed) }
                #expect(received.all.count == 1)
                received.room = 100_000
                subscriber.roomChanged()
                try publisher.publish([WorkerTrainingMetric(dataType: stacks, dataContent: "s", node: NodeIdentity())])
                await subscriber.catchUp(with: publisher)
                let logs = received.all.filter { $0.lane.dataType == .trainingLog }
                #expect((logs.map { $0.content.split(separator: " ")[0] } == (0..<1000).map { "\($0)" }) as Bool)
                #expect(received.gaps.isEmpty)
            }
        }
    }

    @Test func whatWasEvictedIsStatedWithItsCount() async throws {
        let scratch = ScratchFolder()
        var configuration = PublisherConfiguration()
        configuration.journal = JournalConfiguration(segmentBytes: 64 << 10, totalBytes: 512 << 10)
        let directory = try scratch.stateDirectory()
        let padding = String(repeating: "x", count: 1000)
        var last = LanePosition(epoch: 0, sequence: 0)
        for run in 0..<3 {
            let publisher = try await MetricPublisher.open(in: directory, configuration: configuration)
            try await withBeat(of: publisher) {
                for index in 0..<1000 { try publisher.publish([.log("\(run).\(index) \(padding)")]) }
                last = LanePosition(epoch: publisher.epoch, sequence: 1000)
            }
        }
        let publisher = try await MetricPublisher.open(in: directory, configuration: configuration)
        try await withBeat(of: publisher) {
            // A cursor from before everything that is left.
            let received = Received { _ in .after(LanePosition(epoch: 1, sequence: 0)) }
            try await withSubscriber([BusEndpoint(publisher.directory)], received: received) { subscriber, _ in
                await subscriber.catchUp(with: publisher)
                let gone = received.gaps.reduce(0) { $0 + $1.count }
                #expect(received.gaps.allSatisfy { $0.reason == .evicted })
                #expect(gone + UInt64(received.all.count) == 3000)
                #expect(gone > 0 && received.all.count > 300)
                #expect(received.all.last.map { LanePosition(epoch: $0.epoch, sequence: $0.sequence) } == last)
            }
        }
    }

    @Test func whatTheJournalNeverHadIsStatedAsVolatile() async throws {
        let scratch = ScratchFolder()
        let directory = try scratch.stateDirectory()
        let publisher = try await MetricPublisher.open(in: directory)
        try await withBeat(of: publisher) {
            try publisher.publish([.log("1")])
            // A file where the lane's next segment should be made; the present one is sealed by the failure.
            let lane = directory.journalDirectory + "/GENERIC"
            try Data().write(to: URL(fileURLWithPath: lane))
            func generic(_ content: String) -> WorkerTrainingMetric {
                WorkerTrainingMetric(dataType: .generic, dataContent: content, node: NodeIdentity())
            }
            let live = Received { _ in .now }
            try await withSubscriber([BusEndpoint(directory)], received: live) { subscriber, _ in
                try publisher.publish([generic("a")])
                await subscriber.catchUp(with: publisher)
                try publisher.publish([generic("b"), generic("c")])
                // With a position the caller keeps it.
                let error = #expect(throws: ReportError.self) {
                    try publisher.publish([generic("x")], position: SourcePosition(key: "k", bytes: [1]))
                }
                #expect(error?.code == .storage)
                #expect(await publisher.lastPosition(of: "k") == nil)
                try FileManager.default.removeItem(atPath: lane)
                try publisher.publish([generic("d")], position: SourcePosition(key: "k", bytes: [2]))
                await subscriber.catchUp(with: publisher)
                #expect(live.contents.suffix(3) == ["b", "c", "d"])
            }
            #expect(await publisher.lastPosition(of: "k")?.bytes == [2])
            let late = Received { lane in lane.dataType == .generic ? .after(LanePosition(epoch: 0, sequence: 0)) : nil
            }
            try await withSubscriber([BusEndpoint(directory)], received: late) { subscriber, _ in
                await subscriber.catchUp(with: publisher)
                #expect(late.contents == ["d"])
                #expect(late.gaps.map(\.count) == [3])
                #expect(late.gaps.map(\.reason) == [.volatile])
            }
        }
    }

    @Test func cursorsAreKeptAndTheAccountBalances() async throws {
        let scratch = ScratchFolder()
        let directory = try scratch.stateDirectory()
        var epoch: UInt64 = 0
        do {
            let publisher = try await MetricPublisher.open(in: directory)
            epoch = publisher.epoch
            try await withBeat(of: publisher) {
                for index in 0..<10 { try publisher.publish([.log("\(index)")]) }
                try await withSubscriber([BusEndpoint(directory)], consumer: "mine") { subscriber, _ in
                    var lane = ConsumerAccount.Lane(
                        dataType: .trainingLog, through: LanePosition(epoch: epoch, sequence: 4))
                    lane.origin = LanePosition(epoch: epoch, sequence: 0)
                    lane.delivered = 4
                    subscriber.commit(ConsumerAccount(consumer: "mine", lanes: [lane]), to: publisher.id)
                    try await eventually {
                        try publisher.state.status().consumers.first?.account.lanes.isEmpty == false
                    }
                }
            }
        }
        let publisher = try await MetricPublisher.open(in: directory)
        try publisher.publish([.log("next run")])
        publisher.state.recordNewest(publisher.newest)
        let status = try publisher.state.status()
        let consumer = try #require(status.consumers.first)
        #expect(consumer.account.consumer == "mine")
        #expect(consumer.lanes[0].produced == 11)
        #expect(consumer.lanes[0].pending == 7)
        #expect(status.lanes[0].first == LanePosition(epoch: epoch, sequence: 1))
        #expect(status.lanes[0].produced == 11)
    }

    @Test func manyReportersShareTheSyncsOfPowerLoss() async throws {
        let scratch = ScratchFolder()
        var configuration = PublisherConfiguration()
        configuration.journal.durability = .powerLoss
        let publisher = try await MetricPublisher.open(in: scratch.stateDirectory(), configuration: configuration)
        let received = Received { _ in .oldest }
        try await withBeat(of: publisher) {
            try await withThrowingTaskGroup { group in
                for task in 0..<8 {
                    group.addTask {
                        for index in 0..<20 {
                            let position = SourcePosition(key: "\(task)", bytes: [UInt8(index)])
                            try await publisher.reportDiagnosisAgentMetrics(
                                [.log("\(task) \(index)")], position: position)
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(await publisher.lastPosition(of: "7")?.bytes == [19])
            try await withSubscriber([BusEndpoint(publisher.directory)], received: received) { subscriber, _ in
                await subscriber.catchUp(with: publisher)
                #expect(received.all.map(\.sequence) == Array(1...160))
                for task in 0..<8 {
                    let own = received.contents.filter { $0.hasPrefix("\(task) ") }
                    #expect(own == (0..<20).map { "\(task) \($0)" })
                }
            }
        }
    }

    @Test func aRequestThatMakesNoSenseIsAnswered() async throws {
        let scratch = ScratchFolder()
        let publisher = try await MetricPublisher.open(in: scratch.stateDirectory())
        try await withBeat(of: publisher) {
            let socket = try ZMQSocket(.dealer, in: ZMQContext())
            try socket.set(ZMQ_LINGER, Int32(0))
            try socket.connect("ipc://" + publisher.directory.replaySocket)
            let requests = [
                #"{"#, #"{"op":"dance"}"#, #"{"op":"replay"}"#, #"{"op":"replay","data_type":"A/B"}"#,
                #"{"op":"commit"}"#,
                #"{"op":"commit","consumer":""}"#, #"{"op":"forget","consumer":"nobody"}"#,
                #"{"op":"replay","data_type":"A","after":[1]}"#, #"{"op":"replay","data_type":"A","after":[1,2,3]}"#,
            ]
            for request in requests {
                _ = try socket.send([Array("7".utf8), [], Array(request.utf8)])
                var answer: [[UInt8]]?
                try await eventually {
                    answer = try socket.receiveMessage()
                    return answer != nil
                }
                let frames = try #require(answer)
                #expect(frames.count == 5 && frames[0] == Array("7".utf8) && frames[1].isEmpty, "\(request)")
                #expect(frames[2] == Topic.error, "\(request)")
            }
            _ = try socket.send([[1, 2, 3]])
            _ = try socket.send([[], [], []])
        }
    }
}
