/// How many small pieces a body of HTTP/1.1 may come in. A value without I/O.
///
/// Each piece costs what is missing to `pieceBytes`: large ones are free, one-byte ones are not.
package struct PieceAllowance: Sendable {
    /// Pieces of a body that may be small.
    package static let mostSmallPieces = 1024
    /// A piece of this size and more is free.
    package static let pieceBytes = 256

    /// What pieces were too small by, in bytes.
    private var missing = 0

    package init() {}

    /// Notes a piece.
    ///
    /// - Returns: whether there may be more.
    package mutating func take(_ bytes: Int) -> Bool {
        missing += max(0, Self.pieceBytes - bytes)
        return missing <= Self.mostSmallPieces * Self.pieceBytes
    }
}
