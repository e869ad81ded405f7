internal import CoreMetrics
internal import Glibc
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import PlainHTTP
internal import SystemPackage
internal import SystemSupport

/// Gets one page by HTTP within a time and a size.
///
/// Each scrape makes its own client and discards it: no connection is kept between two scrapes that are a minute apart, and there is nothing
/// to close. The threads are the process's shared event loops.
struct Scraper: Sendable {
    let url: MetricURL
    /// From the first step of connecting to the last byte.
    let deadline: Duration
    /// The largest body, in bytes, compressed and not.
    let maxBytes: Int
    /// Which kinds of page are asked for, as `Accept` says it.
    var accept = Scraper.plainText

    /// XPUTimer's page is read line by line by DLRover's master: it must not come in another format.
    static let plainText = "text/plain;version=0.0.4,*/*;q=0.1"
    /// As Prometheus asks.
    static let anyText = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"

    /// - Returns: the body, with what is no UTF-8 as U+FFFD.
    func page() async throws(ScrapeFailure) -> String {
        let result = await withTaskGroup(of: Result<String, ScrapeFailure>.self) { group in
            group.addTask { await request() }
            group.addTask {
                try? await Task.sleep(for: deadline)
                return .failure(.deadline(deadline))
            }
            // The group waits for both: the loser ends at once when it is cancelled.
            let first = await group.next() ?? .failure(.deadline(deadline))
            group.cancelAll()
            return first
        }
        return try result.get()
    }

    private func request() async -> Result<String, ScrapeFailure> {
        let client = HTTPClient(
            host: url.host, port: url.port, connectTimeout: deadline,
            wanted: HTTPClient.Wanted(bodyBytes: maxBytes, bodyOfOKAlone: true))
        let result: Result<String, ScrapeFailure>
        do {
            var mayHaveArrived = false
            let answer = try await client.call(
                .GET, url.target, headers: ["accept": accept, "accept-encoding": "gzip"], deadline: deadline,
                mayHaveArrived: &mayHaveArrived)
            result =
                answer.status == 200
                ? unpacked(answer) : .failure(.status(answer.status))
        } catch {
            result = .failure(classify(error))
        }
        await client.close()
        return result
    }

    /// The page's text, unpacked up to the same limit: a few bytes can be a gigabyte of zeros.
    private func unpacked(_ answer: HTTPAnswer) -> Result<String, ScrapeFailure> {
        switch answer.encoding ?? "identity" {
        case "identity", "": return .success(String(decoding: answer.body, as: UTF8.self))
        case "gzip", "x-gzip": break
        case let other: return .failure(.broken("it is encoded as \(SecretText.line(other)); only gzip was offered"))
        }
        var rest = answer.body[...]
        let reader = GzipReader { buffer in
            let piece = rest.prefix(buffer.count)
            buffer.copyBytes(from: piece)
            rest = rest.dropFirst(piece.count)
            return piece.count
        }
        var text: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 64 << 10)
        // Input from memory throws nothing.
        while let count = try? block.withUnsafeMutableBytes({ buffer in try reader.read(into: buffer) }), count > 0 {
            text += block[..<count]
            guard text.count <= maxBytes else { return .failure(.tooLarge(limit: maxBytes)) }
        }
        switch reader.end {
        case .whole: return .success(String(decoding: text, as: UTF8.self))
        case .damaged(let reason): return .failure(.broken("its gzip is damaged: \(SecretText.line(reason))"))
        case .truncated: return .failure(.broken("its gzip ends too early"))
        case .followedByOther, nil: return .failure(.broken("its gzip is followed by other bytes"))
        }
    }

    private func classify(_ error: any Error) -> ScrapeFailure {
        switch error {
        case HTTPCallError.deadlineExceeded, HTTPCallError.connectTimeout, HTTPCallError.cancelled: .deadline(deadline)
        case HTTPCallError.tooLarge(let limit): .tooLarge(limit: limit)
        case let error as IOError where [ECONNREFUSED, EHOSTUNREACH, ENETUNREACH].contains(error.errnoCode):
            .unreachable(SystemCallError.text(error.errnoCode))
        case let error as NIOConnectionError: .unreachable("\(error)")
        default: .broken("\(error)")
        }
    }
}

