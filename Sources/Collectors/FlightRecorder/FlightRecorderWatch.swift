package import Diagnosis
package import Hang
package import Logging
internal import SystemSupport

/// Notices dumps of PyTorch's Flight Recorder that are written while it watches: PyTorch writes them when its watchdog gives up waiting.
///
/// What was there before is no sign, nor is what arobust asked for. Nothing is read or published: that is left to whoever is told.
package actor FlightRecorderWatch: DataCollector {
    /// How long what the ranks' environments say is believed.
    private static let believed: Duration = .seconds(15)

    package nonisolated let name = "flight-recorder"

    private let executor = BlockingExecutor(label: "arobust.flight-recorder-watch")
    private let places: FlightRecorderPlaces
    private let memory: FlightRecorderMemory
    private let observer: (any HangObserver)?
    private let logger: Logger
    /// In nanoseconds since 1970.
    private let start: Int64
    private var prefixes: [FlightRecorderPlaces.Prefix] = []
    private var prefixesUntil: ContinuousClock.Instant?
    private var known: [String: FlightRecorderFile] = [:]
    /// New or changed dumps, as they were seen first: they are told of once they stay as they are.
    private var growing: [String: FlightRecorderFile] = [:]

    package init(
        places: FlightRecorderPlaces, memory: FlightRecorderMemory, observer: (any HangObserver)?,
        logger: Logger = Logger(label: "arobust.flight-recorder-watch")
    ) {
        self.places = places
        self.memory = memory
        self.observer = observer
        self.logger = logger
        start = Int64(clamping: WallClock.nanoseconds())
    }

    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        executor.asUnownedSerialExecutor()
    }

    package func isEnabled() async -> Bool { true }

    /// It publishes nothing.
    package func setClient(_ client: any MasterClient) async {}

    /// The dumps that are new or changed and whole; `nil` if there are none.
    package func collectData() async -> [HangSuspicion]? {
        let now = ContinuousClock.now
        if prefixesUntil.map({ now >= $0 }) ?? true {
            let isAutomatic = places.files.isEmpty || places.files.contains(FlightRecorderPlaces.automatic)
            prefixes = memory.prefixes(adding: places.prefixes(of: isAutomatic ? LocalRank.all() : []))
            prefixesUntil = now + Self.believed
        }
        let (dumps, _) = FlightRecorderFile.all(at: prefixes)
        var whole: [FlightRecorderFile] = []
        var next: [String: FlightRecorderFile] = [:]
        for dump in dumps {
            // A prefix may become known late, with a dump already there that was written since the start.
            let isOld = known[dump.path] == nil && growing[dump.path] == nil && dump.modified < start
            guard known[dump.path] != dump, !isOld else {
                next[dump.path] = dump
                continue
            }
            if dump.size > 0, growing[dump.path] == dump {
                whole.append(dump)
                growing[dump.path] = nil
                next[dump.path] = dump
            } else {
                growing[dump.path] = dump
                next[dump.path] = known[dump.path]
            }
        }
        known = next
        let paths = Set(dumps.map(\.path))
        growing = growing.filter { paths.contains($0.key) }
        let signs = whole.filter { !memory.wasAsked($0.rank) }.map { dump in
            HangSuspicion(
                .flightRecorder, rank: dump.rank,
                text:
                    "rank \(dump.rank) has written a Flight Recorder dump, \(dump.path): PyTorch waited for a collective for too long, or an error ended it.",
                time: dump.time)
        }
        return signs.isEmpty ? nil : signs
    }

    /// Tells the observer.
    @discardableResult
    package func storeData(_ data: [HangSuspicion]) async -> Bool {
        for sign in data {
            logger.warning("A Flight Recorder dump was written.", metadata: ["sign": "\(sign.text)"])
            observer?.suspect(sign)
        }
        return true
    }
}
