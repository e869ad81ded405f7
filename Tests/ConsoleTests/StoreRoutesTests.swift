import ConsoleTestSupport
import Diagnosis
import Foundation
import SystemSupport
import TestSupport
import Testing

@testable import Console
@testable import ConsoleStore

/// The API over a real store, asked over real connections.
@Suite(.timeLimit(.minutes(3))) struct StoreRoutesTests {
    private static let hostile = [
        "<script>alert(1)</script><img src=x onerror=alert(2)>", "\u{1B}[31mred\u{1B}[0m \u{1B}]0;title\u{7}",
        "quote \" back \\ slash / null",
        "\u{202E}turned\u{2066} \u{2028}line", "replaced \u{FFFD} surrogate", "rank=\"></td>", "e\u{301} \u{1F4A9}",
    ]

    private func fill(_ store: ConsoleStore) async throws {
        let now = WallClock.seconds()
        for node in 0..<2 {
            let publisher = PublisherID(high: 7, low: UInt64(node))
            let lines = (0..<10).map { "node \(node) line \($0)" } + (node == 0 ? Self.hostile : [])
            let logs = Batches.batch(
                from: 1, [lines.joined(separator: "\n")], nodeRank: node, publisher: publisher,
                origin: Batches.origin("/log/\(node)", localRank: node), time: now - 20)
            let failure = Batches.batch(
                from: 3, ["RuntimeError: CUDA out of memory. Tried to allocate 2.00 GiB"], nodeRank: node,
                publisher: publisher,
                origin: Batches.origin("/log/\(node)", localRank: node), time: now - 5)
            let page = "xpu_timer_step_seconds{rank=\"\(node)\"} \(node + 1)\n"
            let metrics = Batches.batch(.xpuTimerMetric, [page], nodeRank: node, publisher: publisher, time: now - 10)
            let outcome = await store.take(node == 0 ? [logs, failure, metrics] : [logs, metrics], from: .arobust)
            #expect(outcome.failure == nil)
            await store.heard(
                from: NodeReport(identity: NodeIdentity(rank: node), source: .arobust, publisher: publisher))
        }
    }

    private func get(_ console: RunningConsole, _ target: String) async throws -> JSONValue {
        let reply = try await console.ask(target)
        try #require(reply.status == 200, "\(target): \(reply.text.prefix(300))")
        #expect(reply.headers["content-type"] == "application/json; charset=utf-8")
        #expect(reply.headers["cache-control"] == "no-store")
        // No control character reaches a browser or a terminal.
        #expect(reply.body.allSatisfy { $0 >= 0x20 && $0 != 0x7F })
        return try #require(JSONValue(reply.body))
    }

    private func list(_ value: JSONValue?, _ key: String) throws -> [JSONValue] {
        guard case .array(let list)? = value?[key] else {
            Issue.record("no list \(key)")
            return []
        }
        return list
    }

    @Test func everyRouteAnswersFromAFilledStore() async throws {
        try await RunningConsole.with(options: { $0.job = "llama <7b>" }) { (console: RunningConsole) async throws in
            try await fill(console.store)
            let overview = try await get(console, "/api/v1/overview")
            #expect(overview["job"] == .string("llama <7b>"))
            #expect(overview["verdict"]?["text"]?.string?.isEmpty == false)
            #expect(overview["freshness"]?["nodes"]?.integer == 2)
            #expect((overview["last_line_id"]?.integer ?? 0) > 0)
            // The failure of node 0 and the gap before it are told.
            let others = try list(overview, "others")
            let sentences = ([overview["verdict"]].compactMap { $0 } + others).compactMap { $0["text"]?.string }
            #expect(sentences.contains { $0.contains("memory") }, "\(sentences)")
            #expect(sentences.contains { $0 == "1 report is missing from node 0" }, "\(sentences)")

            let nodes = try list(try await get(console, "/api/v1/nodes"), "nodes")
            #expect(nodes.map { $0["node_rank"]?.integer } == [0, 1])
            let ranks = try list(try await get(console, "/api/v1/ranks"), "ranks")
            #expect(!ranks.isEmpty && ranks.allSatisfy { $0["key"]?.string != nil && $0["state"]?.string != nil })
            let rows = try list(try await get(console, "/api/v1/heatmap?since=-10m&buckets=60"), "rows")
            #expect(!rows.isEmpty)
            for row in rows {
                // The store may round the buckets.
                let counts = try ["lines", "marks", "step_seconds"].map { try list(row, $0).count }
                #expect(Set(counts).count == 1 && (59...61).contains(counts[0]), "\(counts)")
            }
            let series = try list(try await get(console, "/api/v1/series"), "series")
            let names = series.compactMap { $0["name"]?.string }
            #expect(names.contains("xpu_timer_step_seconds"))
            let samples = try await get(console, "/api/v1/samples?name=xpu_timer_step_seconds&since=-10m&points=50")
            #expect(try list(samples, "rows").count == 2)
            #expect(samples["slowest"]?.string?.hasPrefix("1") == true)
            let failures = try list(try await get(console, "/api/v1/failures"), "failures")
            #expect(failures.count == 1 && failures.first?["node_rank"]?.integer == 0)
            let delivery = try await get(console, "/api/v1/delivery")
            #expect(try list(delivery, "nodes").count == 2 && list(delivery, "gaps").count == 1)
            _ = try list(try await get(console, "/api/v1/attempts"), "attempts")
            #expect(try list(try await get(console, "/api/v1/incidents"), "incidents").isEmpty)
            #expect(try list(try await get(console, "/api/v1/stacks"), "groups").isEmpty)
            let metrics = try await console.ask("/metrics")
            #expect(metrics.text.contains("arobust_console_envelopes_total 5\n"))
            #expect(metrics.text.contains("arobust_console_missing_total 1\n"))
            #expect(try await console.ask("/healthz").text == "{\"status\":\"ok\"}")
        }
    }

    @Test func hostileLinesComeAsTheyWere() async throws {
        try await RunningConsole.with { (console: RunningConsole) async throws in
            try await fill(console.store)
            let lines = try list(try await get(console, "/api/v1/logs?node_rank=0&limit=5000"), "lines")
            let texts = lines.compactMap { $0["text"]?.string }
            for text in Self.hostile {
                #expect(texts.contains { $0.unicodeScalars.elementsEqual(text.unicodeScalars) }, "\(text)")
            }
        }
    }

    @Test func linesArePagedEachOnceAndALongOneIsThereWhole() async throws {
        try await RunningConsole.with { (console: RunningConsole) async throws in
            try await fill(console.store)
            let long = "long " + String(repeating: "<\u{1}&é", count: 150_000)
            _ = await console.store.take(
                [Batches.batch(from: 10, [long], nodeRank: 1, publisher: PublisherID(high: 7, low: 1))], from: .arobust)
            var (ids, after): ([Int], String?) = ([], nil)
            repeat {
                let encoded = after.map { "&after=\(PercentText.encoded($0))" } ?? ""
                let page = try await get(console, "/api/v1/logs?limit=3\(encoded)")
                let lines = try list(page, "lines")
                #expect(lines.count <= 3)
                ids += lines.compactMap { $0["id"]?.integer }
                after = page["next"]?.string
            } while after != nil
            #expect(Set(ids).count == ids.count && ids.count >= 28)
            let newest = try list(try await get(console, "/api/v1/logs?order=desc&query=long"), "lines")
            let cut = try #require(newest.first)
            #expect(cut["truncated"] == .bool(true))
            #expect((cut["text"]?.string?.utf8.count ?? 0) <= 4096)
            let id = try #require(cut["id"]?.integer)
            let whole = try await get(console, "/api/v1/logs/\(id)?context=0")
            let text = try #require(whole["line"]?["text"]?.string)
            #expect(text.utf8.count > 700_000 && text.hasPrefix("long <\u{1}&é"))
            let newer = try await get(console, "/api/v1/logs?newer=\(id - 1)")
            #expect(try list(newer, "lines").contains { $0["id"]?.integer == id })
            #expect(newer["last_id"]?.integer != nil)
        }
    }

    @Test func whatIsNotThereOrNotMeantIsSaidSo() async throws {
        try await RunningConsole.with { (console: RunningConsole) async throws in
            let refused: [(String, Int, String)] = [
                ("/api/v1/logs?limit=0", 400, "limit"), ("/api/v1/logs?limit=5001", 400, "5000"),
                ("/api/v1/logs?order=up", 400, "order"),
                ("/api/v1/logs?since=later", 400, "since"), ("/api/v1/logs?node_rank=x", 400, "node_rank"),
                ("/api/v1/logs?after=nonsense", 400, ""), ("/api/v1/logs?newer=1&order=desc", 400, "newer"),
                ("/api/v1/logs?querry=x", 400, "querry"), ("/api/v1/logs?query=%ff", 400, "UTF-8"),
                ("/api/v1/logs/999999", 404, "999999"), ("/api/v1/logs/x", 400, "id"), ("/api/v1/samples", 400, "name"),
                ("/api/v1/heatmap?buckets=721", 400, "720"), ("/api/v1/heatmap?since=-1m&until=-2m", 400, "since"),
                ("/api/v1/incidents/nothing", 404, "nothing"), ("/api/v1/stacks?incident=nothing", 404, "nothing"),
                ("/api/v1/incidents/%2e%2e%2f%00", 400, "UTF-8"), ("/api/v1/nothing", 404, "/api/v1/"),
                ("/api/v2/logs", 404, "/api/v1/"),
            ]
            for (target, status, word) in refused {
                let reply = try await console.ask(target)
                #expect(reply.status == status, "\(target)")
                let sentence = JSONValue(reply.body)?["error"]?.string
                #expect(sentence.map { word.isEmpty || $0.contains(word) } == true, "\(target): \(reply.text)")
            }
        }
    }

    @Test func aChangeIsToldToReaders() async throws {
        try await RunningConsole.with(options: {
            $0.limits.eventPause = .milliseconds(40)
            $0.limits.heartbeat = .seconds(600)
        }) { (console: RunningConsole) async throws in
            let port = console.port
            async let told = PinnedThread.run(name: "reader", onCancel: {}) {
                let connection = try RawConnection(port: port)
                try connection.send("GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
                return connection.read(until: "\"logs\"")
            }
            try await eventually { console.server.feed.readerCount == 1 }
            try await fill(console.store)
            #expect(try await told.contains("\"logs\""))
        }
    }
}
