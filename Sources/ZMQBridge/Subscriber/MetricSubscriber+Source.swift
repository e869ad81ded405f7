internal import Diagnosis
internal import SystemSupport

extension MetricSubscriber: EnvelopeSource {
    package func waitForRest() async {
        let now = WallClock.nanoseconds()
        await wait { status in
            status.connections.allSatisfy { $0.publisher == nil || $0.deliveredThrough >= now }
        }
    }

    package var counts: [(name: String, count: UInt64)] {
        let status = status
        return [
            ("received", status.received), ("replayed", status.replayed), ("missing", status.missing),
            ("malformed", status.malformed), ("newer-version", status.newerVersion),
        ]
    }
}
