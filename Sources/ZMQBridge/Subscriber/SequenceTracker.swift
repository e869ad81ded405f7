internal import Diagnosis

/// Watches the sequences of one publisher's lanes and names every envelope that is missing.
///
/// Two sources: an envelope that comes later than the expected one, and a beat that speaks of envelopes which never came (a lost tail).
/// What was published before the first contact is not missing: a live consumer begins there.
struct SequenceTracker {
    private struct LaneState {
        let dataType: DiagnosisDataType
        /// 0: nothing is known of the lane yet.
        var epoch: UInt64
        /// The sequence that must come next in `epoch`.
        var next: UInt64
    }

    /// How an envelope fits.
    enum Observation: Hashable {
        case expected
        /// It fits after these, which are missing.
        case after(epoch: UInt64, missing: ClosedRange<UInt64>)
        /// It or a later one has been there already.
        case old
    }

    private var lanes: [LaneState] = []
    private var indexes: [DiagnosisDataType: Int] = [:]
    /// The epoch of the last beat: a lane that it did not name starts at 1.
    private var beatEpoch: UInt64 = 0

    /// The place of a lane, made if need be; stays valid.
    mutating func index(of dataType: DiagnosisDataType) -> Int {
        if let index = indexes[dataType] { return index }
        lanes.append(LaneState(dataType: dataType, epoch: beatEpoch, next: 1))
        indexes[dataType] = lanes.count - 1
        return lanes.count - 1
    }

    mutating func observe(lane index: Int, epoch: UInt64, sequence: UInt64) -> Observation {
        let lane = lanes[index]
        if epoch == lane.epoch {
            guard sequence >= lane.next else { return .old }
            lanes[index].next = sequence + 1
            return sequence == lane.next ? .expected : .after(epoch: epoch, missing: lane.next...(sequence - 1))
        }
        guard epoch > lane.epoch, sequence > 0 else { return .old }
        lanes[index].epoch = epoch
        lanes[index].next = sequence + 1
        let isFirstContact = lane.epoch == 0
        return isFirstContact || sequence == 1 ? .expected : .after(epoch: epoch, missing: 1...(sequence - 1))
    }

    /// Takes a beat of `epoch` and answers what it shows to be missing, lane by lane.
    mutating func observe(
        _ beat: Beat, epoch: UInt64, wanted: (DiagnosisDataType) -> Bool
    ) -> [(dataType: DiagnosisDataType, epoch: UInt64, missing: ClosedRange<UInt64>)] {
        let isFirstContact = beatEpoch == 0
        var missing: [(dataType: DiagnosisDataType, epoch: UInt64, missing: ClosedRange<UInt64>)] = []
        for range in beat.lanes {
            let dataType = DiagnosisDataType(rawValue: range.dataType)
            let (lastEpoch, last) = (range.last[0], range.last[1])
            guard wanted(dataType), last > 0 else { continue }
            let isUnknown = indexes[dataType] == nil
            let index = index(of: dataType)
            let lane = lanes[index]
            guard (lastEpoch, last) >= (lane.epoch, lane.next) else { continue }
            lanes[index].epoch = lastEpoch
            lanes[index].next = last + 1
            if isUnknown && isFirstContact { continue }
            missing.append((dataType, lastEpoch, (lastEpoch == lane.epoch ? lane.next : 1)...last))
        }
        beatEpoch = max(beatEpoch, epoch)
        return missing
    }
}
