package import CoreMetrics
package import Diagnosis
package import Hang
internal import LogText
package import Logging
internal import SystemSupport

/// Asks NCCL's RAS again and again, and tells when ranks hold up the job: an observer, the log, the self-metrics, and a `GENERIC` metric when
/// that begins, changes or is over.
package actor RASCollector: DataCollector {
    /// How RAS is asked.
    package struct Configuration: Sendable, Hashable {
        package var target: RASTarget
        /// From one look to the next. The first comes after a part of it that differs from node to node: RAS asks the whole job for each.
        package var interval: Duration = .seconds(30)
        /// How long nothing may move before ranks that are behind are told of.
        package var confirmation: Duration = .seconds(60)
        /// How long RAS may wait for a process of the job.
        package var timeout: Duration = .seconds(5)

        package init(target: RASTarget) {
            self.target = target
        }
    }

    package nonisolated let name = "ras"

    private let executor = BlockingExecutor(label: "arobust.ras-collector")
    private let node: NodeIdentity
    private let configuration: Configuration
    private let observer: (any HangObserver)?
    private let logger: Logger
    private let report: MetricReport
    private let metrics: RASMetrics
    private var client: (any MasterClient)?
    private var watches: [RASAddress: RASWatch] = [:]
    private var problems: [RASAddress: ProblemLog] = [:]
    /// What was found by the last look.
    private var current: [RASAddress: [RASWatch.Finding]] = [:]
    /// The ids of the findings that were reported.
    private var reported: [RASAddress: [String]] = [:]
    /// Who did not answer last.
    private var silent: Set<RASAddress> = []

    /// - Parameters:
    ///   - observer: is told of what holds up the job, once each time it begins.
    ///   - factory: makes the self-metrics.
    package init(
        node: NodeIdentity, configuration: Configuration, observer: (any HangObserver)? = nil,
        logger: Logger = Logger(label: "arobust.ras-collector"), factory: any MetricsFactory = MetricsSystem.factory
    ) {
        self.node = node
        self.configuration = configuration
        self.observer = observer
        self.logger = logger
        report = MetricReport(content: "NCCL RAS", data: "NCCL RAS", logger: logger)
        metrics = RASMetrics(factory: factory)
    }

    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        executor.asUnownedSerialExecutor()
    }

    package func setClient(_ client: any MasterClient) async {
        self.client = client
    }

    package func isEnabled() async -> Bool { true }

    /// One look at every address.
    ///
    /// - Returns: what is to be reported: sentences; `nil` if nothing has changed.
    package func collectData() async -> [String]? {
        guard (try? await Task.sleep(for: Self.phase(of: node, configuration.interval))) != nil else { return nil }
        let addresses = configuration.target.addresses().prefix(16)
        for address in addresses { await look(at: address) }
        // Where no rank runs any more, nobody is asked.
        for address in current.keys where !addresses.contains(address) {
            silent.insert(address)
            record([], at: address)
            watches[address] = nil
        }
        let changes = changes()
        return changes.isEmpty ? nil : changes
    }

    /// Reports the sentences as one `GENERIC` metric. What could not be reported comes again with the next look.
    @discardableResult
    package func storeData(_ data: [String]) async -> Bool {
        let isAccepted = await report.send(
            WorkerTrainingMetric(
                dataType: .generic, dataContent: data.joined(separator: "\n"), node: node,
                timestamp: WallClock.seconds()),
            to: client)
        if isAccepted { for (address, findings) in current { reported[address] = findings.map(\.id) } }
        return isAccepted
    }

    /// Spreads the nodes of a job over the interval, the same at each start.
    static func phase(of node: NodeIdentity, _ interval: Duration) -> Duration {
        var hash = StableHash()
        for byte in "\(node.type)/\(node.rank)/\(node.id)".utf8 { hash.add(byte) }
        // The hash's upper bits differ even where names hardly do.
        return interval * (Double((hash.value &* 0x9E37_79B9_7F4A_7C15) >> 40) / Double(1 << 24))
    }

    private func look(at address: RASAddress) async {
        var watch = watches[address] ?? RASWatch(confirmation: configuration.confirmation)
        defer { watches[address] = watch }
        let answer: RASClient.Answer
        do throws(RASError) {
            var asker = RASClient(address: address)
            asker.timeout = configuration.timeout
            answer = try await asker.status()
        } catch {
            guard !Task.isCancelled else { return }
            metrics.record(.failed)
            // No training runs, most likely, and what was found of it is over.
            watch.forget()
            silent.insert(address)
            record([], at: address)
            if problems[address, default: ProblemLog(interval: 120)].shouldReport(error.reason) {
                logger.info(
                    "NCCL's RAS gives no answer.", metadata: ["address": "\(address)", "error": "\(error.reason)"])
            }
            return
        }
        guard let status = RASStatus(answer: answer.content) else {
            metrics.record(.unreadable)
            watch.forget()
            if problems[address, default: ProblemLog(interval: 120)].shouldReport("unreadable") {
                logger.warning(
                    "NCCL's RAS answers something that can't be read.",
                    metadata: ["address": "\(address)", "bytes": "\(answer.content.count)"])
            }
            return
        }
        metrics.record(.answered)
        silent.remove(address)
        if problems[address, default: ProblemLog(interval: 120)].solve() {
            logger.info("NCCL's RAS answers.", metadata: ["address": "\(address)"])
        }
        record(watch.look(at: status, now: .now), at: address)
    }

    /// Tells the observer and the log of what is new.
    private func record(_ findings: [RASWatch.Finding], at address: RASAddress) {
        let known = Set((current[address] ?? []).map(\.id))
        for finding in findings where !known.contains(finding.id) {
            logger.warning("NCCL's RAS shows what holds up the training.", metadata: ["finding": "\(finding.text)"])
            let ranks = finding.jobRanks ?? RankSet()
            observer?.suspect(
                HangSuspicion(
                    .ras, rank: ranks.count == 1 ? ranks.first : nil, text: "\(finding.text).",
                    time: WallClock.seconds()))
        }
        current[address] = findings
        metrics.show(findings: current.values.reduce(0) { $0 + $1.count })
    }

    private func changes() -> [String] {
        var sentences: [String] = []
        for (address, findings) in current.sorted(by: { "\($0.key)" < "\($1.key)" }) {
            let known = reported[address] ?? []
            let ids = findings.map(\.id)
            guard ids != known else { continue }
            if findings.isEmpty {
                sentences.append(
                    "arobust ras over: NCCL's RAS at \(address) "
                        + (silent.contains(address)
                            ? "gives no answer any more" : "shows nothing any more that holds up the training"))
            }
            sentences += findings.filter { !known.contains($0.id) }.map { "arobust ras: \($0.text)" }
        }
        return sentences
    }
}

extension RASCollector: RetiringCollector {
    package func retire() async {
        metrics.show(findings: 0)
    }
}

/// The self-metrics of RAS.
struct RASMetrics: Sendable {
    enum Result: String, CaseIterable {
        case answered, failed, unreadable
    }

    private let looks: [Result: Counter]
    private let findings: Gauge

    init(factory: any MetricsFactory) {
        looks = Dictionary(
            uniqueKeysWithValues: Result.allCases.map { result in
                let dimensions = [("result", result.rawValue)]
                return (result, Counter(label: "arobust_ras_looks_total", dimensions: dimensions, factory: factory))
            })
        findings = Gauge(label: "arobust_ras_findings", factory: factory)
        findings.record(0)
    }

    func record(_ result: Result) { looks[result]?.increment() }

    func show(findings count: Int) { findings.record(count) }
}
