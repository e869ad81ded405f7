private import Diagnosis
private import FoundationEssentials
private import SystemSupport

/// How changes of a training are told.
package enum ProgressText {
    /// A sentence for an operator, without its full stop.
    package static func sentence(_ kind: ProgressChange.Kind, _ training: ProgressSnapshot) -> String {
        let who = training.rank.map { "rank \($0)" } ?? "the training"
        let step = position(of: training)
        switch kind {
        case .running:
            return "\(who) makes steps\(step.map { ", now \($0)" } ?? "")" + speed(training)
        case .silent:
            let silence = span(training.silence ?? 0)
            guard let step else { return "\(who) has made no step for \(silence) since it started" }
            return "\(who) has made no step for \(silence), the last was \(step)" + speed(training)
        case .slow:
            let usual = training.usualStepSeconds.map { " instead of \(span($0))" } ?? ""
            return "\(who) is slow: a step takes \(span(training.stepSeconds ?? 0))\(usual)"
                + (step.map { ", now \($0)" } ?? "")
        case .restarted:
            return
                "\(who) has started again, now \(step ?? "before its first step"); lost: \(span(training.lostSeconds)) of steps"
        case .finished:
            return "\(who) says that it has ended" + (step.map { ", at \($0)" } ?? "")
        }
    }

    /// The content of a metric: a line for people, and one of JSON.
    package static func content(of change: ProgressChange) -> String {
        let alarm = change.kind == .silent || change.kind == .slow ? "arobust alarm: " : "arobust: "
        let path = TerminalText.lines(change.snapshot.path)
        return "\(alarm)\(sentence(change.kind, change.snapshot)) (\(path))\n" + json(change.snapshot)
    }

    /// One JSON object on one line.
    package static func json(_ training: ProgressSnapshot) -> String {
        String(decoding: bytes(training), as: UTF8.self)
    }

    static func bytes(_ value: some Encodable) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "+Inf", negativeInfinity: "-Inf", nan: "NaN")
        return (try? encoder.encode(value)).map { Array($0) } ?? Array("{}".utf8)
    }

    private static func position(of training: ProgressSnapshot) -> String? {
        let total = training.total.map { " of \(number($0))" } ?? ""
        switch (training.step, training.epoch) {
        case (let step?, nil): return "step \(number(step))\(total)"
        case (let step?, let epoch?): return "step \(number(step))\(total) of epoch \(number(epoch))"
        case (nil, let epoch?): return "epoch \(number(epoch))"
        case (nil, nil): return nil
        }
    }

    private static func speed(_ training: ProgressSnapshot) -> String {
        training.stepSeconds.map { " (mostly \(span($0)) a step)" } ?? ""
    }

    private static func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
    }

    /// `0.81 s`, `41 s`, `12 min`.
    package static func span(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds >= 0, seconds < 1e12 else { return "?" }
        switch seconds {
        case ..<0.01: return "\((seconds * 1e5).rounded() / 100) ms"
        case ..<10: return "\((seconds * 100).rounded() / 100) s"
        case ..<120: return "\(Int(seconds.rounded())) s"
        case ..<7200: return "\(Int((seconds / 60).rounded())) min"
        default: return "\(Int((seconds / 3600).rounded())) h"
        }
    }
}
