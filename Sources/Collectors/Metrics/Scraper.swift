internal import AsyncHTTPClient
internal import Glibc
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix

/// Gets one page by HTTP within a time and a size.
///
/// Each scrape has a client of its own, which is gone when it returns: no connection is kept between two scrapes that are a minute apart,
/// and there is nothing to close. The threads are the process's shared event loops.
struct Scraper: Sendable {
    let url: MetricURL
    /// From the first step of connecting to the last byte.
    let deadline: Duration
    /// The largest body, in bytes.
    let maxBytes: Int

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
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow, decompression: .disabled)
        configuration.httpVersion = .http1Only
        configuration.connectionPool.retryConnectionEstablishment = false
        do {
            return .success(
                try await HTTPClient.withHTTPClient(configuration: configuration) { client in
                    let request = HTTPClientRequest(url: "\(url)")
                    let response = try await client.execute(request, timeout: TimeAmount(deadline))
                    guard response.status == .ok else { throw ScrapeFailure.status(Int(response.status.code)) }
                    return try await body(of: response)
                })
        } catch let failure as ScrapeFailure {
            return .failure(failure)
        } catch {
            return .failure(classify(error))
        }
    }

    private func body(of response: HTTPClientResponse) async throws -> String {
        var bytes: [UInt8] = []
        for try await part in response.body {
            guard bytes.count + part.readableBytes <= maxBytes else { throw ScrapeFailure.tooLarge(limit: maxBytes) }
            bytes.append(contentsOf: part.readableBytesView)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private func classify(_ error: any Error) -> ScrapeFailure {
        switch error {
        case let error as HTTPClientError where error == .deadlineExceeded || error == .connectTimeout:
            .deadline(deadline)
        case is CancellationError: .deadline(deadline)
        case let error as IOError where [ECONNREFUSED, EHOSTUNREACH, ENETUNREACH].contains(error.errnoCode):
            .unreachable(String(cString: strerror(error.errnoCode)))
        case let error as NIOConnectionError: .unreachable("\(error)")
        default: .broken("\(error)")
        }
    }
}
