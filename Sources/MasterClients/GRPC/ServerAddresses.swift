private import Dispatch
private import Glibc
import NIOCore
import NIOPosix

/// Looks up a server's name, anew for each connection: the name of a Kubernetes Service soon has another address.
struct AddressLookup: Sendable {
    /// More than this many are not tried.
    private static let maximumCount = 64

    /// Blocks.
    ///
    /// - Throws: `AddressLookupError`.
    let addresses: @Sendable (_ host: String, _ port: Int) throws(AddressLookupError) -> [SocketAddress]

    /// The system's: `/etc/hosts`, DNS, or whatever `nsswitch.conf` says.
    static let system = AddressLookup { (host, port) throws(AddressLookupError) in
        var hints = addrinfo()
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_NUMERICSERV
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, "\(port)", &hints, &list)
        guard code == 0 else {
            let reason =
                code == EAI_SYSTEM ? strerror(errno) : gai_strerror(code).map { UnsafeMutablePointer(mutating: $0) }
            throw AddressLookupError(reason: reason.map { String(cString: $0) } ?? "error \(code)")
        }
        defer { freeaddrinfo(list) }
        var addresses: [SocketAddress] = []
        var next = list
        while let entry = next?.pointee, addresses.count < maximumCount {
            next = entry.ai_next
            let raw = UnsafeRawPointer(entry.ai_addr)
            switch entry.ai_family {
            case AF_INET: addresses.append(SocketAddress(raw!.loadUnaligned(as: sockaddr_in.self), host: host))
            case AF_INET6: addresses.append(SocketAddress(raw!.loadUnaligned(as: sockaddr_in6.self), host: host))
            default: break
            }
        }
        return addresses
    }
}

/// Why a name has no addresses.
struct AddressLookupError: Error, Hashable {
    let reason: String
}

/// Which of a server's addresses took a connection and then answered nothing. Used on one event loop.
///
/// Addresses that take no connection need no memory: with several, all are tried at once, and the first connection wins. But a stopped
/// process's kernel goes on taking connections, and would win each time.
struct SilentAddresses {
    private static let memory = TimeAmount.seconds(60)

    private var silentSince: [(address: SocketAddress, at: NIODeadline)] = []

    mutating func add(_ address: SocketAddress?, now: NIODeadline) {
        guard let address else { return }
        silentSince.removeAll { $0.address == address || now - $0.at > Self.memory }
        silentSince.append((address, now))
    }

    /// In which order to try the addresses: those of a group at once, the next group if none of them takes a connection.
    ///
    /// An address that was silent is tried only after the others, and of these the one that was so longest ago.
    func groups(of addresses: [SocketAddress], now: NIODeadline) -> [[SocketAddress]] {
        let silent = silentSince.filter { now - $0.at <= Self.memory && addresses.contains($0.address) }.map(\.address)
        let others = addresses.filter { !silent.contains($0) }
        return (others.isEmpty ? [] : [others]) + silent.map { [$0] }
    }
}

/// Answers `ClientBootstrap` with addresses that are known already.
struct KnownAddresses: Resolver {
    let addresses: [SocketAddress]
    let eventLoop: any EventLoop

    func initiateAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> {
        eventLoop.makeSucceededFuture(addresses.filter { $0.protocol == .inet })
    }

    func initiateAAAAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> {
        eventLoop.makeSucceededFuture(addresses.filter { $0.protocol == .inet6 })
    }

    func cancelQueries() {}
}

/// Looks up names one after the other, away from the event loop. One for each server, so that a slow name delays no other server.
struct AddressLookupQueue: Sendable {
    let lookup: AddressLookup
    private let queue = DispatchQueue(label: "arobust.lookup")

    init(_ lookup: AddressLookup) {
        self.lookup = lookup
    }

    /// Fails with `AddressLookupError`, also when the time is over; the system's lookup then goes on, but nobody waits for it.
    func addresses(
        host: String, port: Int, timeout: TimeAmount, on eventLoop: any EventLoop
    ) -> EventLoopFuture<[SocketAddress]> {
        let promise = eventLoop.makePromise(of: [SocketAddress].self)
        let timer = eventLoop.scheduleTask(in: timeout) {
            promise.fail(AddressLookupError(reason: "no answer within the time allowed"))
        }
        let lookup = lookup
        queue.async {
            let result = Result { () throws(AddressLookupError) in try lookup.addresses(host, port) }
            eventLoop.execute {
                timer.cancel()
                promise.completeWith(result.mapError { $0 as any Error })
            }
        }
        return promise.futureResult
    }
}
