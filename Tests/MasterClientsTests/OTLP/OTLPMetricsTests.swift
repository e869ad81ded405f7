import Diagnosis
import NIOCore
import OTLPMessages
import SwiftProtobuf
import Testing

@testable import MasterClients

@Suite struct OTLPMetricsTests {
    typealias Request = Opentelemetry_Proto_Collector_Metrics_V1_ExportMetricsServiceRequest

    private func requests(_ page: String, limit: Int = 1 << 20) throws -> [(OTLPRequest, Request)] {
        let batch = Batches.batch([Batches.json(.xpuTimerMetric, page)], type: .xpuTimerMetric)
        return try OTLPMetrics(job: "", hostName: nil, limit: limit).requests(of: batch).map {
            ($0, try Request(serializedBytes: Array(buffer: $0.message)))
        }
    }

    @Test func `counters are sums, and everything else gauges`() throws {
        let page =
            "# HELP a x\n# TYPE a counter\na{l=\"v\"} 1\nb 2.5 1700000000000\n# TYPE c histogram\nc_bucket{le=\"+Inf\"} 3\nnot a sample\n"
        let (request, message) = try #require(try requests(page).first)
        #expect((request.records, request.finished, request.changed) == (3, 1, ["lines-unread": 1]))
        let metrics = message.resourceMetrics[0].scopeMetrics[0].metrics
        #expect(metrics.map(\.name) == ["a", "b", "c_bucket"])
        #expect(metrics[0].sum.isMonotonic && metrics[0].sum.aggregationTemporality == .cumulative)
        let point = metrics[0].sum.dataPoints[0]
        #expect(point.asDouble == 1 && point.timeUnixNano == 100_000_000_000)
        #expect(point.attributes == [OTLPAttributes.text("l", "v")])
        #expect(metrics[1].gauge.dataPoints[0].timeUnixNano == 1_700_000_000_000_000_000)
        // A sequence or an epoch would begin new series each time.
        #expect(!message.resourceMetrics[0].resource.attributes.map(\.key).contains("arobust.epoch"))
    }

    @Test func `a large page goes in several requests`() throws {
        let page = (0..<300).map { "metric_\($0){rank=\"\($0 % 8)\"} \($0)" }.joined(separator: "\n")
        let all = try requests(page, limit: 4096)
        #expect(all.count > 2 && all.allSatisfy { $0.0.message.readableBytes <= 4096 })
        #expect(
            all.map(\.0.records).reduce(0, +) == 300 && all.map(\.0.finished) == all.dropLast().map { _ in 0 } + [1])
        #expect(all.flatMap { $0.1.resourceMetrics[0].scopeMetrics[0].metrics }.count == 300)
    }

    @Test func `a page without samples is skipped with its reason`() throws {
        let (request, _) = try #require(try requests("# nothing\n").first)
        #expect((request.records, request.finished) == (0, 1))
        #expect(request.skipped.map(\.rule) == ["no-samples"])
    }
}
