import Foundation
import Testing

@testable import TrainingProgress

/// The recorded trainings of rules/corpus/healthy go well: none is silent or slow, at whatever pace its lines come.
@Suite(.serialized) struct HealthyLogTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "rules/corpus/healthy").path
    private static let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [])
        .filter { $0.hasSuffix(".log") }.sorted()

    @Test func theRecordingsAreThere() {
        #expect(Self.names.count > 30)
    }

    @Test(arguments: names) func aHealthyTraining(name: String) async throws {
        let text = String(decoding: try Data(contentsOf: URL(filePath: "\(Self.folder)/\(name)")), as: UTF8.self)
        let lines = text.split(whereSeparator: { $0 == "\n" || $0 == "\r" || $0 == "\r\n" })
        for pace in [0.2, 3.0, 20] {
            await Task.yield()
            let fixture = TrainingFixture()
            for line in lines {
                let before = fixture.watch.snapshots
                fixture.read(String(line))
                // What a step writes beside, such as a traceback, takes no time.
                let isStep = zip(fixture.watch.snapshots, before).contains {
                    $0.step != $1.step || $0.epoch != $1.epoch
                }
                fixture.pass(isStep || fixture.watch.snapshots.count != before.count ? pace : 0.01)
            }
            let bad = fixture.kinds.filter { $0 == .silent || $0 == .slow }
            #expect(
                bad.isEmpty && fixture.suspicions.all.isEmpty, "\(name) at \(pace) s a line: \(fixture.watch.snapshots)"
            )
            // And all at once, as a backlog.
            let backlog = TrainingFixture()
            backlog.read(text, unread: 1 << 20)
            backlog.pass(3600)
            #expect(backlog.kinds.isEmpty && backlog.suspicions.all.isEmpty, "\(name)")
        }
    }

    @Test func mostShowTheirSteps() throws {
        var without: [String] = []
        for name in Self.names {
            let text = String(decoding: try Data(contentsOf: URL(filePath: "\(Self.folder)/\(name)")), as: UTF8.self)
            let fixture = TrainingFixture()
            fixture.read(text)
            if fixture.watch.snapshots.isEmpty { without.append(name) }
        }
        #expect(without.count <= 1, "\(without)")
    }
}
