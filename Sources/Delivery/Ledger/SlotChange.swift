/// A change of the marks that the store must have.
package enum SlotChange: Hashable, Sendable {
    case mark(SlotMark)
    /// It is certain that the master did not get the envelope.
    case withdraw(SlotMark)
}
