/// Sizes of what is passed on.
package enum RelayLimits {
    /// The longest message in either direction, in bytes: as DLRover's clients set up their channel (`GRPC.MAX_RECEIVE_MESSAGE_LENGTH` of
    /// `dlrover/python/common/constants.py`).
    package static let messageBytes = 256 * 1024 * 1024
}
