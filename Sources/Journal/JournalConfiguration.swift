private import Synchronization
internal import SystemSupport

/// How safely a journal keeps what is appended, and how much of it.
public struct JournalConfiguration: Sendable {
    /// What an appended record survives.
    public enum Durability: Sendable, Hashable {
        /// Any end of the process, `kill -9` included. Nothing is synced at once; a publisher syncs about once a second.
        case processCrash
        /// A power cut, too: nothing counts as published before its fdatasync(2).
        case powerLoss
    }

    /// `processCrash` unless set.
    public var durability: Durability
    /// In bytes, 16 MiB unless set: a lane begins a new segment file before one would grow beyond this. A single group that is larger
    /// still goes into one file.
    public var segmentBytes: Int
    /// In bytes, 2 GiB unless set: the most that all segments together take. The oldest are deleted for it.
    public var totalBytes: Int
    /// How long a record is kept at most after it was written, to the precision of a segment; `nil`: as long as there is room.
    public var maximumAge: Duration?
    /// In bytes: how much of a lane is safe from being deleted for other lanes. At most, and if `nil`: `totalBytes` divided by the number
    /// of lanes.
    public var laneReserveBytes: Int?
    /// How many lanes there may be. Each has one file open.
    package var maximumLanes = 64
    /// Opens what is there without changing it, also beside a running writer. Nothing can be appended.
    package var isReadOnly = false
    /// Seconds since 1970; used for ages only.
    package var now: @Sendable () -> Int64 = { WallClock.seconds() }

    /// - Parameters: as the properties of these names.
    public init(
        durability: Durability = .processCrash, segmentBytes: Int = 16 << 20, totalBytes: Int = 2 << 30,
        maximumAge: Duration? = nil, laneReserveBytes: Int? = nil
    ) {
        self.durability = durability
        self.segmentBytes = segmentBytes
        self.totalBytes = totalBytes
        self.maximumAge = maximumAge
        self.laneReserveBytes = laneReserveBytes
    }

    /// For a journal that is only read.
    package static var readOnly: JournalConfiguration {
        var configuration = JournalConfiguration()
        configuration.isReadOnly = true
        return configuration
    }
}

/// How much a journal keeps: what of its configuration may change while it is open.
package struct JournalLimits: Hashable, Sendable {
    /// As `JournalConfiguration` describes them.
    package var segmentBytes = 0
    package var totalBytes = 0
    package var maximumAge: Duration?
    package var laneReserveBytes: Int?

    init() {}

    package init(_ configuration: JournalConfiguration) {
        segmentBytes = configuration.segmentBytes
        totalBytes = configuration.totalBytes
        maximumAge = configuration.maximumAge
        laneReserveBytes = configuration.laneReserveBytes
    }
}

extension Journal {
    /// How much is kept now.
    package var limits: JournalLimits { state.withLock { $0.limits } }

    /// Keeps more or less from the next append on; what is too much then is deleted, the oldest first.
    package func change(to limits: JournalLimits) {
        state.withLock { $0.limits = limits }
    }
}
