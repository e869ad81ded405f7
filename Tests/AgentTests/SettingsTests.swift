import Diagnosis
import Foundation
import Logging
import MasterClients
import TestSupport
import Testing

@testable import Agent

@Suite struct SettingsTests {
    private let scratch = ScratchFolder()
    /// Of a user who has a home, so that the tests need not be root's.
    private let environment = ["HOME": "/home/user"]

    private func withFile<Result>(_ yaml: String, _ body: (String) throws -> Result) throws -> Result {
        try body(try scratch.write(yaml, to: "settings.yaml"))
    }

    private func error(file yaml: String? = nil, environment: [String: String] = [:], flags: [SettingFlag] = []) throws
        -> String
    {
        func load(_ path: String?) throws -> String {
            let error = try #require(throws: SettingsError.self) {
                _ = try AgentSettings(
                    file: path, environment: self.environment.merging(environment) { $1 }, flags: flags)
            }
            return error.description
        }
        guard let yaml else { return try load(nil) }
        return try withFile(yaml) { path in try load(path).replacingOccurrences(of: path, with: "FILE") }
    }

    @Test func laterPlacesWin() throws {
        let yaml = """
            metrics: {interval: 10s, deadline: 1s}
            logs:
              files: [a.log, b.log]
            node: {id: 1, rank: 1}
            """
        try withFile(yaml) { path in
            let settings = try AgentSettings(
                file: path,
                environment: [
                    "HOME": "/home/user", "AROBUST_METRICS_INTERVAL": "20s", "AROBUST_NODE_ID": "2", "NODE_ID": "9",
                    "NODE_TYPE": "ps", "NODE_RANK": "8", "WORKER_RANK": "7",
                ],
                flags: [SettingFlag(key: "node.id", name: "--node-id", texts: ["3"])])
            #expect(settings.values[\.metrics.interval] == .seconds(20))
            #expect(settings.values[\.metrics.deadline] == .seconds(1))
            #expect(settings.values[\.logs.files] == ["a.log", "b.log"])
            let node = settings.node
            #expect(node == NodeIdentity(id: 3, type: "ps", rank: 8))
        }
    }

    @Test func aLabelMayHaveAnyValue() throws {
        let all = environment.merging(["AROBUST_TELEMETRY_LABELS": "job=a=b,pod=x y"]) { $1 }
        let labels = try AgentSettings(file: nil, environment: all, flags: []).telemetryLabels
        #expect(labels.map { "\($0.0): \($0.1)" } == ["job: a=b", "pod: x y"])
    }

    @Test func ofTwoWaysToNameThePageTheStrongerPlaceWins() throws {
        try withFile("metrics: {url: 'http://a:1/m'}") { path in
            func page(_ environment: [String: String], _ flags: [SettingFlag] = []) throws -> String? {
                try AgentSettings(file: path, environment: self.environment.merging(environment) { $1 }, flags: flags)
                    .metricURL().map { "\($0)" }
            }
            let flag = SettingFlag(key: "metrics.url", name: "--metrics-url", texts: ["http://b:2/m"])
            let pages = [
                try page([:]), try page(["XPU_TIMER_PORT": "5"]), try page(["XPU_TIMER_PORT": "5"], [flag]),
            ]
            #expect(pages == ["http://a:1/m", "http://127.0.0.1:5/metrics", "http://b:2/m"])
        }
    }

    @Test func mastersHaveTheGeneralOptionsAndTheirOwn() throws {
        let yaml = """
            job-uid: general
            delivery: {deadline: 3s}
            masters:
              - 127.0.0.1:50001
              - url: dlrover+http://Master:8080
                job-uid: own
                join: false
                content-size: 1MiB
              - file:///tmp/x.ndjson
            """
        try withFile(yaml) { path in
            let masters = try AgentSettings(file: path, environment: environment, flags: []).masters()
            #expect(
                masters.map { "\($0.url)" } == [
                    "dlrover+grpc://127.0.0.1:50001", "dlrover+http://master:8080", "file:///tmp/x.ndjson",
                ])
            #expect(masters.map(\.options.jobUID) == ["general", "own", "general"])
            #expect(masters.map(\.options.join) == [true, false, true])
            #expect(masters.map(\.options.contentBytes) == [256 << 10, 1 << 20, 256 << 10])
            #expect(masters.map(\.options.deadline) == Array(repeating: .seconds(3), count: 3))
        }
    }

    @Test func withoutMastersDLRoversVariablesAreRead() throws {
        let ofDLRover = [
            "HOME": "/home/user", "DLROVER_MASTER_ADDR": "10.0.0.1:50001", "DLROVER_MASTER_SERVICE_TYPE": "http",
            "JOB_UID": "j",
        ]
        let masters = try AgentSettings(file: nil, environment: ofDLRover, flags: []).masters()
        #expect(masters.map { "\($0.url)" } == ["dlrover+http://10.0.0.1:50001"])
        #expect(masters.map(\.options.jobUID) == ["j"])
        #expect(try AgentSettings(file: nil, environment: environment, flags: []).masters().isEmpty)
    }

    @Test(arguments: [
        (
            "metrics:\n  intervall: 5s",
            "FILE:2: unknown key 'metrics.intervall'; allowed here are alarm, deadline, interval"
        ),
        ("foo: 1", "FILE:1: unknown key 'foo'; allowed here are connect, connect-key-file"),
        ("metrics:\n  interval: 5", "FILE:2: metrics.interval is '5'; it must be a duration with a unit"),
        ("metrics:\n  interval: [5s]", "FILE:2: metrics.interval must be a duration"),
        ("metrics: 5", "FILE:1: metrics. must be a mapping"),
        ("log-level: loud", "FILE:1: log-level is 'loud'; it must be one of trace, debug"),
        ("logs:\n  chunk-size: 64 KB", "FILE:2: logs.chunk-size is '64 KB'; it must be a size"),
        ("node:\n  id: one", "FILE:2: node.id is 'one'; it must be a whole number"),
        ("masters:\n- url: x:1\n  dedline: 5s", "FILE:3: unknown key 'dedline'; allowed for a master are url, job-uid"),
        ("masters:\n- job-uid: x", "FILE:2: a master needs a url"),
        ("masters:\n- ftp://x", "FILE:2: 'ftp://x' names no master"),
        (
            "log-level: info\nlog-level: debug",
            "FILE: not YAML: in the mapping that begins in line 1: 'log-level' stands twice"
        ),
        ("journal.size: 1GiB\njournal:\n  size: 2GiB", "FILE:3: journal.size stands twice"),
        ("masters: [a:1, a:1]", "FILE:1: the master dlrover+grpc://a:1 stands twice"),
        ("job-uid: \u{e9}", "FILE:1: job-uid is '\u{e9}'; it must be a text of printable ASCII characters"),
        (
            "masters:\n- url: x:1\n  job-uid: \u{e9}",
            "FILE:3: job-uid is '\u{e9}'; it must be a text of printable ASCII"
        ),
        (
            "delivery: {deadline: 2000000000000h}",
            "FILE:1: delivery.deadline is '2000000000000h'; it must be a duration"
        ),
        ("delivery:\n  max-message-size: 2GiB", "FILE:2: delivery.max-message-size is '2GiB'; it must be a size"),
        ("stacks:\n  pids: [1]\n  ranks: true", "FILE:3: stacks.ranks is true and stacks.pids is set (FILE:2)"),
        ("logs: {files: ['']}", "FILE:1: logs.files is ''; it must be a text that is not empty"),
        (
            "telemetry: {file: /run/text}",
            "FILE:1: telemetry.file is '/run/text'; it must be a file's path that ends with .prom"
        ),
        ("telemetry: {file: /run/.prom}", "FILE:1: telemetry.file is '/run/.prom'"),
        ("telemetry: {file-mode: 0666}", "FILE:1: telemetry.file-mode is '0666'; it must be one of 0644, 0640, 0600"),
        ("telemetry: {labels: [job]}", "FILE:1: telemetry.labels is 'job'; it must be a label's name, an equals sign"),
        ("telemetry: {labels: [job=]}", "FILE:1: telemetry.labels is 'job='"),
        ("telemetry: {labels: [__job=7]}", "FILE:1: telemetry.labels is '__job=7'"),
        ("telemetry: {labels: [my-job=7]}", "FILE:1: telemetry.labels is 'my-job=7'"),
        ("state-dir: []", "FILE:1: state-dir is empty"),
        ("a: [", "FILE: not YAML"),
        ("- a", "FILE:1: the file must be a mapping"),
        ("metrics:\n  url: ftp://x", "FILE:2: "),
    ])
    func aWrongFileIsNamedWithItsLine(yaml: String, message: String) throws {
        let said = try error(file: yaml)
        #expect(said.hasPrefix(message), "\(said)")
    }

    @Test(arguments: [
        (
            ["AROBUST_METRICS_INTERVALL": "5s"],
            "environment variable AROBUST_METRICS_INTERVALL: there is no such setting"
        ),
        (["AROBUST_METRICS_INTERVAL": "5"], "environment variable AROBUST_METRICS_INTERVAL: metrics.interval is '5'"),
        (["NODE_ID": "x"], "environment variable NODE_ID"),
        (["XPU_TIMER_PORT": "0"], "environment variable XPU_TIMER_PORT"),
        (["AROBUST_STATE_DIR": ""], "environment variable AROBUST_STATE_DIR: state-dir is empty"),
        (
            ["DLROVER_MASTER_ADDR": "http://a:1"],
            "environment variable DLROVER_MASTER_ADDR: it is 'http://a:1'; it must be host:port"
        ),
        (
            ["DLROVER_MASTER_ADDR": "a:1", "DLROVER_MASTER_SERVICE_TYPE": "ray"],
            "environment variable DLROVER_MASTER_SERVICE_TYPE: it is 'ray'; it must be grpc or http"
        ),
        (["AROBUST_NODE_TYPE": "a/b"], "environment variable AROBUST_NODE_TYPE: node.type is 'a/b'"),
    ])
    func aWrongVariableIsNamed(environment: [String: String], message: String) throws {
        #expect(try error(environment: environment).hasPrefix(message))
    }

    @Test func aWrongFlagIsNamed() throws {
        let flag = SettingFlag(key: "metrics.interval", name: "--metrics-interval", texts: ["5"])
        #expect(try error(flags: [flag]).hasPrefix("--metrics-interval: metrics.interval is '5'"))
        let directory = SettingFlag(
            key: "state-dir", name: "--state-dir", texts: ["/" + String(repeating: "x", count: 200)])
        #expect(try error(flags: [directory]).hasPrefix("--state-dir: the state directory's path has 201 bytes"))
        let unknown = SettingFlag(key: "metrics.intervall", name: "interval", texts: ["5s"])
        #expect(try error(flags: [unknown]).hasPrefix("interval: there is no setting 'metrics.intervall'"))
    }

    @Test(arguments: [("/nonexistent.yaml", "No such file or directory"), ("/tmp", "Is a directory")])
    func aFileThatCannotBeReadIsNamed(path: String, reason: String) throws {
        let error = try #require(throws: SettingsError.self) {
            _ = try AgentSettings(file: path, environment: environment, flags: [])
        }
        #expect("\(error)" == "\(path): the file cannot be read: \(reason)")
    }

    /// As a pod has them beside Services with these names.
    @Test(arguments: [
        "AROBUST", "AROBUST_CONSOLE", "AROBUST_METRICS_XPU_TIMER", "AROBUST_SERVICE", "AROBUST_2", "XPU_TIMER",
    ])
    func whatKubernetesInjectsForAServiceIsIgnored(service: String) throws {
        let injected = [
            "SERVICE_HOST": "10.0.0.1", "SERVICE_PORT": "50001", "SERVICE_PORT_GRPC": "50001",
            "SERVICE_PORT_SERVICE_GRPC": "50001",
            "PORT": "tcp://10.0.0.1:50001", "PORT_50001_TCP": "tcp://10.0.0.1:50001", "PORT_50001_TCP_PROTO": "tcp",
            "PORT_50001_TCP_PORT": "50001", "PORT_50001_TCP_ADDR": "10.0.0.1",
            "PORT_53_UDP": "udp://[fd00::1]:53", "PORT_53_UDP_ADDR": "fd00::1",
        ]
        let variables = injected.map { ("\(service)_\($0.key)", $0.value) }
        let settings = try AgentSettings(
            file: nil, environment: environment.merging(variables) { first, _ in first }, flags: [])
        #expect(settings.values[\.metrics.xpuTimerPort] == nil)
    }

    @Test(arguments: [
        ("AROBUST_PORT", "50001"), ("AROBUST_CONSOLE_PORT", "tcp://host"), ("AROBUST_CONSOLE_PORT_X_TCP", "10.0.0.1"),
        ("AROBUST_SERVICE_NAME", "x"), ("AROBUST_PORT_80_TLS", "x"), ("AROBUST_PORT_80_TCP_NAME", "x"),
    ]) func whatOnlyLooksLikeItIsRefused(name: String, value: String) throws {
        let error = try #require(throws: SettingsError.self) {
            _ = try AgentSettings(
                file: nil, environment: environment.merging([name: value]) { first, _ in first }, flags: [])
        }
        #expect("\(error)".contains(name))
    }

    @Test func aPortThatIsANumberIsASetting() throws {
        for name in ["AROBUST_METRICS_XPU_TIMER_PORT", "XPU_TIMER_PORT"] {
            let settings = try AgentSettings(
                file: nil, environment: environment.merging([name: "18889"]) { first, _ in first }, flags: [])
            #expect(settings.values[\.metrics.xpuTimerPort] == 18889)
        }
    }

    @Test func withoutAHomeThereIsNoDefaultStateDirectory() {
        func directory(_ environment: [String: String]) -> String? {
            DefaultPaths.stateDirectory(environment: environment, isRoot: false)
        }
        #expect(directory([:]) == nil)
        #expect(directory(["HOME": "", "XDG_STATE_HOME": "relative"]) == nil)
        #expect(directory(["HOME": "/h"]) == "/h/.local/state/arobust")
        #expect(directory(["HOME": "/h", "XDG_STATE_HOME": "/x"]) == "/x/arobust")
        #expect(DefaultPaths.stateDirectory(environment: [:], isRoot: true) == "/var/lib/arobust")
    }

    @Test func aPublisherHasOneStateDirectory() throws {
        let flag = SettingFlag(key: "state-dir", name: "--state-dir", texts: ["/a", "/b"])
        let settings = try AgentSettings(file: nil, environment: environment, flags: [flag])
        #expect(try settings.endpoints().count == 2)
        let error = try #require(throws: SettingsError.self) { try settings.stateDirectory() }
        #expect("\(error)" == "--state-dir: a publisher has one state directory; 2 are given")
    }

    @Test func theMastersThatHoldAreShown() throws {
        func shown(_ more: [String: String], _ flags: [SettingFlag] = []) throws -> [String] {
            let environment = environment.merging(more) { first, _ in first }
            return try AgentSettings(file: nil, environment: environment, flags: flags).describe()
                .filter { $0.hasPrefix("masters:") }
        }
        let dlrover = ["DLROVER_MASTER_ADDR": "a:1"]
        let flag = SettingFlag(key: "masters", name: "--master", texts: ["b:2"])
        #expect(
            try shown(dlrover) == ["masters: dlrover+grpc://a:1  # environment variable DLROVER_MASTER_ADDR"])
        #expect(try shown(dlrover, [flag]) == ["masters: b:2  # --master"])
        #expect(try shown([:]) == [])
    }

    @Test(arguments: ["24h", "10ms"]) func whatTheSettingsTakeAMastersClientTakes(deadline: String) throws {
        let yaml = "delivery: {deadline: \(deadline), join-span: 24h, max-message-size: 1GiB, content-size: 1GiB}"
        try withFile(yaml + "\njob-uid: a b\nmasters: ['stdout:']") { path in
            let master = try #require(
                try AgentSettings(file: path, environment: environment, flags: []).masters().first)
            _ = try master.url.makeReporter(options: master.options, logger: Logger(label: "test"))
        }
    }
}
