/// Sees the lines of logs once they are reported.
public protocol LogObserver: Sendable {
    /// Takes lines that were reported just now.
    ///
    /// A log collector calls this on its own thread and reads nothing meanwhile, so it must be quick and must not block. The calls for one
    /// log come one after another, in the order of its lines; those for several logs may come at once.
    ///
    /// What was reported comes once, as long as the process lives; what could not be reported comes when it is. After a kill, the lines
    /// that were reported last may be missing, and where the stored position is lost, lines come again.
    ///
    /// - Parameters:
    ///   - lines: whole lines as they were reported: joined by newlines, without the final one, and with U+FFFD for what is no UTF-8. The
    ///     pieces of a line that is too long come as lines of their own, each but the last with the mark of the cut at its end.
    ///   - path: the log's, absolute.
    func observe(_ lines: String, of path: String)
}
