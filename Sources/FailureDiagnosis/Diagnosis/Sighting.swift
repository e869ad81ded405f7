/// A line that a rule matched, with its place and time.
struct Sighting: Hashable, Sendable {
    /// How sure the time is.
    enum TimeSource: Hashable, Sendable {
        /// It is written in the line, or in an error file.
        case own
        /// It is that of the nearest earlier line that has one.
        case before
    }

    /// The rule's index in the table.
    var rule: Int
    var text: String
    var file: String?
    var offset: Int?
    var rank: Int?
    var time: Double?
    var timeSource = TimeSource.own
    /// With a time that is guessed: when the next line that has a time was written.
    var latest: Double?
    /// What kind of exception it is, if it is one.
    var standing: RaisedException.Standing?
    /// What stands before each line of its writer, for an exception; empty if nothing does.
    var prefix: [UInt8] = []
    /// How many ordinary lines follow it, for an exception: a program that ends with one writes few more.
    var ordinaryAfter = 0
    /// Why it can't be the cause.
    var dismissal: Dismissal?
    /// Whether its writer, which wrote of steps before, wrote no more of them.
    var isSilent = false
    /// Whether the log goes on after it, though ranks ended as with an exception: what was in a buffer may have been written later.
    var isLast = false
    /// Whether the kernel wrote it.
    var isKernels = false
    /// Whether the training survived such lines several times before.
    var isNoise = false
    /// Whether it comes from an error file or from the launcher's report.
    var isStructured = false
    /// How many such lines there are.
    var count = 1

    /// Distinguishes the failure that began with this line from others, by the line and its place. A log that each attempt overwrites may
    /// have the same line in the same place again, so the number of restarts is part of it.
    func signature(in failure: TrainingFailure) -> String {
        let parts = [
            file, offset.map(String.init), rank.map(String.init), time.map { "\($0)" }, "\(failure.restartCount)",
        ]
        return parts.map { $0 ?? "-" }.joined(separator: "|") + "|" + text.prefix(200)
    }
}

extension Sighting {
    /// Why a line can't be the cause, although a rule says so.
    enum Dismissal: Hashable, Sendable {
        case survived(ProgressLine)
        case beforeRun
        case otherProcess(String)

        /// The reason, as a phrase.
        var phrase: String {
            switch self {
            case .survived(let line): "the training went on after it (to \(line.label))"
            case .beforeRun: "it was before this run began"
            case .otherProcess(let name): "it is about another process (\(name))"
            }
        }
    }

    /// After so many ordinary lines, an exception that was only printed is no last word.
    private static let fewLines = 8
    /// After so many, the program seems to have gone on.
    private static let manyLines = 20

    /// Whether it may be the cause at all: not what Python goes on after, nor a consequence of another exception.
    var isPossible: Bool {
        switch standing {
        case .ignored, .consequence: false
        case .quoted, .bare: ordinaryAfter <= Self.fewLines
        case .raised: dismissal == nil
        case .inThread, nil: dismissal == nil && !isNoise
        }
    }

    /// Whether the program wrote so much after this exception that it seems to have gone on.
    var isFollowed: Bool { standing == .raised && !isSilent && ordinaryAfter > Self.manyLines }

    /// Whether something speaks against it, so that it is blamed only if nothing else explains the failure.
    var doubt: String? {
        switch standing {
        case .quoted: "it was printed as a warning, or by another program"
        case .bare: "there is no traceback"
        case .inThread: "it ended a thread, not the process"
        case .raised where isLast: "the log goes on after it"
        case .raised where isSilent: nil
        case .raised where isFollowed: "the program wrote more after it"
        case .raised, .ignored, .consequence, nil: isNoise ? "the training survived such lines before" : nil
        }
    }

    /// From when to when it may have been written; `nil` if nothing is known.
    var interval: ClosedRange<Double>? {
        guard let time else { return nil }
        return timeSource == .own ? time...time : time...max(time, latest ?? .infinity)
    }

    /// Whether it was written before another one, as far as the times tell: a time that is guessed is never earlier than a real one of the
    /// kernel's inside its interval, since the kernel writes what programs then meet.
    func isEarlier(than other: Sighting) -> Bool? {
        guard let own = interval, let second = other.interval else { return nil }
        if own.upperBound < second.lowerBound { return true }
        if second.upperBound < own.lowerBound { return false }
        if isKernels != other.isKernels, timeSource != other.timeSource { return isKernels }
        return own.lowerBound == second.lowerBound ? nil : own.lowerBound < second.lowerBound
    }
}
