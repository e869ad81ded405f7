internal import CoreMetrics
internal import Diagnosis
internal import Hang
internal import Logging
private import Synchronization
internal import SystemSupport

/// Records incidents: when something looks like a hang, it collects the evidence once, in a fixed order and within a time, and publishes each
/// piece as soon as it is there, so that a kill leaves what there was.
///
/// Signs that come while an incident is under way belong to it. After one, signs of the node's own wait for `rest`: a hang that lasts is recorded
/// once, not every minute. Who asks for one (an operator, a master) gets one.
final class IncidentRecorder: HangObserver {
    struct Configuration: Sendable {
        /// The whole of an incident, from its sign to its end.
        var budget: Duration = .seconds(15)
        /// How long after an incident the node's own signs begin no other one.
        var rest: Duration = .seconds(600)
        /// The most that all pieces of an incident may have, in bytes.
        var size = 64 << 20
    }

    /// What the settings say of incidents.
    struct Setup: Sendable {
        /// Whether any are recorded.
        var isOn = true
        var sources: IncidentSources
        var configuration = Configuration()
    }

    private struct State {
        var setup: Setup
        var waiting: [HangSuspicion] = []
        /// Of the incident that is under way or was the last.
        var id: String?
        var isRunning = false
        var lastEnd: ContinuousClock.Instant?
    }

    /// So many signs are kept of one incident.
    private static let mostTriggers = 64

    private let node: NodeIdentity
    private let client: any UrgentReporter
    private let logger: Logger
    private let state: Mutex<State>
    private let signal = WakeSignal()
    private let begun: Counter
    private let missing: Counter

    init(
        node: NodeIdentity, client: any UrgentReporter, setup: Setup, logger: Logger, factory: any MetricsFactory
    ) {
        self.node = node
        self.client = client
        state = Mutex(State(setup: setup))
        self.logger = logger
        begun = Counter(label: "arobust_incidents_total", factory: factory)
        missing = Counter(label: "arobust_incident_pieces_missing_total", factory: factory)
    }

    /// Records the next incident in another way, or none any more. One that is under way goes on as it was begun.
    func change(to setup: Setup) {
        state.withLock { $0.setup = setup }
    }

    /// Whether incidents are recorded.
    var isOn: Bool { state.withLock { $0.setup.isOn } }

    func suspect(_ suspicion: HangSuspicion) {
        _ = accept(suspicion)
    }

    /// Begins an incident because somebody asks, or joins the one under way.
    ///
    /// - Returns: its id.
    func request(_ text: String) -> String {
        accept(HangSuspicion(.operator_, text: text, time: WallClock.seconds())) ?? ""
    }

    /// - Returns: the id of the incident that the sign belongs to; `nil` if it begins none.
    private func accept(_ suspicion: HangSuspicion) -> String? {
        let (id, isFirst) = state.withLock { state -> (String?, Bool) in
            guard state.setup.isOn else { return (nil, false) }
            if state.isRunning || !state.waiting.isEmpty {
                if state.waiting.count < Self.mostTriggers { state.waiting.append(suspicion) }
                return (state.id, false)
            }
            let isAsked = suspicion.trigger == .operator_ || suspicion.trigger == .master
            if !isAsked, let end = state.lastEnd, .now - end < state.setup.configuration.rest {
                return (nil, false)
            }
            state.id = Self.id(at: suspicion.time)
            state.waiting.append(suspicion)
            return (state.id, true)
        }
        if isFirst { signal.wake() }
        return id
    }

    /// `20261130T014352Z-3f9a`: two runs of an agent may record one in the same second.
    private static func id(at time: Int64) -> String {
        let digits = String(UInt16.random(in: 0x1000 ... .max), radix: 16)
        return "\(TimeText.write(time).filter { $0 != "-" && $0 != ":" })-\(digits)"
    }

    /// Records incidents until the task is cancelled; one that is under way then ends at once, with what it has.
    func run() async {
        while !Task.isCancelled {
            await signal.wait()
            guard let (id, triggers) = begin() else { continue }
            let setup = state.withLock { $0.setup }
            let isRecorded = await isIncident(triggers, setup.sources)
            if isRecorded {
                await record(id, triggers, setup)
            } else {
                logger.info(
                    "The training has ended; its silence is no hang.", metadata: ["sign": "\(triggers[0].text)"])
            }
            state.withLock { state in
                state.isRunning = false
                if isRecorded { state.lastEnd = .now }
                state.waiting = []
            }
        }
    }

    /// A log that falls silent because its training has ended is no hang.
    private func isIncident(_ triggers: [HangSuspicion], _ sources: IncidentSources) async -> Bool {
        guard triggers.allSatisfy({ $0.trigger == .noProgress }), !(await sources.isTrainingThere()) else {
            return true
        }
        return state.withLock { $0.waiting.contains { $0.trigger != .noProgress } }
    }

    private func begin() -> (id: String, triggers: [HangSuspicion])? {
        state.withLock { state in
            guard let id = state.id, !state.waiting.isEmpty else { return nil }
            defer { state.waiting = [] }
            state.isRunning = true
            return (id, state.waiting)
        }
    }

    private func record(_ id: String, _ triggers: [HangSuspicion], _ setup: Setup) async {
        begun.increment()
        logger.warning(
            "An incident is recorded.", metadata: ["incident": "\(id)", "trigger": "\(triggers[0].trigger.rawValue)"])
        let writer = IncidentWriter(id: id, node: node, client: client, size: setup.configuration.size, logger: logger)
        await writer.begin(triggers)
        let deadline = ContinuousClock.now + setup.configuration.budget
        await setup.sources.collect(until: deadline) { piece in await writer.add(piece) }
        let late = state.withLock { state in
            defer { state.waiting = [] }
            return state.waiting
        }
        let end = await writer.end(late)
        missing.increment(by: end.missing)
        logger.warning(
            "The incident is recorded; arobust hang and arobust incident show tell more.",
            metadata: ["incident": "\(id)", "answer": "\(end.sentence)"])
    }
}
