package import NIOCore

/// How much of HTTP/2 a peer may still send that is of no use: frames that carry next to nothing, and bytes that nobody asked for. A value
/// without I/O.
///
/// Each frame has its price. What is not DATA costs a frame and its bytes; DATA costs only what is missing to a whole frame of `frameBytes`,
/// so that well filled ones are free, and one-byte ones are not. Each call earns what its answer, or its request, can honestly cost.
package struct FrameAllowance: Sendable {
    /// What a frame costs, in bytes. DATA of this size and more costs nothing.
    package static let frameBytes = 256
    /// What may be spent at once without any call: 8,192 empty frames.
    package static let burst = 8192 * frameBytes
    /// What comes back in a second: 512 empty frames.
    package static let perSecond = 512 * frameBytes
    /// What a call earns: 64 empty frames, or 16 KiB of headers.
    package static let perCall = 64 * frameBytes
    /// SETTINGS_MAX_FRAME_SIZE where nobody says another one (RFC 9113, section 6.5.2).
    private static let longestFrame = 16384
    /// How much DATA may come beyond what calls ask for: what was under way when they ended.
    package static let strayData = 8 << 20

    /// How much DATA one call may get; `nil`: as much as it wants, since we have asked for it.
    private let dataPerCall: Int?
    private var credit = burst
    private var data = strayData
    private var openCalls = 0
    private var filled: NIODeadline

    package init(dataPerCall: Int?, now: NIODeadline) {
        self.dataPerCall = dataPerCall
        filled = now
    }

    package mutating func beginCall() {
        openCalls += 1
        credit = min(credit + Self.perCall, Self.burst + openCalls * Self.perCall)
        if let dataPerCall { data += dataPerCall }
    }

    /// Says how many calls are open. What those that ended did not need is not kept for later.
    package mutating func keep(openCalls: Int) {
        self.openCalls = openCalls
        if let dataPerCall { data = min(data, Self.strayData + openCalls * dataPerCall) }
    }

    /// Pays for frames.
    ///
    /// - Parameters:
    ///   - price: of all of them.
    ///   - dataBytes: the DATA in them.
    /// - Throws: `PeerFlood` if that is more than there is.
    package mutating func spend(_ price: Int, dataBytes: Int, now: NIODeadline) throws(PeerFlood) {
        let earned = (now - filled).nanoseconds / 1000 * Int64(Self.perSecond) / 1_000_000
        if earned > 0 {
            filled = now
            if credit < Self.burst { credit = min(Self.burst, credit + Int(earned)) }
        }
        credit -= price
        guard credit >= 0 else { throw PeerFlood(what: "too many frames that say nothing") }
        guard dataPerCall != nil else { return }
        data -= dataBytes
        guard data >= 0 else { throw PeerFlood(what: "more data than its calls may have") }
    }

    /// What a frame costs. One that is longer than may be is an error of the protocol, which whoever reads it tells better.
    package static func price(type: UInt8, length: Int) -> Int {
        type == 0 ? max(0, frameBytes - length) : frameBytes + min(length, longestFrame)
    }
}

/// A peer sent more than an honest one does: it has cost what it may, and its connection is to be closed.
package struct PeerFlood: Error, Hashable, Sendable, CustomStringConvertible {
    /// What there was too much of; follows "it sent".
    package let what: String

    package init(what: String) {
        self.what = what
    }

    package var description: String { "it sent \(what)" }
}
