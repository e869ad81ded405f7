package import Diagnosis

/// Says which envelope a slot belongs to. Stored before the envelope is sent, so that no other is sent in its slot whatever happens.
package struct SlotMark: Hashable, Sendable {
    package var slot: SampleSlot
    package var lane: Lane
    package var position: LanePosition

    package init(slot: SampleSlot, lane: Lane, position: LanePosition) {
        self.slot = slot
        self.lane = lane
        self.position = position
    }
}
