import Glibc
import MasterClients
import NIOHTTP2
import SystemSupport
import Telemetry
import TestSupport
import Testing

@testable import DLRoverListener
@testable import GRPCServing

/// Who may call, and how the kernel is asked who it is.
@Suite struct CallerTests {
    // MARK: names

    @Test(arguments: [
        [], ["everyone"], ["user:root"], ["group:users", "uid:1000", "gid:4294967295"],
        ["user:DOMAIN\\name with spaces"],
    ])
    func whatMayBeWritten(texts: [String]) {
        #expect(AllowedCallers(texts) != nil)
    }

    @Test(arguments: [
        "", "root", "user:", "uid:root", "uid:-1", "uid:+1", "gid:+0", "uid:4294967296", "gid:", "Everyone", "all",
        "user", "host:a",
        "user:\(String(repeating: "a", count: 257))", "user:a\0",
    ])
    func whatMayNot(text: String) {
        #expect(AllowedCallers([text]) == nil)
    }

    @Test func rootAndOurselvesMayCallAndNobodyElse() throws {
        let callers = try AllowedCallers.nobodyElse.resolve()
        #expect(callers.allows(0) && callers.allows(geteuid()))
        #expect(!callers.allows(54321) && !callers.allows(nil))
        #expect(!callers.isOpenToOthers)
        #expect(callers.refusal(of: 54321).contains("user 54321"))
        #expect(callers.refusal(of: nil).contains("everyone"))
    }

    @Test func namedUsersAndGroupsMay() throws {
        let callers = try #require(AllowedCallers(["user:daemon", "group:mail", "uid:54321"])).resolve()
        let daemon = try #require(SystemAccounts.user(named: "daemon"))
        let mail = try #require(SystemAccounts.user(named: "mail"))
        #expect(callers.allows(daemon) && callers.allows(54321) && callers.isOpenToOthers)
        #expect(callers.allows(mail), "by its own group")
        #expect(!callers.allows(54322))
        #expect(SystemAccounts.name(of: daemon) == "daemon" && SystemAccounts.name(of: 54321) == nil)
    }

    @Test func everyoneIsAlsoWhomNobodyKnows() throws {
        #expect(try AllowedCallers.everyone.resolve().allows(nil))
    }

    @Test func aNameThatDoesNotExistIsAnError() throws {
        for text in ["user:no-such-user-here", "group:no-such-group-here"] {
            let callers = try #require(AllowedCallers([text]))
            #expect(throws: AllowedCallers.UnknownAccount.self) { try callers.resolve() }
        }
    }

    // MARK: the kernel's list

    private static let established =
        "   1: 0100007F:A3D4 0100007F:C383 01 00000000:00000000 00:00000000 00000000  1000        0 38123 1 00000000 20 4 30 10 -1"

    @Test func aLineSaysWhoseSocketItIs() throws {
        let socket = try #require(ListedSocket(Self.established.utf8))
        #expect(socket.ends == "0100007F:A3D4 0100007F:C383" && socket.user == 1000)
    }

    /// The kernel shows a socket that its process has closed, or never had, as root's.
    @Test(arguments: [
        " 01 " + "x", "", "sl local_address rem_address st",
        established.replacing(" 01 ", with: " 06 "), established.replacing(" 01 ", with: " 04 "),
        established.replacing(" 01 ", with: " 03 "), established.replacing(" 38123 ", with: " 0 "),
        established.replacing(" 1000 ", with: " -1 "),
    ])
    func whatHasNoOwnerIsNobodys(line: String) {
        #expect(ListedSocket(line.utf8) == nil)
    }

    @Test func ofALongListTheWantedLineIsFound() throws {
        let folder = ScratchFolder()
        var text = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
        for number in 0..<5000 {
            text +=
                Self.established.replacing("A3D4", with: "\(String(number + 10000, radix: 16, uppercase: true))")
                .replacing(" 1000 ", with: " \(number) ") + "      \n"
        }
        try folder.write(text, to: "tcp")
        let last = "0100007F:\(String(14999, radix: 16, uppercase: true)) 0100007F:C383"
        let wanted = SocketEnds.tcp(ipv4: last, ipv6: "-")
        let missing = SocketEnds.tcp(ipv4: "0100007F:0001 0100007F:C383", ipv6: "-")
        #expect(SocketOwners(folder: folder.path).users(of: [wanted, missing]) == [wanted: 4999])
    }

    // MARK: calls

    @Test func aStrangerIsToldSoBeforeAnythingIsTaken() async throws {
        let (logs, registry) = (LogCapture(), TelemetryRegistry())
        let answer: GRPCServer.Answer = { (_) throws(GRPCStatus) in
            Issue.record("a stranger's call was answered")
            throw GRPCStatus(code: .ok, message: "")
        }
        let callers = ResolvedCallers(users: [54321])
        try await Serving.with(callers: callers, registry: registry, logger: logs.logger, answer: answer) { serving in
            for _ in 0..<3 {
                let client = try await WireClient.connect(port: serving.port)
                #expect(client.settings.contains { $0.parameter == .initialWindowSize && $0.value == 0 })
                client.begin(1)
                let answer = try await client.end(1)
                #expect(answer.status == "7" && answer.message?.contains("runs as user \(geteuid())") ?? false)
                try await eventually { client.isClosed }
            }
        }
        #expect(registry.text().contains(#"arobust_listener_closed_total{reason="stranger"} 3"#))
        #expect(logs.lines.count { $0.contains("may not call") } == 1)
    }

    @Test func aCallerOfWhomNobodyKnowsWhoItIsIsRefused() async throws {
        let folder = ScratchFolder()
        try await Serving.with(owners: SocketOwners(folder: folder.path)) { serving in
            let client = try await WireClient.connect(port: serving.port)
            let answer = try await client.call(1, [1])
            #expect(answer.status == "7" && answer.message?.contains("namespace") ?? false)
        }
        try await Serving.with(
            callers: ResolvedCallers(users: [], isEveryone: true), owners: SocketOwners(folder: folder.path)
        ) { serving in
            let client = try await WireClient.connect(port: serving.port)
            #expect(try await client.call(1, [1]).status == "0")
        }
    }

    @Test(arguments: ["127.0.0.1", "::1"]) func theKernelSaysWhoWeAre(host: String) async throws {
        let callers = ResolvedCallers(users: [geteuid()])
        try await Serving.with(callers: callers, at: .tcp(host: host, port: 0)) { serving in
            let client = try await WireClient.connect(host: host, port: serving.port)
            #expect(try await client.call(1, [1, 2]).body == WireClient.framed([2, 1]))
            await client.close()
        }
    }

    @Test func manyAtOnceAreAllKnown() async throws {
        try await Serving.with { serving in
            try await withThrowingTaskGroup { group in
                for _ in 0..<60 {
                    group.addTask {
                        let client = try await WireClient.connect(port: serving.port)
                        #expect(try await client.call(1, [1]).status == "0")
                        await client.close()
                    }
                }
                try await group.waitForAll()
            }
        }
    }
}
