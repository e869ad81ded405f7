package import Diagnosis

/// An envelope that a master refused for good.
package struct DeadLetter: Sendable {
    /// Holds the envelope alone.
    package var batch: EnvelopeBatch
    /// What the master said.
    package var reason: String
    /// Seconds since 1970.
    package var time: Int64
}
