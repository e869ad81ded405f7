import Diagnosis
private import Glibc
import SystemPackage
import SystemSupport

/// A file of metrics, one a line, with every envelope once. Its calls block, so they are not for tasks.
///
/// It holds whole lines only: an unfinished one that a crash or a full disk left is cut off when the file is opened, or before the next write.
struct NDJSONFile: Sendable {
    let path: String
    private let fileSystem: FileSystem
    private var open: Open?
    /// The right to write the file.
    private var lock: FileLock?
    /// The last envelope of each lane in the file, or in the one that was at this path before.
    private var positions: [Lane: LanePosition] = [:]

    private struct Open {
        var descriptor: CInt
        var status: FileSystem.Status
        /// Where the file must be cut before the next write.
        var cut: Int?
    }

    init(path: String, fileSystem: FileSystem = FileSystem()) {
        self.path = path
        self.fileSystem = fileSystem
    }

    /// Appends the batch in one write, without the envelopes that are already there.
    mutating func append(_ batch: EnvelopeBatch) -> ReportOutcome {
        do throws(ReportError) {
            try prepare()
        } catch {
            return ReportOutcome(accepted: 0, failure: .init(count: batch.count, error: error))
        }
        var lines: [UInt8] = []
        lines.reserveCapacity(batch.byteCount + batch.count * 120)
        var present = 0
        var taken = 0
        var refusal: ReportError?
        for entry in batch.entries {
            if isPresent(entry, batch) {
                if lines.isEmpty { present += 1 }
            } else {
                refusal = appendLine(of: entry, batch, to: &lines)
                if refusal != nil { break }
            }
            taken += 1
        }
        do throws(SystemCallError) {
            try write(lines)
        } catch {
            return ReportOutcome(
                accepted: present, failure: .init(count: taken - present, error: storageError("write", error)))
        }
        if taken > 0, let last = batch.prefix(taken).entries.last { remember(last, batch) }
        return ReportOutcome(accepted: taken, failure: refusal.map { .init(count: 1, error: $0) })
    }

    mutating func close() {
        if let open { fileSystem.close(open.descriptor) }
        open = nil
        lock = nil
    }

    // MARK: envelopes

    private func isPresent(_ entry: EnvelopeBatch.Entry, _ batch: EnvelopeBatch) -> Bool {
        guard batch.epoch != 0, let last = positions[batch.lane] else { return false }
        return LanePosition(epoch: batch.epoch, sequence: entry.sequence) <= last
    }

    private mutating func remember(_ entry: EnvelopeBatch.Entry, _ batch: EnvelopeBatch) {
        guard batch.epoch != 0 else { return }
        let position = LanePosition(epoch: batch.epoch, sequence: entry.sequence)
        positions[batch.lane] = max(position, positions[batch.lane] ?? position)
    }

    private func appendLine(
        of entry: EnvelopeBatch.Entry, _ batch: EnvelopeBatch, to lines: inout [UInt8]
    ) -> ReportError? {
        do throws(MetricJSONError) {
            let body = try MetricBody(checking: batch.body(of: entry))
            guard body.json.count <= NDJSONScan.longestLine - 256 else {
                return ReportError(
                    code: .refused, message: "the metric has \(body.json.count) bytes, too many for a line of \(path)")
            }
            // Of a metric that nearly fills a line, the origin is left out.
            let hasRoom = body.json.count <= NDJSONScan.longestLine - 256 - MetricOrigin.largest
            NDJSONLine.append(
                body, origin: hasRoom ? batch.originJSON(of: entry) : nil, publisher: batch.lane.publisher,
                epoch: batch.epoch, sequence: entry.sequence, to: &lines)
            return nil
        } catch {
            return ReportError(code: .refused, message: "the envelope's body is not a metric: \(error)")
        }
    }

    // MARK: the file

    private mutating func write(_ lines: [UInt8]) throws(SystemCallError) {
        guard !lines.isEmpty, let open else { return }
        var written = 0
        do throws(SystemCallError) {
            try fileSystem.writeAll(open.descriptor, lines, written: &written)
            self.open?.status.size += written
        } catch {
            if written > 0, open.status.kind == .regular { self.open?.cut = open.status.size }
            throw error
        }
    }

