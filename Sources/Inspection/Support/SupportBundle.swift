private import Glibc
internal import Hang
internal import SystemSupport
package import ZMQBridge

/// What somebody who is to help needs to know of a node: an archive of texts, each without secrets, within a bound.
///
/// Nothing that a training has published is in it, but for the lines of arobust's own log that are given.
package struct SupportBundle {
    /// In bytes: of one file, and of all. What is longer loses its beginning.
    package static let (mostOfFile, mostOfAll) = (1 << 20, 24 << 20)

    private var files: [IncidentBundle.File] = []
    private let time: Int64
    private let folder: String
    private var room = mostOfAll
    private var names: Set<String> = []
    private var missing: [String] = []

    /// - Parameters:
    ///   - folder: all files are in it: an ASCII name of at most 60 bytes.
    ///   - time: seconds since 1970.
    package init(folder: String, time: Int64) {
        self.time = time
        self.folder = folder
    }

    /// Adds lines for people.
    package mutating func add(_ name: String, lines: [String]) {
        add(name, lines.map { SecretText.line($0, limit: TerminalText.longestLine) + "\n" }.joined())
    }

    /// Adds a text of others, such as a log: what looks like a secret is hidden.
    package mutating func add(_ name: String, text: String) {
        add(name, SecretText.hidden(in: Self.end(of: text)))
    }

    /// Adds JSON, which stays JSON.
    package mutating func add(_ name: String, json: String) {
        guard json.utf8.count <= Self.mostOfFile else {
            return note(name, "it has \(json.utf8.count) bytes, more than \(Self.mostOfFile)")
        }
        add(name, SecretJSON.hidden(in: json) + "\n")
    }

    /// Adds the end of a file, at most `limit` bytes, as text. Only regular files and those of `/proc` are read.
    package mutating func add(_ name: String, file path: String, limit: Int = mostOfFile) {
        do {
            add(name, text: String(decoding: try FileEnd.read(path, limit: min(limit, Self.mostOfFile)), as: UTF8.self))
        } catch {
            note(name, "\(error)")
        }
    }

    /// Says in `missing.txt` why something is not there.
    package mutating func note(_ name: String, _ reason: String) {
        missing.append("\(name): \(reason)")
    }

    private mutating func add(_ name: String, _ text: String) {
        let content = Array(Self.end(of: text).utf8)
        guard names.insert(name).inserted, content.count <= room else {
            return note(name, "there is no more room: all files together have at most \(Self.mostOfAll) bytes")
        }
        room -= content.count
        files.append(IncidentBundle.File(name: name, content: content))
    }

    private static func end(of text: String) -> String {
        guard text.utf8.count > mostOfFile else { return text }
        let kept = text.utf8.suffix(mostOfFile - 64)
        // From the next line on: the first one may have been cut within a secret.
        let whole = kept.firstIndex(of: UInt8(ascii: "\n")).map { kept[$0...].dropFirst() } ?? kept.suffix(0)
        return "(its beginning is left out)\n" + String(decoding: whole, as: UTF8.self)
    }

    /// The archive, packed.
    package consuming func packed() throws(InspectionError) -> [UInt8] {
        if !missing.isEmpty { add("missing.txt", lines: missing) }
        return try GzipBytes.packed(TarArchive.write(files, under: folder, time: time))
    }
}

extension SupportBundle {
    /// Adds what a state directory tells: status, audit, health, self-metrics, files and their sizes.
    ///
    /// - Parameters:
    ///   - name: the folder within the archive.
    ///   - consumers: the directory of the masters' cursors and ledgers.
    package mutating func add(_ directory: StateDirectory, as name: String, consumers: String) async {
        let health = await Health(of: directory, consumers: consumers, part: .all)
        add("\(name)/health.txt", lines: health.problems.isEmpty ? ["nothing is wrong"] : health.problems)
        do {
            let status = try await PublisherStatus.current(of: directory, consumers: consumers)
            let telemetry = TelemetryFolder(of: directory, now: WallClock.seconds())
            add("\(name)/status.txt", lines: StatusText(status, telemetry: telemetry).lines)
            add(
                "\(name)/status.json",
                json: try InspectionJSON.text(StatusReport(status, telemetry: telemetry, problems: health.problems)))
            let audit = Audit(status)
            add("\(name)/audit.txt", lines: AuditText(audit, isStrict: false).lines)
            add("\(name)/audit.json", json: try InspectionJSON.text(audit))
        } catch {
            note("\(name)/status.json, audit.json", "\(error)")
        }
        for command in ["agent", "collect", "bridge"] {
            let path = "\(directory.path)/telemetry/\(command).prom"
            guard access(path, F_OK) == 0 else { continue }
            add("\(name)/telemetry-\(command).prom", file: path)
        }
        add("\(name)/files.txt", lines: FolderListing(of: directory.path).lines)
    }
}
