internal import Diagnosis
internal import ZMQBridge

/// How fast numbers change, from one look to the next.
package struct TopRates: Sendable {
    /// A number that is watched.
    struct Name: Hashable {
        /// Whose it is: a publisher, a consumer, a file.
        var owner: String
        var what: String
    }

    private struct Mark {
        var time: Double
        var value: Double
    }

    /// Over how many seconds a rate is told. Processes write their self-metrics every 5 s.
    static let window: Double = 15

    private var marks: [Name: [Mark]] = [:]
    private var seen: Set<Name> = []

    package init() {}

    /// Takes in what a number is at a time; several of the same time count once.
    ///
    /// - Parameter isCounter: whether it only grows, and starts again with its process.
    mutating func record(_ name: Name, _ value: Double, at time: Double, isCounter: Bool = true) {
        seen.insert(name)
        var known = marks[name] ?? []
        if let last = known.last {
            guard time != last.time else { return }
            if time < last.time || isCounter && value < last.value { known = [] }
        }
        known.append(Mark(time: time, value: value))
        // One from before the window stays, while there is no other to compare with.
        while known.count > 2, known[0].time < time - Self.window { known.removeFirst() }
        marks[name] = known
    }

    /// Forgets the numbers that have not been recorded since this was called last.
    mutating func forgetOthers() {
        marks = marks.filter { seen.contains($0.key) }
        seen = []
    }

    /// `nil` until there are two marks to compare.
    func perSecond(_ name: Name) -> Double? {
        guard let known = marks[name], let first = known.first, let last = known.last, last.time > first.time else {
            return nil
        }
        return (last.value - first.value) / (last.time - first.time)
    }
}

extension TopRates {
    /// All numbers of a look whose rates are shown.
    mutating func record(_ look: TopLook) {
        for report in look.reports {
            let publisher = report.status.publisher
            for lane in report.status.lanes {
                let owner = "\(publisher) \(lane.dataType)"
                record(Name(owner: owner, what: "produced"), Double(lane.produced), at: look.at)
                if let bytes = lane.publishedBytes {
                    record(Name(owner: owner, what: "bytes"), Double(bytes), at: look.at)
                }
            }
            for consumer in report.status.consumers {
                let owner = "\(publisher) \(consumer.account.consumer)"
                record(Name(owner: owner, what: "delivered"), Double(consumer.delivered), at: look.at)
                let published = report.status.publishedBytes(for: consumer)
                record(
                    Name(owner: owner, what: "bytes"), Double(published - consumer.pendingBytes), at: look.at,
                    isCounter: false)
            }
            for reading in report.telemetry.logs {
                for file in reading.files {
                    let owner = "\(publisher) \(reading.command) \(file.file)"
                    let time = Double(reading.written)
                    record(Name(owner: owner, what: "lines"), Double(file.lines), at: time)
                    record(Name(owner: owner, what: "bytes"), Double(file.bytes), at: time)
                    record(Name(owner: owner, what: "unread"), Double(file.unreadBytes), at: time, isCounter: false)
                }
            }
        }
        forgetOthers()
    }
}

extension PublisherStatus.Consumer {
    /// How many envelopes were accepted, in all lanes.
    var delivered: UInt64 { account.lanes.reduce(0) { $0 &+ ($1.delivered ?? 0) } }
    var pending: UInt64 { lanes.reduce(0) { $0 &+ $1.pending } }
    var pendingBytes: Int { lanes.reduce(0) { $0 &+ $1.pendingBytes } }
}

extension PublisherStatus {
    /// How many bytes were published in this run in the lanes that a consumer takes.
    func publishedBytes(for consumer: Consumer) -> Int {
        let types = Set(consumer.lanes.map(\.dataType))
        return lanes.filter { types.contains($0.dataType) }.reduce(0) { $0 &+ Int(clamping: $1.publishedBytes ?? 0) }
    }
}
