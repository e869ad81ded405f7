internal import SystemSupport

/// Where ranks leave the dumps of PyTorch's Flight Recorder.
package struct FlightRecorderPlaces: Hashable, Sendable {
    /// Prefixes of dump files, as `TORCH_FR_DUMP_TEMP_FILE` and `TORCH_NCCL_DEBUG_INFO_TEMP_FILE` have them: a rank's number follows. `auto`
    /// stands for what the ranks' own environments say. Empty: `auto`.
    package var files: [String]
    /// The prefix of named pipes through which NCCL's build of PyTorch takes the wish for a dump: `<prefix><rank>.pipe`
    /// (`TORCH_NCCL_DEBUG_INFO_PIPE_FILE`). `auto` as above; `nil`: nobody is asked.
    package var pipe: String?

    /// Stands for what the ranks' environments say.
    package static let automatic = "auto"

    package init(files: [String] = [], pipe: String? = nil) {
        self.files = files
        self.pipe = pipe
    }

    /// One folder and how the names of dumps in it begin.
    struct Prefix: Hashable, Sendable {
        let folder: String
        let name: String

        init(_ path: String) {
            let path = Directory.absolute(path)
            let slash = path.lastIndex(of: "/") ?? path.startIndex
            folder = slash == path.startIndex ? "/" : String(path[..<slash])
            name = String(path[path.index(after: slash)...])
        }

        /// The rank whose dump has this name; `nil` for other files.
        ///
        /// With `TORCH_FR_DUMP_DYNAMIC_FILE_NAME` the prefix changes while the training runs: there, something may stand between the two that
        /// does not end in a digit.
        func rank(of file: String) -> Int? {
            guard file.utf8.count <= 255, file.utf8.count > name.utf8.count, file.hasPrefix(name) else { return nil }
            let rest = file.dropFirst(name.count)
            let digits = rest.reversed().prefix { $0.isASCII && $0.isNumber }.count
            guard digits > 0, digits <= 7 else { return nil }
            guard digits == rest.count || !name.isEmpty else { return nil }
            return Int(rest.suffix(digits))
        }
    }

    /// The prefixes, with those of the ranks in the place of `auto`. Blocks on `/proc`.
    func prefixes(of ranks: [LocalRank]) -> [Prefix] {
        var prefixes: [Prefix] = []
        func add(_ path: String) {
            let prefix = Prefix(path)
            if !prefixes.contains(prefix) { prefixes.append(prefix) }
        }
        for file in files.isEmpty ? [Self.automatic] : files {
            guard file == Self.automatic else {
                add(file)
                continue
            }
            for rank in ranks { add(rank.path(Self.prefix(of: rank.environment))) }
        }
        return prefixes
    }

    /// As PyTorch makes it (`torch/csrc/distributed/c10d/FlightRecorderDetail.hpp`, `DebugInfoWriter::getWriter`).
    static func prefix(of environment: [String: String]) -> String {
        if let set = environment["TORCH_FR_DUMP_TEMP_FILE"] ?? environment["TORCH_NCCL_DEBUG_INFO_TEMP_FILE"] {
            return set
        }
        let cache = environment["XDG_CACHE_HOME"] ?? (environment["HOME"] ?? "/tmp") + "/.cache"
        return cache + "/torch/comm_lib_trace_rank_"
    }

    /// The pipe of a rank; `nil` if it has none.
    func pipe(of rank: Int, process: LocalRank?) -> String? {
        guard let pipe else { return nil }
        guard pipe == Self.automatic else { return Directory.absolute(pipe) + "\(rank).pipe" }
        guard let process, let own = process.environment["TORCH_NCCL_DEBUG_INFO_PIPE_FILE"], !own.isEmpty else {
            return nil
        }
        return process.path(own) + "\(rank).pipe"
    }
}
