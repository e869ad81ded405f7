internal import Agent
internal import ArgumentParser
internal import Glibc
internal import SystemSupport
internal import ZMQBridge

/// `arobust publish`
struct PublishCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "publish",
        abstract: "Publish metrics from standard input, one JSON a line.",
        discussion: """
            Hands them to the publisher (arobust agent or collect) of the state
            directory. data_type and data_content are needed; timestamp, node_id,
            node_type and node_rank are filled in by the publisher where they are
            missing.

              echo '{"data_type": "GENERIC", "data_content": "hi"}' | arobust publish

            A line that is refused is named on standard error with its number and the
            reason; the others go through. While the publisher can't write its journal,
            metrics go out without it; that is said at the end.

            \(HelpText.settings)

            Exit status: 0 if all were taken, 1 if some were refused or the input could
            not be read, 2 if no publisher answered, 64 for a wrong flag or setting.
            """)

    @OptionGroup var common: CommonOptions

    @ArgumentParser.Option(
        help: "The publisher's state directory (default: /var/lib/arobust for root, $XDG_STATE_HOME/arobust otherwise)."
    )
    var stateDir: [String] = []

    @ArgumentParser.Option(
        help: ArgumentHelp(
            "How long to wait for a publisher and its answer, for each block of lines.", valueName: "duration"))
    var timeout = "10s"

    func validate() throws {
        guard let duration = DurationText.read(timeout), duration > .zero, duration <= DurationText.longest else {
            throw ValidationError(
                "--timeout is '\(timeout)'; it must be a duration with a unit (500ms, 2s, 10m) from 1ms to 24h")
        }
    }

    func run() async throws {
        let settings = try common.settings([.several(\.stateDirectory, "--state-dir", stateDir)])
        let timeout = DurationText.read(timeout) ?? .seconds(10)
        try await CommandFailure.wrap {
            let directory = try settings.stateDirectory()
            let outcome = try await PinnedThread.run(name: "arobust-publish", onCancel: {}) {
                var publishing = try LinePublishing(directory: directory, timeout: timeout)
                return try publishing.publish(InputLines(publishing: STDIN_FILENO))
            }
            switch outcome {
            case .allTaken: break
            case .someRefused: throw ExitCode(1)
            case .noAnswer: throw ExitCode(2)
            }
        }
    }
}

extension InputLines {
    /// Lines for ingest, and no longer ones than that takes.
    init(publishing descriptor: CInt) {
        self.init(of: descriptor, readSize: 256 << 10, longestLine: LinePublishing.longestLine)
    }
}

/// Sends lines to a publisher's ingest, as many at once as are there. Blocking.
struct LinePublishing: ~Copyable {
    enum Outcome: Equatable {
        case allTaken
        case someRefused
        case noAnswer
    }

    private static let linesPerRequest = 512
    /// What ingest takes at most.
    static let longestLine = 16 << 20
    /// How long to wait for a publisher without saying so.
    private static let patience: Duration = .seconds(1)

    private var client: IngestClient
    private let timeout: Duration
    private let say: (String) -> Void
    private var accepted = 0
    private var refused = 0
    /// Of the accepted, those that are on the bus and nowhere else.
    private var volatile = 0
    private var linesRead = 0

    /// - Parameter say: takes a line for people.
    init(
        directory: StateDirectory, timeout: Duration, say: @escaping (String) -> Void = { StandardError.say($0) }
    ) throws {
        self.say = say
        client = try IngestClient(directory: directory)
        self.timeout = timeout
    }

    /// Publishes all lines up to the end of the input, or until nobody answers.
    mutating func publish(_ input: InputLines) throws -> Outcome {
        var input = input
        while let lines = try input.next() {
            var rest = lines[...]
            while !rest.isEmpty {
                guard try send(rest.prefix(Self.linesPerRequest)) else { return .noAnswer }
                rest = rest.dropFirst(Self.linesPerRequest)
            }
        }
        if volatile > 0 {
            say(
                """
                Warning: \(volatile) of \(accepted) metrics are on the bus but not in the journal, which can't be written: whoever does not listen \
                just now never gets them. arobust status shows why.
                """)
        }
        guard refused > 0 else { return .allTaken }
        say("Error: \(refused) of \(accepted + refused) metrics were refused; the others are published")
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
            say("Waiting for a publisher at \(client.endpoint)")
            guard try client.submit(bodies, patience: deadline - .now) else {
                say("Error: \(whyNobodyIsThere)")
                return false
            }
        }
        guard let answer = try client.awaitAnswer(timeout: deadline - .now) else {
            say(
                "Error: the publisher at \(client.endpoint) took lines from \(first) on and did not answer")
            return false
        }
        accepted += answer.accepted
        if answer.volatile == true { volatile += answer.accepted }
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
        say("line \(line): \(reason)")
    }
}
