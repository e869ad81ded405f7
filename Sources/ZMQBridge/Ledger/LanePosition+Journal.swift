internal import Diagnosis
internal import Journal

extension LanePosition {
    init(_ point: LanePoint) {
        self.init(epoch: point.epoch, sequence: point.sequence)
    }

    var point: LanePoint { LanePoint(epoch: epoch, sequence: sequence) }
}
