import Diagnosis
import Foundation
import TestSupport
import Testing

@testable import Collectors

@Suite(.timeLimit(.minutes(2))) struct TrainingEventTests {
    private let folder = ScratchFolder()
    private let client = RecordingClient()
    private let log = LogCapture()

    private func event(
        _ type: TrainingEvent.Kind, _ step: Int64, _ name: String = "#step", at time: Int64 = 1_796_000_000
    )
        -> TrainingEvent
    {
        TrainingEvent(timestamp: time, target: "AtorchTrainerV2", name: name, type: type, step: step)
    }

    /// Lines as the SDK 0.6.1 wrote them, but for a zone, which makes the time the same everywhere.
    @Test(arguments: [
        #"[2026-11-30T00:53:20.250000Z] [23483] [94c4272d] [AtorchTrainerV2] [#step] [BEGIN] {"global_step": 8}"#,
        #"[2026-11-30T00:53:20Z] [1] [9] [AtorchTrainerV2] [#step] [BEGIN] {"global_step": 8, "loss": NaN, "s": "\"NaN"}"#,
        ##"{"pid": "23486", "event_id": "27ce4053", "event_time": "2026-11-30T01:53:20.25+01:00", "target": "AtorchTrainerV2", "name": "#step", "event_type": "BEGIN", "content": {"global_step": 8, "loss": -Infinity}}"##,
    ])
    func bothFormsAreRead(line: String) {
        #expect(TrainingEventLine.read(line[...]) == .event(event(.begin, 8)))
    }

    @Test func timesAreLocalWithoutAZone() throws {
        let text = "2026-11-30T00:53:20.250000"
        let format = DateFormatter()
        format.locale = Locale(identifier: "en_US_POSIX")
        format.timeZone = .current
        format.dateFormat = "yyyy-MM-dd'T'HH:mm:ss"
        let date = try #require(format.date(from: String(text.prefix(19))))
        #expect(TrainingEventLine.seconds(text[...]) == Int64(date.timeIntervalSince1970))
        #expect(TrainingEventLine.seconds("2026-13-30T00:53:20") == nil)
        #expect(TrainingEventLine.seconds("2026-11-30T00:53:2x") == nil)
    }

    @Test func whatNoMasterTakesIsPassedOver() {
        for line in [
            "", #"[2026-11-30T00:53:20Z] [1] [9] [AtorchTrainerV2] [#train] [BEGIN] {}"#,
            #"[2026-11-30T00:53:20Z] [1] [9] [AtorchTrainerV2] [#step] [INSTANT] {"global_step": 8}"#,
            #"[2026-11-30T00:53:20Z] [1] [9] [Other] [#step] [BEGIN] {"global_step": 8}"#,
        ] { #expect(TrainingEventLine.read(line[...]) == .other, "\(line)") }
        for line in [
            "hello", "[2026-11-30T00:53:20Z] [1]", "{", #"{"a": 1}"#,
            #"[2026-11-30T00:53:20Z] [1] [9] [AtorchTrainerV2] [#step] [BEGIN] {"global_step": -8}"#,
            #"[2026-11-30T00:53:20Z] [1] [9] [AtorchTrainerV2] [#step] [BEGIN] {}"#,
            #"[yesterday] [1] [9] [AtorchTrainerV2] [#step] [BEGIN] {"global_step": 8}"#,
        ] { #expect(TrainingEventLine.read(line[...]) == .unreadable, "\(line)") }
    }

    @Test func aMetricsContentIsTheEvent() {
        let event = event(.end, 7)
        #expect(
            event.content
                == ##"{"timestamp": 1796000000, "target": "AtorchTrainerV2", "name": "#step", "type": "END", "step": 7}"##
        )
        #expect(TrainingEvent(content: event.content) == event)
        #expect(event.stepForDLRover == 8 && self.event(.begin, 7).stepForDLRover == 7)
        #expect(self.event(.end, 7, "#save").stepForDLRover == 7)
        #expect(TrainingEvent(content: event.content.replacingOccurrences(of: "#step", with: "#other")) == nil)
        #expect(TrainingEvent(content: "{}") == nil)
    }

    // MARK: the collector

    private func collector() async -> TrainingEventCollector {
        let collector = TrainingEventCollector(
            path: folder.file("events_0.log"), node: NodeIdentity(id: 3), logger: log.logger,
            factory: MetricsCapture().registry)
        await collector.setClient(client)
        return collector
    }

    private func line(_ type: TrainingEvent.Kind, _ step: Int64) -> String {
        "[2026-11-30T00:53:20Z] [1] [9] [AtorchTrainerV2] [#step] [\(type.rawValue)] {\"global_step\": \(step)}\n"
    }

    @Test func eachEventIsPublishedOnceWhateverIsKilled() async throws {
        try folder.write(line(.begin, 1) + "noise\n" + line(.end, 1), to: "events_0.log")
        var collector = await collector()
        _ = await collector.collectRounds(10)
        // A line that is not whole yet, and a master that does not answer.
        try folder.append(line(.begin, 2) + String(line(.end, 2).dropLast(9)), to: "events_0.log")
        client.fail("away")
        _ = await collector.collectRounds(10)
        client.fail(nil)
        collector = await self.collector()
        _ = await collector.collectRounds(10)
        try folder.append(String(line(.end, 2).suffix(9)), to: "events_0.log")
        collector = await self.collector()
        _ = await collector.collectRounds(10)
        let events = client.contents.map { TrainingEvent(content: $0) }
        #expect(events == [event(.begin, 1), event(.end, 1), event(.begin, 2), event(.end, 2)])
        #expect(client.metrics.allSatisfy { $0.dataType == .trainingEvent && $0.node.id == 3 && $0.origin != nil })
        #expect(log.count("can't be read") == 1)
    }
}
