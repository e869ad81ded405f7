/// Which node of the job this is, as DLRover's agent names it.
public struct NodeIdentity: Hashable, Sendable {
    /// The id that the job's master gave the node; a relaunched node gets a new one.
    public var id: Int
    /// The role, `worker` nearly always. To enter the bus, 1 to 64 of `[A-Za-z0-9_.-]`.
    public var type: String
    /// The node's place in the job, kept across relaunches.
    public var rank: Int

    /// Makes an identity; the defaults are those of DLRover's agent.
    public init(id: Int = 0, type: String = "worker", rank: Int = 0) {
        self.id = id
        self.type = type
        self.rank = rank
    }

    /// Reads `NODE_ID`, `NODE_TYPE` and `NODE_RANK` (or else `WORKER_RANK`) with the defaults of DLRover's agent
    /// (`dlrover/python/common/env_utils.py`): 0, `worker`, 0.
    ///
    /// - Throws: `NodeIdentityError` for a value that is set but is not a whole number, or not a valid type.
    ///   An empty variable counts as unset, where DLRover's agent would crash.
    public init(environment: [String: String]) throws(NodeIdentityError) {
        func value(_ name: String) -> String? {
            environment[name].flatMap { $0.isEmpty ? nil : $0 }
        }
        func number(_ name: String) throws(NodeIdentityError) -> Int? {
            guard let text = value(name) else { return nil }
            guard let number = Int(text) else {
                throw NodeIdentityError(variable: name, value: text, allowed: "a whole number")
            }
            return number
        }
        let type = value("NODE_TYPE") ?? "worker"
        guard TopicWord.isValid(type) else {
            throw NodeIdentityError(variable: "NODE_TYPE", value: type, allowed: TopicWord.rule)
        }
        let nodeRank = try number("NODE_RANK")
        let workerRank = try number("WORKER_RANK")
        self.init(id: try number("NODE_ID") ?? 0, type: type, rank: nodeRank ?? workerRank ?? 0)
    }
}

/// An environment variable of the node's identity has a value that cannot be used.
public struct NodeIdentityError: Error, Hashable, CustomStringConvertible {
    /// The variable's name.
    public let variable: String
    /// What it is set to.
    public let value: String
    /// What is allowed, to follow "must be".
    public let allowed: String

    public var description: String {
        "environment variable \(variable) is '\(value)'; it must be \(allowed)"
    }
}