    /// Makes sure that the file at the path is open and ends with a whole line.
    private mutating func prepare() throws(ReportError) {
        if let open {
            if let now = try? fileSystem.status(ofPath: path), now.isSameFile(as: open.status) {
                self.open?.status.size = now.size
            } else {
                close()
            }
        }
        if open == nil { try openFile() }
        guard let open, let cut = open.cut else { return }
        do throws(SystemCallError) {
            try fileSystem.truncate(open.descriptor, to: min(cut, open.status.size))
            self.open?.status.size = min(cut, open.status.size)
            self.open?.cut = nil
        } catch {
            throw storageError("cut", error)
        }
    }

    private mutating func openFile() throws(ReportError) {
        let resolved: String
        do throws(TrustedPathError) {
            resolved = try TrustedPath.resolve(path)
        } catch {
            throw ReportError(code: .storage, message: "cannot open \(path): \(error)")
        }
        let descriptor: CInt
        do throws(SystemCallError) {
            descriptor = try fileSystem.open(resolved)
        } catch {
            throw storageError("open", error)
        }
        do throws(ReportError) {
            try checkOwner(descriptor)
            open = try check(descriptor, resolved)
        } catch {
            fileSystem.close(descriptor)
            throw error
        }
    }

    private func checkOwner(_ descriptor: CInt) throws(ReportError) {
        let status: FileSystem.Status
        do throws(SystemCallError) {
            status = try fileSystem.status(descriptor)
        } catch {
            throw storageError("read", error)
        }
        guard status.kind != .regular || TrustedPath.isOurs(status.owner) else {
            throw ReportError(
                code: .storage,
                message: "cannot write \(path): it belongs to user \(status.owner), who could change it")
        }
    }

    private mutating func check(_ descriptor: CInt, _ resolved: String) throws(ReportError) -> Open {
        do {
            let status = try fileSystem.status(descriptor)
            switch status.kind {
            case .characterDevice: return Open(descriptor: descriptor, status: status)
            case .directory, .other: break
            case .regular:
                if let obstacle = try takeLock(descriptor, resolved) {
                    throw ReportError(code: .storage, message: "cannot write \(path): \(obstacle)")
                }
                return try scan(descriptor)
            }
        } catch let error as SystemCallError {
            throw storageError("read", error)
        } catch let error as ReportError {
            throw error
        } catch {
            throw ReportError(code: .storage, message: "cannot read \(path): \(error)")
        }
        throw ReportError(code: .storage, message: "cannot write \(path): it is not a regular file")
    }

    /// Takes the lock of a file of our own beside the other one, which only its user can open: whoever may read a file can hold a lock on it.
    /// Where there can be none, the file itself is locked.
    ///
    /// - Returns: who has the lock, if somebody has.
    private mutating func takeLock(_ descriptor: CInt, _ resolved: String) throws(SystemCallError) -> String? {
        do throws(SystemCallError) {
            switch try FileLock.tryTake(resolved + ".lock") {
            case .taken(let taken):
                taken.write(note: "pid \(getpid())\n")
                lock = taken
                return nil
            case .held(let note):
                let holder = note.prefix { $0 != "\n" }
                guard holder != "pid \(getpid())" else { return "this process is writing it under another name" }
                return "another process is writing it" + (holder.isEmpty ? "" : " (\(holder))")
            }
        } catch {
            do throws(SystemCallError) {
                try fileSystem.lock(descriptor)
                return nil
            } catch {
                guard error.code == .wouldBlock else { throw error }
                return "another process is writing it"
            }
        }
    }

    private mutating func scan(_ descriptor: CInt) throws(SystemCallError) -> Open {
        let scan = try NDJSONScan(descriptor, fileSystem)
        positions.merge(scan.positions) { max($0, $1) }
        let status = try fileSystem.status(descriptor)
        return Open(descriptor: descriptor, status: status, cut: scan.end < status.size ? scan.end : nil)
    }

    private func storageError(_ verb: String, _ error: SystemCallError) -> ReportError {
        ReportError(code: .storage, message: "cannot \(verb) \(path): \(error.reason)")
    }
}
