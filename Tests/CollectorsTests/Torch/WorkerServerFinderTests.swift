import Glibc
import SystemSupport
import TestSupport
import Testing

@testable import Collectors

@Suite(.timeLimit(.minutes(1))) struct WorkerServerFinderTests {
    private let process: RankProcess = {
        var process = RankProcess(pid: 812, startTime: 1, rank: 9, localRank: 1)
        process.workerServerSocket = "/run/named.sock"
        return process
    }()

    @Test(arguments: [
        ("/run/trainer/worker_{local_rank}.sock", "/run/trainer/worker_1.sock", true),
        ("/run/trainer/worker_{local_rank}.sock", "/run/trainer/worker_2.sock", false),
        ("/run/*/{rank}-{pid}", "/run/any/9-812", true), ("/run/*/{rank}-{pid}", "/run/a/b/9-812", false),
        ("/run/x{rank}{rank}", "/run/x99", true),
    ])
    func readsPatternsOfPaths(pattern: String, path: String, matches: Bool) throws {
        #expect(try #require(WorkerServerPattern(pattern)).matches(path: path, of: process) == matches)
        // Without a rank no place can be told.
        #expect(!(try #require(WorkerServerPattern(pattern)).matches(path: path, of: RankProcess(pid: 1))))
    }

    @Test(arguments: [
        ("127.0.0.1:26000", 26000), ("127.0.0.1:26000+{local_rank}", 26001), ("localhost:26000+{rank}", 26009),
        ("[::1]:26000+{rank}", 26009), ("127.0.0.1:65535+{rank}", nil), ("/run/x", nil),
    ])
    func readsPatternsOfPorts(pattern: String, port: Int?) throws {
        #expect(try #require(WorkerServerPattern(pattern)).port(of: process)?.port == port)
    }

    @Test(arguments: [
        "", "run/x.sock", "26000", "127.0.0.1:0", "127.0.0.1:70000", "10.0.0.1:26000", "host:26000", "127.0.0.1:1+1",
        "127.0.0.1:1+{pid}", "127.0.0.1:1+{rank}+{rank}", "http://127.0.0.1:1",
    ])
    func refusesOtherPlaces(pattern: String) {
        #expect(WorkerServerPattern(pattern) == nil)
    }

    @Test func readsTheKernelsTables() {
        let unix = """
            Num       RefCount Protocol Flags    Type St Inode Path
            0000000000000000: 00000002 00000000 00010000 0001 01 41 /run/my worker.sock
            0000000000000000: 00000002 00000000 00010000 0001 01 42 @/abstract
            0000000000000000: 00000003 00000000 00000000 0001 03 43 /run/connected.sock
            0000000000000000: 00000002 00000000 00010000 0001 01 99 /run/anothers.sock
            0000000000000000: 00000002 00000000 00010000 0005 01 44 /run/packets.sock
            0000000000000000: 00000002 00000000 00010000 0001 01 45
            """
        let tcp = """
              sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
               0: 0100007F:6590 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 46 1 0 100 0 0 10 0
               1: 0100007F:6591 0100007F:6590 01 00000000:00000000 00:00000000 00000000     0        0 47 1 0 100 0 0 10 0
               2: 0100007F:6592 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 98 1 0 100 0 0 10 0
            """
        let sockets = ListeningSockets(unix: unix, tcp: tcp, inodes: [41, 42, 43, 44, 45, 46, 47])
        #expect(sockets.paths == ["/run/my worker.sock"])
        #expect(sockets.ports == [26000])
    }

    @Test func prefersWhatIsConfiguredAndTakesNothingElse() throws {
        var sockets = ListeningSockets(unix: "", tcp: "", inodes: [])
        sockets.paths = ["/tmp/pymp-1/listener", "/run/worker_server_1", "/run/named.sock", "/run/r9"]
        sockets.ports = [26001]
        func title(_ patterns: [String], _ process: RankProcess, _ sockets: ListeningSockets) throws -> String? {
            try WorkerServerFinder(patterns: patterns.map { try #require(WorkerServerPattern($0)) })
                .server(of: process, among: sockets)?.title
        }
        #expect(try title(["/run/none", "/run/r{rank}"], process, sockets) == "worker server /run/r9")
        #expect(try title(["127.0.0.1:26000+{local_rank}"], process, sockets) == "worker server 127.0.0.1:26001")
        #expect(try title([], process, sockets) == "worker server /run/named.sock")
        #expect(try title([], RankProcess(pid: 1), sockets) == "worker server /run/worker_server_1")
        sockets.paths = ["/tmp/pymp-1/listener", "/run/nccl.sock", "/run/worker.sock.old"]
        #expect(try title([], process, sockets) == nil)
    }

    @Test func speaksToNobodyElseThanTheRank() async throws {
        let one = try WorkerServerStandIn("well", name: "x.sock")
        // The environment of another process names its socket.
        let other = try PythonProcess(
            "import time; print('ready'); time.sleep(600)", environment: ["TORCH_WORKER_SERVER_SOCKET": one.place])
        let reader = WorkerServerFinder(patterns: [])
        await #expect(throws: WorkerServerFinder.NoServer.self) {
            try await reader.server(of: RankProcess(reading: other.pid))
        }
        // Nothing says that it is a worker server.
        await #expect(throws: WorkerServerFinder.NoServer.self) {
            try await reader.server(of: RankProcess(reading: one.pid))
        }
        let path = WorkerSocketPath(one.place, of: one.pid)
        let error = #expect(throws: SystemCallError.self) { try path.connect(owner: other.pid) }
        #expect(error?.reason == "process \(one.pid) listens there, and not process \(other.pid)")
        close(try path.connect(owner: one.pid))
        #expect(one.requests == [])
    }

    @Test func reachesASocketWhosePathIsTooLongForOne() throws {
        let folder = String(repeating: "d", count: 100)
        let one = try WorkerServerStandIn("well", name: "x.sock")
        #expect(rename(one.place, one.place + ".old") == 0)
        try one.folder.makeFolder(folder)
        #expect(rename(one.place + ".old", one.folder.file("\(folder)/x.sock")) == 0)
        let path = WorkerSocketPath(one.folder.file("\(folder)/x.sock"), of: one.pid)
        #expect(path.here.utf8.count > UnixAddress.longestPath)
        close(try path.connect(owner: one.pid))
    }
}
