import Diagnosis
import Foundation
@testable import Inspection
import Testing
import ZMQBridge

@Suite struct StatusTextTests {
    @Test func showsEverythingAnOperatorNeeds() {
        var status = Samples.status()
        status.journal.problem = "no space left on device"
        status.losses = [
            Samples.loss(.trainingLog, 1, 10, .evicted), Samples.loss(.trainingLog, 11, 14, .evicted),
            Samples.loss(.trainingLog, 20, 20, .corrupt),
        ]
        var log = Samples.account(
            .trainingLog, delivered: 1000, skipped: ["sampling": 3, "dedupe": 4], lost: ["evicted": 2])
        log.ahead = 5
        status.consumers = [
            Samples.consumer(
                "dlrover+grpc://10.0.0.1:50001", heard: -180,
                state: [
                    "breaker": "open", "last_error": "connection\u{1B}refused",
                    "last_error_time": "\(Samples.now - 200)",
                    "queue": "7",
                ],
                lanes: [
                    (log, Samples.standing(.trainingLog, produced: 1200, pending: 190, unnoticed: ["corrupt": 1]))
                ]),
            Samples.consumer(
                "backup", heard: -1,
                lanes: [(nil, Samples.standing(.generic, produced: 5, pending: 5))]),
        ]
        #expect(
            StatusText(status).lines == [
                "publisher  01234567-89ab-cdef-0123-456789abcdef  epoch 3  at 2026-11-23T18:00:00Z",
                "journal    /state/journal",
                "           512.0 MiB of 2.0 GiB (25 %), outlives a process crash",
                "PROBLEM    the journal: no space left on device",
                "",
                "LANE          FIRST   LAST  PRODUCED  RETAINED    BYTES   NEWEST",
                "GENERIC           -    3/5         5         0      0 B        -",
                "TRAINING_LOG   2/15  3/120      1200       120  1.5 MiB  4 s ago",
                "",
                "gone from the journal: TRAINING_LOG 1 corrupt, up to 2/20",
                "gone from the journal: TRAINING_LOG 14 evicted, up to 2/14",
                "",
                "backup",
                "  last heard 1 s ago",
                "  LANE     PRODUCED  DELIVERED  SKIPPED  LOST  UNNOTICED  PENDING   BEHIND  SINCE",
                "  GENERIC         5          -        0     0          0        5  2.0 KiB   35 s",
                "",
                "dlrover+grpc://10.0.0.1:50001",
                "  breaker open, SILENT: last heard 3 min ago",
                "  last error, 3 min ago: connection\\x1brefused",
                "  queue: 7",
                "  LANE          PRODUCED  DELIVERED  SKIPPED  LOST  UNNOTICED  PENDING   BEHIND  SINCE",
                "  TRAINING_LOG      1200       1000        7     2          1      190  2.0 KiB   35 s",
                "  skipped TRAINING_LOG: dedupe 4, sampling 3",
                "  lost TRAINING_LOG: evicted 2",
                "  lost, not yet noticed TRAINING_LOG: corrupt 1",
            ])
    }

    @Test func anEmptyPublisherHasAText() {
        var status = Samples.status()
        status.lanes = []
        status.consumers = []
        let lines = StatusText(status).lines
        #expect(lines.contains("Nothing has been published here."))
        #expect(lines.last == "No consumer has given its name here.")
    }

    @Test(arguments: [(10, false), (11, true)] as [(Int64, Bool)]) func silenceIsMarkedAfterTenSeconds(
        age: Int64, isMarked: Bool
    ) {
        var status = Samples.status()
        status.consumers = [Samples.consumer("c", heard: -age, lanes: [])]
        #expect(StatusText(status).lines.contains { $0.contains("SILENT") } == isMarked)
    }

    @Test func theJSONIsTheStatus() throws {
        let text = try InspectionJSON.text([Samples.status()])
        #expect(text.hasPrefix("[\n  {\n    \"consumers\""))
        #expect(try JSONDecoder().decode([PublisherStatus].self, from: Data(text.utf8)) == [Samples.status()])
    }
}
