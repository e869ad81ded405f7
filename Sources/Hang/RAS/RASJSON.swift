private import FoundationEssentials

/// The JSON that NCCL's RAS answers since 2.28.7 (`src/ras/client_support.cc`).
package enum RASJSON {
    /// Adds the comma that NCCL 2.28.7 and 2.28.9 leave out between `nvml_dev` and `status` of a missing rank. Everything else stays as it is.
    package static func mended(_ json: [UInt8]) -> [UInt8] {
        var mended: [UInt8] = []
        mended.reserveCapacity(json.count + 64)
        var (isInString, isEscaped) = (false, false)
        /// The last byte outside of white space, where it ended a value.
        var endsValue = false
        for byte in json {
            if isInString {
                mended.append(byte)
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isInString = false
                    endsValue = true
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""):
                if endsValue { insertComma(&mended) }
                isInString = true
            case 0x20, 0x0A, 0x0D, 0x09: break
            default: endsValue = isEndOfValue(byte)
            }
            mended.append(byte)
        }
        return mended
    }

    /// Right behind the value, in front of the white space that follows it.
    private static func insertComma(_ bytes: inout [UInt8]) {
        let end = bytes.lastIndex { ![0x20, 0x0A, 0x0D, 0x09].contains($0) }.map { $0 + 1 } ?? bytes.count
        bytes.insert(UInt8(ascii: ","), at: end)
    }

    /// A digit, the last letter of `true`, `false` and `null`, or a closing bracket.
    private static func isEndOfValue(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "e"), UInt8(ascii: "l"), UInt8(ascii: "]"),
            UInt8(ascii: "}"):
            true
        default: false
        }
    }
}

/// The answer's keys that are read. A value of another type counts as none.
private struct RASAnswer: Decodable {
    struct Communicator: Decodable {
        var hash: String?
        var secondaryHash: String?
        var size: Int?
        var ranks: [Rank]
        var missing: [Rank]

        enum CodingKeys: String, CodingKey {
            case hash, size, ranks
            case secondaryHash = "secondary_hash"
            case missing = "missing_ranks"
        }

        init(from decoder: any Decoder) throws {
            let values = try decoder.container(keyedBy: CodingKeys.self)
            hash = try? values.decode(String.self, forKey: .hash)
            secondaryHash = try? values.decode(String.self, forKey: .secondaryHash)
            size = try? values.decode(Int.self, forKey: .size)
            ranks = (try? values.decode([Rank].self, forKey: .ranks)) ?? []
            missing = (try? values.decode([Rank].self, forKey: .missing)) ?? []
        }
    }

    struct Rank: Decodable {
        var rank: Int?
        var host: String?
        var pid: Int?
        var device: Int?
        var nvmlDevice: Int?
        var status: Status?
        var counts: [String: Int64]?

        enum CodingKeys: String, CodingKey {
            case rank, host, pid, status
            case device = "cuda_dev"
            case nvmlDevice = "nvml_dev"
            case counts = "collective_counts"
        }

        init(from decoder: any Decoder) throws {
            let values = try decoder.container(keyedBy: CodingKeys.self)
            rank = try? values.decode(Int.self, forKey: .rank)
            host = try? values.decode(String.self, forKey: .host)
            pid = try? values.decode(Int.self, forKey: .pid)
            device = try? values.decode(Int.self, forKey: .device)
            nvmlDevice = try? values.decode(Int.self, forKey: .nvmlDevice)
            status = try? values.decode(Status.self, forKey: .status)
            counts = try? values.decode([String: Int64].self, forKey: .counts)
        }
    }

    struct Status: Decodable {
        var initState: Int?
        var asyncError: Int?
        var isFinalizing: Bool?
        var isDestroyed: Bool?
        var isAborted: Bool?
        var isUnresponsive: Bool?
        var isDead: Bool?

        enum CodingKeys: String, CodingKey {
            case initState = "init_state"
            case asyncError = "async_error"
            case isFinalizing = "finalize_called"
            case isDestroyed = "destroy_flag"
            case isAborted = "abort_flag"
            case isUnresponsive = "unresponsive"
            case isDead = "considered_dead"
        }
    }