/// The result of a round of scraping, as a label of self-metrics.
enum ScrapeResult: String, CaseIterable, Sendable {
    /// A page with metrics and hang lines.
    case ok
    case empty
    case noHangLine = "no_hang_line"
    case unreachable
    case deadline
    case tooLarge = "too_large"
    case status
    case broken
}

/// The self-metrics of one page. All series are there from the start, so that their first change is seen.
struct ScrapeMetrics: Sendable {
    private let rounds: [ScrapeResult: Counter]
    private let up: Gauge
    private let alarms: [ScrapeResult: Gauge]
    private let beganAt: Gauge

    /// - Parameter name: the alarm's.
    init(url: MetricURL, alarm name: String, factory: any MetricsFactory) {
        let url = "\(url)"
        rounds = Dictionary(
            uniqueKeysWithValues: ScrapeResult.allCases.map { result in
                let dimensions = [("url", url), ("result", result.rawValue)]
                return (result, Counter(label: "arobust_scrapes_total", dimensions: dimensions, factory: factory))
            })
        up = Gauge(label: "arobust_scrape_up", dimensions: [("url", url)], factory: factory)
        let alarm = [("name", name), ("source", url)]
        alarms = Dictionary(
            uniqueKeysWithValues: ScrapeResult.allCases.filter { $0 != .ok }.map { result in
                let dimensions = alarm + [("reason", result.rawValue)]
                return (result, Gauge(label: "arobust_alarm", dimensions: dimensions, factory: factory))
            })
        beganAt = Gauge(label: "arobust_alarm_began_at_seconds", dimensions: alarm, factory: factory)
    }

    func destroy() {
        for counter in rounds.values { counter.destroy() }
        for gauge in [up, beganAt] + alarms.values { gauge.destroy() }
    }

    /// Counts a round and shows its result.
    ///
    /// - Parameter alarmSince: when the alarm began, in seconds since 1970; `nil` if all is well.
    func recordRound(_ result: ScrapeResult, alarmSince: Int64?) {
        rounds[result]?.increment()
        up.record(result == .ok || result == .noHangLine ? 1 : 0)
        for (reason, alarm) in alarms { alarm.record(reason == result ? 1 : 0) }
        beganAt.record(alarmSince ?? 0)
    }
}

/// Whether somebody listens at a TCP port: connects and closes at once. Blocks for at most the limit and the name's resolution.
enum TCPProbe {
    /// - Parameter limit: for each of the host's addresses; at most some days.
    /// - Throws: `SystemCallError` of the last address that was tried; `.noRouteToHost` for a name without addresses.
    static func connect(host: String, port: Int, limit: Duration) throws(SystemCallError) {
        let subject = "\(host):\(port)"
        var hints = addrinfo()
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_NUMERICSERV
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, "\(port)", &hints, &list) == 0, let list else {
            throw SystemCallError("resolve the host of", path: subject, code: .noRouteToHost)
        }
        defer { freeaddrinfo(list) }
        var error = SystemCallError("connect to", path: subject, code: .noRouteToHost)
        var next: UnsafeMutablePointer<addrinfo>? = list
        while let address = next?.pointee {
            let code = connect(to: address, limit: limit)
            if code == 0 { return }
            error = SystemCallError("connect to", path: subject, code: Errno(rawValue: code))
            next = address.ai_next
        }
        throw error
    }

    /// - Returns: 0, or the error's number.
    private static func connect(to address: addrinfo, limit: Duration) -> CInt {
        let descriptor = socket(
            address.ai_family, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
        guard descriptor >= 0 else { return errno }
        defer { close(descriptor) }
        if Glibc.connect(descriptor, address.ai_addr, address.ai_addrlen) == 0 { return 0 }
        let code = errno
        guard code == EINPROGRESS else { return code }
        var poller = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        let ready = poll(&poller, 1, CInt(limit / .milliseconds(1)))
        guard ready > 0 else { return ready == 0 ? ETIMEDOUT : errno }
        var result: CInt = 0
        var size = socklen_t(MemoryLayout<CInt>.size)
        guard getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &result, &size) == 0 else { return errno }
        return result
    }
}
