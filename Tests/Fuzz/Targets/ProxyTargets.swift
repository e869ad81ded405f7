internal import NIOCore
internal import NIOEmbedded
internal import PlainHTTP

/// What HTTP proxies answer.
extension FuzzTarget {
    static let proxies = [FuzzTarget("proxy-answer", proxyAnswer)]

    /// In pieces of so many bytes as the first byte says. What follows the answer comes through as it is, and nothing before it.
    private static func proxyAnswer(_ bytes: [UInt8]) {
        guard let size = bytes.first, let address = try? SocketAddress(unixDomainSocketPath: "/p") else { return }
        let answer = Array(bytes.dropFirst())
        let channel = EmbeddedChannel()
        var hasOpened = false
        defer { _ = try? channel.finish(acceptAlreadyClosed: true) }
        do {
            try ProxyTunnel.add(
                to: channel, through: HTTPProxy(host: "p", port: 1), host: "::1", port: 2, patience: .seconds(5))
            let opened = ProxyTunnel.opened(channel)
            opened.assumeIsolated().whenSuccess { _ in hasOpened = true }
            channel.connect(to: address, promise: nil)
            for piece in answer.pieces(of: Int(size)) where channel.isActive {
                try channel.writeInbound(ByteBuffer(bytes: piece))
            }
        } catch {
            require(!"\(error)".isEmpty, "an error says nothing")
        }
        var passed: [UInt8] = []
        while let piece = try? channel.readInbound(as: ByteBuffer.self) { passed += Array(buffer: piece) }
        guard hasOpened else { return require(passed.isEmpty, "bytes come through before the way is open") }
        require(Array(answer.suffix(passed.count)) == passed, "bytes behind the answer are lost or changed")
        require(answer.dropLast(passed.count).last == 0x0A, "the answer does not end with an empty line")
    }
}