    var version: String?
    var count: Int?
    var communicators: [Communicator]

    enum CodingKeys: String, CodingKey {
        case communicators
        case version = "nccl_version"
        case count = "communicators_count"
    }

    init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        version = try? values.decode(String.self, forKey: .version)
        count = try? values.decode(Int.self, forKey: .count)
        communicators = try values.decode([Communicator].self, forKey: .communicators)
    }
}

extension RASStatus {
    /// Reads a mended answer: what is not as expected in it is passed over. `nil` if it is no answer of RAS.
    init?(json: [UInt8]) {
        guard let answer = try? JSONDecoder().decode(RASAnswer.self, from: Data(json)) else { return nil }
        self.init()
        version = answer.version
        communicators = answer.communicators.compactMap(RASCommunicator.init)
        communicatorCount = max(answer.count ?? 0, communicators.count)
        var lost: [RASProcess: RASMissingRank.State] = [:]
        for communicator in communicators {
            for rank in communicator.missing {
                guard let process = communicator.processes[rank.rank], lost[process] != .dead else { continue }
                lost[process] = rank.state
            }
        }
        let sorted = lost.sorted { ($0.key.host, $0.key.pid, $0.key.gpu) < ($1.key.host, $1.key.pid, $1.key.gpu) }
        dead = sorted.filter { $0.value == .dead }.map(\.key)
        missing = sorted.filter { $0.value != .dead }.map(\.key)
    }
}

extension RASCommunicator {
    /// `ncclInProgress`: of a call that does not block, and no error.
    private static let inProgress = 7

    fileprivate init?(_ answer: RASAnswer.Communicator) {
        guard let hash = answer.hash else { return nil }
        let id = [hash, answer.secondaryHash].compactMap(\.self).joined(separator: ":")
        self.init(
            id: id.split(separator: ":").map { $0.hasPrefix("0x") ? $0.dropFirst(2) : $0 }.joined(separator: ":"),
            size: answer.size ?? answer.ranks.count + answer.missing.count, isRunning: !answer.ranks.isEmpty)
        var launched: [String: [Int64: [Int]]] = [:]
        for value in answer.ranks {
            guard let rank = value.rank, Self.ranks.contains(rank) else { continue }
            processes[rank] = RASProcess(value)
            if let status = value.status { record(status, of: rank) }
            for (operation, count) in value.counts ?? [:] {
                launched[operation, default: [:]][count, default: []].append(rank)
            }
        }
        counts = launched.mapValues { byCount in
            byCount.map { RASCount(launched: $0.key, ranks: RankSet($0.value)) }.sorted { $0.launched > $1.launched }
        }
        for value in answer.missing {
            guard let rank = value.rank, Self.ranks.contains(rank) else { continue }
            processes[rank] = RASProcess(value)
            let state: RASMissingRank.State =
                value.status?.isDead == true ? .dead : value.status?.isUnresponsive == true ? .unresponsive : .missing
            missing.append(RASMissingRank(rank: rank, state: state))
        }
    }

    private mutating func record(_ status: RASAnswer.Status, of rank: Int) {
        let (initialised, problem) = (status.initState ?? 0, status.asyncError ?? 0)
        if initialised != 0 || [status.isFinalizing, status.isDestroyed, status.isAborted].contains(true) {
            isRunning = false
        }
        if initialised != 0, initialised != Self.inProgress {
            errors.append("rank \(rank) was not initialised: NCCL's error \(initialised)")
        }
        if problem != 0, problem != Self.inProgress { errors.append("rank \(rank) reports NCCL's error \(problem)") }
    }
}

extension RASProcess {
    fileprivate init?(_ rank: RASAnswer.Rank) {
        guard let host = rank.host, let pid = rank.pid else { return nil }
        var gpu = rank.device.map { "\($0)" } ?? ""
        if let nvml = rank.nvmlDevice, nvml != rank.device { gpu += " (NVML \(nvml))" }
        self.init(host: host, pid: pid, gpu: gpu)
    }
}
