internal import ConsoleStore
internal import Diagnosis

// Answers with many numbers or lines, written without an encoder.

extension JSONText {
    mutating func rank(_ rank: RankAnswer) {
        object {
            $0.place(rank.key, node: rank.nodeRank, rank: rank.rank)
            $0.member("last_line", time: rank.lastLine)
            $0.member("lines", rank.lines)
            $0.member("step", number: rank.step)
            $0.member("step_seconds", number: rank.stepSeconds)
            $0.member("last_step", time: rank.lastStep)
            $0.member("state", rank.state.rawValue)
            $0.member("alarm", rank.alarm)
        }
    }

    fileprivate mutating func place(_ key: String, node: Int, rank: Int?) {
        member("key", key)
        member("node_rank", node)
        member("rank", rank)
    }

    fileprivate mutating func verdict(_ verdict: Verdict) {
        object {
            $0.member("level", verdict.level.rawValue)
            $0.member("text", verdict.text)
            $0.member("since", time: verdict.since)
            $0.member("link", verdict.link)
        }
    }

    fileprivate mutating func line(_ line: LogEntry) {
        object {
            $0.member("id", line.id)
            $0.member("time", time: line.time)
            $0.member("node_rank", line.nodeRank)
            $0.member("rank", line.rank)
            $0.member("type", line.type)
            $0.member("text", line.text)
            $0.member("truncated", line.truncated)
            $0.key("mark")
            if let mark = line.mark {
                $0.object {
                    $0.member("rule", mark.rule)
                    $0.member("title", mark.title)
                }
            } else {
                $0.null()
            }
            $0.key("gap")
            if let gap = line.gap {
                $0.object {
                    $0.member("from", array: [gap.from.epoch, gap.from.sequence]) { $0.int($1) }
                    $0.member("through", array: [gap.through.epoch, gap.through.sequence]) { $0.int($1) }
                    $0.member("count", gap.count)
                }
            } else {
                $0.null()
            }
        }
    }
}

extension OverviewAnswer {
    /// - Parameters:
    ///   - ranks: how many there are.
    ///   - verdicts: at least one.
    func json(verdicts: [Verdict], ranks: Int, job: String?) -> [UInt8] {
        JSONText.object {
            $0.member("now", time: now)
            $0.member("job", job)
            $0.key("verdict")
            $0.verdict(verdicts.first ?? Verdict(level: .nothing, text: ""))
            $0.member("others", array: verdicts.dropFirst()) { $0.verdict($1) }
            $0.key("freshness")
            $0.object {
                $0.member("nodes", freshness.nodes)
                $0.member("heard", freshness.heard)
                $0.member("within_seconds", number: freshness.withinSeconds)
                $0.member("silent", array: freshness.silent) { text, silent in
                    text.object {
                        $0.member("node_rank", silent.nodeRank)
                        $0.member("last_heard", time: silent.lastHeard)
                    }
                }
            }
            $0.member("ranks", ranks)
            $0.member("last_line_id", lastLineID)
            $0.key("store")
            $0.object {
                $0.member("bytes", store.bytes)
                $0.member("limit_bytes", store.limitBytes)
                $0.member("oldest", time: store.oldest)
                $0.member("lines", store.lines)
            }
        }
    }
}

extension HeatmapAnswer {
    var json: [UInt8] {
        JSONText.object {
            $0.member("since", time: since)
            $0.member("until", time: until)
            $0.member("bucket_seconds", number: bucketSeconds)
            $0.member("rows", array: rows) { text, row in
                text.object {
                    $0.place(row.key, node: row.nodeRank, rank: row.rank)
                    $0.member("state", row.state.rawValue)
                    // A tenth of a millisecond is finer than any colour.
                    $0.member("step_seconds", array: row.stepSeconds) {
                        $0.number($1.map { ($0 * 1e4).rounded() / 1e4 })
                    }
                    $0.member("lines", array: row.lines) { text, lines in
                        if let lines { text.int(lines) } else { text.null() }
                    }
                    $0.member("marks", array: row.marks) { $0.int($1) }
                }
            }
        }
    }
}

extension LogPage {
    var json: [UInt8] {
        JSONText.object {
            $0.member("lines", array: lines) { $0.line($1) }
            $0.member("next", next)
            if let lastID { $0.member("last_id", lastID) }
        }
    }
}

extension LineAnswer {
    var json: [UInt8] {
        JSONText.object {
            $0.key("line")
            $0.line(line)
            $0.member("before", array: before) { $0.line($1) }
            $0.member("after", array: after) { $0.line($1) }
        }
    }
}

extension SampleAnswer {
    var json: [UInt8] {
        JSONText.object {
            $0.member("name", name)
            $0.member("since", time: since)
            $0.member("until", time: until)
            $0.member("bucket_seconds", number: bucketSeconds)
            $0.member("rows", array: rows) { text, row in
                text.object {
                    $0.place(row.key, node: row.nodeRank, rank: row.rank)
                    $0.key("labels")
                    $0.object {
                        for (name, value) in row.labels.sorted(by: { $0.key < $1.key }) { $0.member(name, value) }
                    }
                    $0.member("values", array: row.values) { $0.number($1) }
                    $0.member("last", number: row.last)
                }
            }
            $0.member("slowest", slowest)
            $0.member("left_out", leftOut)
        }
    }
}

extension StoreChange {
    /// The data of an event, in one line.
    ///
    /// - Parameter earlier: the change that readers were told before.
    func json(now: Double, since earlier: UInt64) -> [UInt8] {
        JSONText.object {
            $0.member("now", time: now)
            $0.member("last_line_id", lastLineID)
            $0.member("lines", lines)
            $0.member("what", array: what(since: earlier)) { $0.string($1.rawValue) }
        }
    }
}
