private import Glibc
internal import ZMQBridge

/// Reads lines from standard input and sends them to a publisher's ingest, as many at once as are there. Blocking.
struct LinePublishing: ~Copyable {
    enum Outcome {
        case allTaken
        case someRefused
        case noAnswer
    }

    private static let linesPerRequest = 512
    private static let readSize = 256 << 10
    /// What ingest takes at most.
    private static let longestLine = 16 << 20
    /// How long to wait silently.
    private static let patience: Duration = .seconds(1)

    private let client: IngestClient
    private let timeout: Duration
    private var accepted = 0
    private var refused = 0
    private var linesRead = 0

    init(directory: StateDirectory, timeout: Duration) throws {
        client = try IngestClient(directory: directory)
        self.timeout = timeout
    }

    mutating func run() throws -> Outcome {
        var input = InputLines(readSize: Self.readSize, longestLine: Self.longestLine)
        while let lines = try input.next() {
            var rest = lines[...]
            while !rest.isEmpty {
                guard try send(rest.prefix(Self.linesPerRequest)) else { return .noAnswer }
                rest = rest.dropFirst(Self.linesPerRequest)
            }
        }
        guard refused > 0 else { return .allTaken }
        StandardError.say("Error: \(refused) of \(accepted + refused) metrics were refused; the others are published")
        return .someRefused
    }

    /// Sends lines as one request; `false` when nobody answers.
    private mutating func send(_ lines: ArraySlice<InputLines.Line>) throws -> Bool {
        let first = linesRead + 1
        linesRead += lines.count
        var numbers: [Int] = []
        var bodies: [[UInt8]] = []
        for (offset, line) in lines.enumerated() {
            switch line {
            case .whole(let bytes) where bytes.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }): continue
            case .whole(let bytes):
                numbers.append(first + offset)
                bodies.append(bytes)
            case .tooLong: refuse(line: first + offset, "longer than \(Self.longestLine) bytes")
            }
        }
        guard !bodies.isEmpty else { return true }
        let deadline = ContinuousClock.now + timeout
        if try !client.submit(bodies, patience: min(Self.patience, timeout)) {
            StandardError.say("Waiting for a publisher at \(client.endpoint)")
            guard try client.submit(bodies, patience: deadline - .now) else {
                StandardError.say("Error: \(whyNobodyIsThere)")
                return false
            }
        }
        guard let answer = try client.awaitAnswer(timeout: deadline - .now) else {
            StandardError.say(
                "Error: the publisher at \(client.endpoint) took lines from \(first) on and did not answer")
            return false
        }
        accepted += answer.accepted
        for refusal in answer.refused where numbers.indices.contains(refusal.index) {
            refuse(line: numbers[refusal.index], refusal.reason)
        }
        return true
    }

    private var whyNobodyIsThere: String {
        BusEndpoint(client.endpoint)?.obstacle
            ?? "no publisher is at \(client.endpoint); does an agent run with this state directory?"
    }

    private mutating func refuse(line: Int, _ reason: String) {
        refused += 1
        StandardError.say("line \(line): \(reason)")
    }
}
