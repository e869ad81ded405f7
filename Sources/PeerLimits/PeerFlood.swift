/// A peer sent more than an honest one does: it has cost what it may, and its connection is to be closed.
package struct PeerFlood: Error, Hashable, Sendable, CustomStringConvertible {
    /// What there was too much of; follows "it sent".
    package let what: String

    package init(what: String) {
        self.what = what
    }

    package var description: String { "it sent \(what)" }
}
