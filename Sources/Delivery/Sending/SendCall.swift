internal import Diagnosis

/// One call of the master's client.
struct SendCall {
    let key: SendQueue.Key
    let piece: SendPiece
    /// The master's failures in a row when it began.
    let failuresAtStart: Int

    var batch: EnvelopeBatch { piece.batch }
}
