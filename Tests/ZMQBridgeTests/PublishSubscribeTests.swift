import CZeroMQ
import Diagnosis
import Foundation
import Testing
import TestSupport

@testable import ZMQBridge

@Suite(.timeLimit(.minutes(1))) struct PublishSubscribeTests {
    @Test(arguments: [false, true]) func everyConsumerGetsEverythingInOrder(isWithin: Bool) async throws {
        let scratch = ScratchFolder()
        var configuration = PublisherConfiguration()
        configuration.highWaterMark = 20_000
        let publisher = try await MetricPublisher.open(in: scratch.stateDirectory(), configuration: configuration)
        let endpoint = isWithin ? BusEndpoint(within: publisher) : BusEndpoint(publisher.directory)
        try await withBeat(of: publisher) {
            try await withSubscriber([endpoint]) { one, first in
                try await withSubscriber([endpoint]) { two, second in
                    for start in stride(from: 0, to: 10_000, by: 100) {
                        try publisher.publish((start..<start + 100).map { .log("line \($0)", rank: $0 % 3) })
                    }
                    await one.catchUp(with: publisher)
                    await two.catchUp(with: publisher)
                    #expect((first.contents == (0..<10_000).map { "line \($0)" }) as Bool)
                    #expect((second.all == first.all) as Bool)
                    #expect((first.all.map(\.sequence) == Array(1...10_000)) as Bool)
                    #expect(first.gaps.isEmpty && second.gaps.isEmpty)
                }
            }
        }
    }

    @Test(arguments: [false, true]) func consumersOfDifferentTypesSeeNoFalseGaps(isWithin: Bool) async throws {
        let scratch = ScratchFolder()
        let publisher = try await MetricPublisher.open(in: scratch.stateDirectory())
        let endpoint = isWithin ? BusEndpoint(within: publisher) : BusEndpoint(publisher.directory)
        try await withBeat(of: publisher) {
            try await withSubscriber([endpoint], types: [.trainingLog]) { logs, logReceived in
                try await withSubscriber([endpoint], types: [.stackTrace]) { stacks, stackReceived in
                    for index in 0..<300 {
                        let type: DiagnosisDataType = index % 3 == 0 ? .stackTrace : .trainingLog
                        try publisher.publish([
                            WorkerTrainingMetric(dataType: type, dataContent: "\(index)", node: NodeIdentity())
                        ])
                    }
                    await logs.catchUp(with: publisher)
                    await stacks.catchUp(with: publisher)
                    #expect(logReceived.all.count == 200)
                    #expect(stackReceived.all.count == 100)
                    #expect(logReceived.gaps.isEmpty && stackReceived.gaps.isEmpty)
                }
            }
        }
    }

    @Test func aLateConsumerBeginsWhereItJoins() async throws {
        let scratch = ScratchFolder()
        let publisher = try await MetricPublisher.open(in: scratch.stateDirectory())
        try await withBeat(of: publisher) {
            try publisher.publish([.log("before")])
            try await withSubscriber([BusEndpoint(publisher.directory)]) { subscriber, received in
                try publisher.publish([.log("after")])
                await subscriber.catchUp(with: publisher)
                #expect(received.contents == ["after"])
                #expect(received.all.map(\.sequence) == [2])
                #expect(received.gaps.isEmpty)
            }
        }
    }

    @Test(arguments: [false, true]) func aConsumerThatDidNotReadGetsWhatItMissedByReplay(isWithin: Bool) async throws {
        let scratch = ScratchFolder()
        var configuration = PublisherConfiguration()
        configuration.highWaterMark = 100
        let publisher = try await MetricPublisher.open(in: scratch.stateDirectory(), configuration: configuration)
        let total = 20_000
        let stall = DispatchSemaphore(value: 0)
        let received = Received()
        try await withBeat(of: publisher) {
            let endpoint = isWithin ? BusEndpoint(within: publisher) : BusEndpoint(publisher.directory)
            try await withSubscriber([endpoint], received: received) { slow, _ in
                received.whenNext { stall.wait() }
                let content = String(repeating: "x", count: 1000)
                for _ in 0..<total / 100 { try publisher.publish((0..<100).map { _ in .log(content) }) }
                stall.signal()
                await slow.catchUp(with: publisher)
                #expect(received.gaps.isEmpty)
                #expect((received.all.map(\.sequence) == Array(1...UInt64(total))) as Bool)
                #expect(slow.status.replayed > 0)
                #expect(slow.status.missing == 0)
            }
        }
    }

    @Test func aRestartedPublisherIsFoundAgainAndNothingIsMissing() async throws {
        let scratch = ScratchFolder()
        let directory = try scratch.stateDirectory()
        let received = Received { _ in .oldest }
        try await withSubscriber([BusEndpoint(directory)], waitForPublishers: false, received: received) {
            subscriber, received in
            for run in 0..<3 {
                let publisher = try await MetricPublisher.open(in: directory)
                // Nobody is connected yet.
                try publisher.publish([.log("unseen \(run)"), .log("unseen \(run)")])
                try await withBeat(of: publisher) {
                    await subscriber.catchUp(with: publisher)
                    try publisher.publish([.log("run \(run)")])
                    await subscriber.catchUp(with: publisher)
                    #expect(received.all.last.map { [$0.epoch, $0.sequence] } == [publisher.epoch, 3])
                }
            }
            #expect(received.contents == (0..<3).flatMap { ["unseen \($0)", "unseen \($0)", "run \($0)"] })
            #expect(received.gaps.isEmpty)
        }
    }

    @Test func severalPublishersAreReadAtOnce() async throws {
        let scratch = ScratchFolder()
        let one = try await MetricPublisher.open(in: scratch.stateDirectory("1"))
        let two = try await MetricPublisher.open(in: scratch.stateDirectory("2"))
        try await withBeat(of: one) {
            try await withBeat(of: two) {
                try await withSubscriber([BusEndpoint(one.directory), BusEndpoint(two.directory)]) {
                    subscriber, received in
                    for index in 0..<100 {
                        try one.publish([.log("one \(index)")])
                        try two.publish([.log("two \(index)")])
                    }
                    await subscriber.catchUp(with: one)
                    await subscriber.catchUp(with: two)
                    for (publisher, name) in [(one, "one"), (two, "two")] {
                        let contents = received.all.filter { $0.lane.publisher == publisher.id }.map(\.content)
                        #expect(contents == (0..<100).map { "\(name) \($0)" })
                    }
                }
            }
        }
    }

    @Test func garbageOnTheBusIsCountedAndStopsNothing() async throws {
        let scratch = ScratchFolder()
        let path = scratch.file("foreign.sock")
        let endpoint = "ipc://\(path)"
        let socket = try ZMQSocket(.xpub, in: ZMQContext())
        try socket.bind(GuardedListener(at: path, limits: .publishing))
        let id = PublisherID()
        func header(_ sequence: UInt64, version: UInt8 = 1) -> [UInt8] {
            var bytes = [UInt8](repeating: 0, count: EnvelopeHeader.size)
            let header = EnvelopeHeader(
                publisher: id, epoch: 1, sequence: sequence, collectionTime: 0, publishTime: .max)
            bytes.withUnsafeMutableBytes { header.write(to: $0) }
            bytes[4] = version
            return bytes
        }
        let topic = Array("GENERIC/worker/0/".utf8)
        let body = Array(#"{"data_content": "good"}"#.utf8)
        let messages: [[[UInt8]]] = [
            [topic], [topic, header(1)], [topic, header(1), body, body], [topic, body, body],
            [Topic.beat, header(0), body], [topic, header(.max), body],
            [Topic.beat, header(0), Array(#"{"lanes":[{"data_type":"A","last":[1,18446744073709551615]}]}"#.utf8)],
            [topic, header(1, version: 9), body], [topic, header(1), body], [topic, header(1), body],
        ]
        try await withSubscriber([try #require(BusEndpoint(endpoint))], waitForPublishers: false) {
            subscriber, received in
            func subscription(_ prefix: [UInt8]) async throws {
                try await eventually {
                    while let frame = try socket.receiveMessage()?.first {
                        if frame.dropFirst().starts(with: prefix) { return true }
                    }
                    return false
                }
            }
            try await subscription(Topic.hello)
            _ = try socket.send([
                Topic.beat, header(0), Array(#"{"lanes":[{"data_type":"GENERIC","last":[1,0]}]}"#.utf8),
            ])
            try await subscription(Array("GENERIC/".utf8))
            for message in messages { _ = try socket.send(message) }
            await subscriber.wait { $0.repeated == 1 }
            let status = subscriber.status
            #expect(received.contents == ["good"])
            #expect(status.malformed == 7)
            #expect(status.newerVersion == 1)
        }
    }

    @Test func typesAndNodesThatNoTopicCanHaveAreRefusedAtTheSource() async throws {
        let scratch = ScratchFolder()
        let publisher = try await MetricPublisher.open(in: scratch.stateDirectory())
        var metric = WorkerTrainingMetric.log("x")
        metric.dataType = DiagnosisDataType(rawValue: "A/B")
        let error = try #require(throws: ReportError.self) { try publisher.publish([.log("good"), metric]) }
        #expect(error.code == .refused)
        #expect(error.message.contains("A/B"))
        metric = .log("x")
        metric.node.type = "$x"
        #expect(throws: ReportError.self) { try publisher.publish([metric]) }
    }

    @Test func takesABoundedNumberOfDataTypes() async throws {
        let scratch = ScratchFolder()
        let publisher = try await MetricPublisher.open(in: scratch.stateDirectory())
        func metric(_ number: Int) -> WorkerTrainingMetric {
            WorkerTrainingMetric(
                dataType: DiagnosisDataType(rawValue: "T\(number)"), dataContent: "", node: NodeIdentity())
        }
        try publisher.publish((0..<256).map(metric))
        try publisher.publish([metric(3)])
        let error = try #require(throws: ReportError.self) { try publisher.publish([metric(1), metric(256)]) }
        #expect(error.message.contains("T256"))
    }

    @Test func aSubscriberThatHasEndedLetsNobodyWait() async throws {
        let endpoint = try #require(BusEndpoint("tcp://127.0.0.1:1"))
        let subscriber = try MetricSubscriber(configuration: SubscriberConfiguration(endpoints: [endpoint]))
        let reading = Task { try await subscriber.run(Received()) }
        reading.cancel()
        try await reading.value
        await subscriber.wait { _ in false }
    }

    @Test func endpointsStayOnTheMachine() {
        for address in [
            "tcp://10.0.0.1:5", "tcp://127.0.0.1:+5", "tcp://127.0.0.1:0", "tcp://127.0.0.1", "ipc://", "udp://x",
        ] {
            #expect(BusEndpoint(address) == nil, "\(address)")
        }
    }

    @Test func keepsPositionsForItsNextRun() async throws {
        let scratch = ScratchFolder()
        let directory = try scratch.stateDirectory()
        let position = SourcePosition(key: "log:/x", bytes: [1, 2, 3])
        do {
            let publisher = try await MetricPublisher.open(in: directory)
            try await withBeat(of: publisher) {
                try publisher.publish([.log("x")], position: position)
                #expect(await publisher.lastPosition(of: "log:/x") == position)
            }
        }
        let next = try await MetricPublisher.open(in: directory)
        #expect(await next.lastPosition(of: "log:/x") == position)
        #expect(await next.lastPosition(of: "other") == nil)
    }
}
