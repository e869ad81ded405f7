import Diagnosis
import NIOCore
import OTLPMessages
import SwiftProtobuf

/// Makes requests with metrics of XPUTimer's pages: one for each page, or several where it is too large for one.
///
/// Points carry no sequence, since that would make a new series of each: a page that is sent twice has the same series and times both times.
struct OTLPMetrics {
    private typealias Request = Opentelemetry_Proto_Collector_Metrics_V1_ExportMetricsServiceRequest

    let job: String
    let hostName: String?
    /// The most bytes of a request.
    let limit: Int

    func requests(of batch: EnvelopeBatch) -> [OTLPRequest] {
        batch.entries.enumerated().flatMap { index, entry in
            requests(of: entry, index: index, in: batch)
        }
    }

    /// One or more requests; the last one finishes the envelope.
    private func requests(of entry: EnvelopeBatch.Entry, index: Int, in batch: EnvelopeBatch) -> [OTLPRequest] {
        let body: MetricBody
        do throws(MetricJSONError) {
            body = try MetricBody(checking: batch.body(of: entry))
        } catch {
            return [skip(index, "unreadable-body", "its body is no metric: \(error)")]
        }
        let seconds = UInt64(clamping: entry.collectionTime).multipliedReportingOverflow(by: 1_000_000_000)
        let page = MetricsPage(body.content, time: seconds.overflow ? entry.publishTime : seconds.partialValue)
        guard page.samples > 0 else {
            return [skip(index, "no-samples", "the page has no sample that can be read")]
        }
        var head = Opentelemetry_Proto_Metrics_V1_ResourceMetrics()
        head.resource = OTLPAttributes.resource(
            of: batch, nodeID: body.node.id, job: job, hostName: hostName, withEpoch: false)
        var scope = Opentelemetry_Proto_Metrics_V1_ScopeMetrics()
        scope.scope = OTLPAttributes.scope(of: batch.lane.dataType, origin: nil)
        head.scopeMetrics = [scope]
        var requests = pieces(page.metrics[...], head).map { message, points in
            OTLPRequest(message: message, signal: .metrics, records: points, touched: 1, finished: 0)
        }
        requests[requests.count - 1].finished = 1
        if requests.count > 1 { requests[requests.count - 1].changed[ContentChange.split.rawValue] = 1 }
        if page.unreadLines > 0 { requests[requests.count - 1].changed["lines-unread"] = 1 }
        return requests
    }

    private func skip(_ index: Int, _ rule: String, _ reason: String) -> OTLPRequest {
        OTLPRequest(
            message: ByteBuffer(), signal: .metrics, records: 0, touched: 1, finished: 1,
            skipped: [(index, rule, reason)])
    }

    /// Halves the metrics until they fit; a single metric goes as it is.
    private func pieces(
        _ metrics: ArraySlice<MetricsPage.Metric>, _ head: Opentelemetry_Proto_Metrics_V1_ResourceMetrics
    ) -> [(message: ByteBuffer, points: Int)] {
        var request = Request()
        request.resourceMetrics = [head]
        request.resourceMetrics[0].scopeMetrics[0].metrics = Array(metrics)
        let bytes = request.wireBytes
        guard bytes.count > limit, metrics.count > 1 else {
            let points = metrics.reduce(0) { $0 + $1.gauge.dataPoints.count + $1.sum.dataPoints.count }
            return [(ByteBuffer(bytes: bytes), points)]
        }
        let middle = metrics.startIndex + metrics.count / 2
        return pieces(metrics[..<middle], head) + pieces(metrics[middle...], head)
    }
}
