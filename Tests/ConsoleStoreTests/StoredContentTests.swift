import ConsoleTestSupport
import Diagnosis
import SystemSupport
import TestSupport
import Testing

@testable import ConsoleStore

@Suite(.timeLimit(.minutes(3))) struct StoredContentTests {
    private let scratch = ScratchFolder()
    private let now = WallClock.seconds()

    private func store() throws -> ConsoleStore { try ConsoleStore(directory: scratch.file("store")) }

    @Test func stepsOfLinesAreARanksStepTime() async throws {
        let store = try store()
        // One step in two seconds, by the times that the lines say.
        let lines = (0..<10).map { step in
            "\(TimeText.write(1_790_000_000 + Int64(2 * step))) step \(step)/100 loss 0.5"
        }
        let batch = Batches.batch(
            [lines.joined(separator: "\n")], origin: Batches.origin("/log/0", localRank: 1, attempt: 2),
            time: 1_790_000_020)
        _ = await store.take([batch], from: .arobust)
        let rank = try #require(try await store.ranks(limit: 10).first)
        #expect(rank.key == "0/1" && rank.lines == 10 && rank.step == 9)
        #expect(rank.stepSeconds == 2 && rank.lastStep == 1_790_000_018 && rank.state == .running)
        let map = try await store.heatmap(since: 1_790_000_000, until: 1_790_000_020, buckets: 100)
        #expect(map.bucketSeconds == 10 && map.rows.map(\.key) == ["0/1"])
        #expect(map.rows[0].lines == [5, 5] && map.rows[0].stepSeconds == [2, 2])
        var question = SampleQuestion(name: "arobust_step_seconds", since: 1_790_000_000, until: 1_790_000_020)
        question.points = 2
        let samples = try await store.samples(question)
        #expect(samples.rows.map(\.values) == [[2, 2]] && samples.rows.map(\.key) == ["0/1"])
        let attempt = try #require(try await store.attempts().first)
        #expect(attempt.run == "run-1" && attempt.attempt == 2)
        await store.close()
    }

    @Test func aPageBecomesSeriesAndTheSlowestIsNamed() async throws {
        let store = try store()
        for number in 0..<5 {
            let page = """
                # HELP x y
                xpu_timer_latency{rank="0",kind="a\\"b"} \(1 + number)
                xpu_timer_latency{rank="1",kind="a\\"b"} \(5 + number) nonsense
                broken{ 1
                xpu_timer_latency{rank="2"} NaN
                other_total 7
                """
            _ = await store.take(
                [Batches.batch(.xpuTimerMetric, from: UInt64(number + 1), [page], time: now - 50 + Int64(number) * 10)],
                from: .arobust)
        }
        let series = try await store.series(prefix: "", limit: 1, after: nil)
        #expect(series.series.map(\.name) == ["other_total"] && series.next == "other_total")
        let rest = try await store.series(prefix: "xpu", limit: 10, after: series.next)
        #expect(rest.series.map(\.name) == ["xpu_timer_latency"] && rest.series.first?.streams == 2)
        let answer = try await store.samples(
            SampleQuestion(name: "xpu_timer_latency", since: Double(now - 60), until: Double(now)))
        #expect(answer.rows.map(\.key) == ["0/0", "0/1"] && answer.slowest == "0/1")
        #expect(answer.rows.first?.labels == ["kind": "a\"b"])
        #expect(answer.rows.last?.values.compactMap { $0 } == [5, 6, 7, 8, 9] && answer.rows.last?.last == 9)
        await store.close()
    }

    @Test func failuresAreGroupedWithTheirLines() async throws {
        let store = try store()
        let line =
            "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79 GiB"
        for number in 0..<3 {
            _ = await store.take(
                [
                    Batches.batch(
                        from: UInt64(number + 1), ["before\n\(line)\nafter"],
                        origin: Batches.origin("/l", localRank: 0),
                        time: now - 10 + Int64(number))
                ], from: .arobust)
        }
        let page = try await store.failures(limit: 10, after: nil)
        #expect(page.failures.count == 1 && page.next == nil)
        let failure = try #require(page.failures.first)
        #expect(failure.count == 3 && failure.nodeRank == 0 && failure.rank == 0)
        #expect(failure.evidence.map(\.text) == [line, line, line])
        var question = LogQuestion()
        question.marked = true
        let marked = try await store.all(question)
        #expect(marked.map(\.id) == failure.evidence.map(\.id))
        #expect(marked.first?.mark?.rule == failure.rule && marked.first?.mark?.title == failure.title)
        #expect(try await store.ranks(limit: 10).first?.state == .failed)
        await store.close()
    }

    @Test func whatACollectorTellsOfATrainingIsItsState() async throws {
        let store = try store()
        let json = """
            {"path":"/log/3","rank":3,"state":"silent","step":40,"step_seconds":0.5,"lost_seconds":0,"restarts":0,"goodput":0.9}
            """
        let alarm = "arobust alarm: rank 3 has made no step for 90 s (/log/3)\n" + json
        _ = await store.take([Batches.batch(.generic, [alarm], nodeRank: 1)], from: .arobust)
        await store.heard(
            from: NodeReport(identity: NodeIdentity(id: 9, rank: 1), source: .arobust, host: "host-1", version: "1.2"))
        let rank = try #require(try await store.ranks(limit: 10).first)
        #expect(rank.key == "1/3" && rank.state == .silent && rank.alarm?.contains("no step for 90 s") == true)
        let overview = try await store.overview()
        #expect(overview.freshness.nodes == 1 && overview.freshness.heard == 1)
        #expect(try await store.failures(limit: 5, after: nil).failures.map(\.category) == ["alarm"])
        let node = try #require(try await store.nodes().first)
        #expect(node.host == "host-1" && node.nodeID == 9 && node.version == "1.2")
        let better = json.replacing("silent", with: "running")
        _ = await store.take(
            [Batches.batch(.generic, from: 2, ["arobust: rank 3 makes steps\n" + better], nodeRank: 1)], from: .arobust)
        #expect(try await store.ranks(limit: 10).first?.state == .running)
        await store.close()
    }

    @Test func incidentsOfNodesAreOne() async throws {
        let store = try store()
        func stacks(_ rank: Int, _ function: String, _ time: Int64) -> String {
            let content =
                #"{\"rank\":\#(rank),\"pid\":\#(rank + 100),\"time\":\#(time * 1000),\"state\":\"S\",\"tracer\":0,\"command\":\"\",\"source\":\"py-spy\",\"refusals\":[],"#
                + #"\"threads\":[{\"name\":\"MainThread\",\"isMain\":true,\"kernelFrames\":[],\"frames\":["#
                + #"{\"function\":\"\#(function)\",\"file\":\"train.py\",\"line\":3},{\"function\":\"main\",\"file\":\"train.py\",\"line\":9}]}]}"#
            return #"{"kind":"stacks","rank":\#(rank),"source":"py-spy","time":\#(time),"text":"\#(content)"}"#
        }
        for node in 0..<2 {
            let id = "incident-\(node)"
            var records = [
                #"{"incident":"\#(id)","number":0,"triggers":[{"trigger":"no-progress","text":"no step","time":\#(now)}]}"#
            ]
            for rank in [2 * node, 2 * node + 1] {
                let piece = stacks(rank, rank == 3 ? "load_data" : "forward", now)
                records.append(#"{"incident":"\#(id)","number":\#(records.count),"piece":\#(piece)}"#)
            }
            if node == 0 {
                records.append(
                    #"{"incident":"\#(id)","number":3,"end":{"time":\#(now),"hang":true,"sentence":"It hangs","pieces":2,"missing":0}}"#
                )
            }
            let batch = Batches.batch(
                .incident, records, nodeRank: node, publisher: PublisherID(high: 4, low: UInt64(node)))
            #expect(await store.take([batch, batch], from: .arobust).taken == records.count)
        }
        let page = try await store.incidents(limit: 1, after: nil)
        #expect(page.incidents.count == 1 && page.next != nil)
        let all = try await store.incidents(limit: 10, after: nil).incidents
        #expect(all.map(\.nodes) == [[0, 1], [0, 1]])
        let first = try #require(all.first { $0.id == "incident-0" })
        #expect(first.hang && first.ended && first.sentence == "It hangs" && first.pieces == 2)
        let answer = try #require(try await store.incident("incident-0"))
        #expect(Set(answer.pieces.compactMap(\.rank)) == [0, 1, 2, 3] && !answer.text.isEmpty)
        let stacks = try #require(try await store.stacks(incident: "incident-0"))
        #expect(stacks.groups.map(\.ranks) == [["1/3"], ["0/0", "0/1", "1/2"]])
        #expect(stacks.groups.first?.text == ["load_data (train.py:3)", "main (train.py:9)"])
        #expect(stacks.flame?.value == 4 && stacks.flame?.children.first?.children.count == 2)
        #expect(stacks.sides.first?.key == "1/3" && stacks.samples == 4)
        #expect(try await store.stacks(incident: nil)?.samples == 4)
        #expect(try await store.incident("none") == nil)
        await store.close()
    }

    @Test func aGapIsDrawnAndChangesAreTold() async throws {
        let store = try store()
        _ = await store.take([Batches.batch(["one"], time: now - 30)], from: .arobust)
        let changes = store.changes()
        _ = await store.take([Batches.batch(from: 4, ["four"], time: now - 10)], from: .arobust)
        let change = try #require(await changes.first { _ in true })
        #expect(change.what(since: 1).contains(.logs) && change.lastLineID == 3)
        let lines = try await store.all(LogQuestion())
        let gap = try #require(lines.compactMap(\.gap).first)
        #expect(gap.count == 2 && gap.from == LanePosition(epoch: 1, sequence: 2))
        #expect(gap.through == LanePosition(epoch: 1, sequence: 3))
        #expect(try await store.delivery().gaps.map(\.count) == [2])
        await store.close()
    }
}
