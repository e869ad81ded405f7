internal import Diagnosis
internal import ZMQBridge

/// What a consumer says of a lane beside what the publisher says of the same.
struct ConsumerStanding {
    var dataType: DiagnosisDataType
    /// `nil`: the consumer has no account of it yet.
    var account: ConsumerAccount.Lane?
    /// `nil`: the publisher doesn't know the lane.
    var standing: PublisherStatus.ConsumerLane?

    var skipped: UInt64 { account?.skipped?.total ?? 0 }
    var lost: UInt64 { account?.lost?.total ?? 0 }
    var pending: UInt64 { standing?.pending ?? 0 }
    var unnoticed: UInt64 { standing?.unnoticed.total ?? 0 }
}

extension PublisherStatus.Consumer {
    /// Every lane that either side speaks of, in the order of the names.
    var standings: [ConsumerStanding] {
        var all: [String: ConsumerStanding] = [:]
        for lane in account.lanes {
            all[lane.dataType.rawValue, default: ConsumerStanding(dataType: lane.dataType)].account = lane
        }
        for lane in lanes {
            all[lane.dataType.rawValue, default: ConsumerStanding(dataType: lane.dataType)].standing = lane
        }
        return all.sorted { $0.key < $1.key }.map(\.value)
    }
}
