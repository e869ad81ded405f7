// swift-tools-version: 6.2
import PackageDescription

/// What every target of ours is built with. Warnings are errors here, not on a command line, so that the packages we depend on keep their own rules.
let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]

/// What `arobust --version` says it was built from. Images and archives have no `.git`: there the variable says it.
let commit =
    Context.environment["AROBUST_COMMIT"].flatMap { $0.isEmpty ? nil : $0 }
    ?? Context.gitInformation.map { String($0.currentCommit.prefix(12)) + ($0.hasUncommittedChanges ? "+" : "") }
    ?? "unknown"

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let coreMetrics = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")
let deque = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let inMemoryLogging = Target.Dependency.product(name: "InMemoryLogging", package: "swift-log")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
let nioExtras = Target.Dependency.product(name: "NIOExtras", package: "swift-nio-extras")
let nioHPACK = Target.Dependency.product(name: "NIOHPACK", package: "swift-nio-http2")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioHTTP2 = Target.Dependency.product(name: "NIOHTTP2", package: "swift-nio-http2")
let nioHTTPTypes = Target.Dependency.product(name: "NIOHTTPTypes", package: "swift-nio-extras")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let serviceLifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let protobuf = Target.Dependency.product(name: "SwiftProtobuf", package: "swift-protobuf")
let systemPackage = Target.Dependency.product(name: "SystemPackage", package: "swift-system")

let package = Package(
    name: "arobust",
    platforms: [.macOS(.v26)],
    products: [
        .library(name: "Diagnosis", targets: ["Diagnosis"]),
        .library(name: "Collectors", targets: ["Collectors"]),
        .library(name: "ZMQBridge", targets: ["ZMQBridge"]),
        .library(name: "MasterClients", targets: ["MasterClients"]),
        .library(name: "Agent", targets: ["Agent"]),
        // All of it is `package`: for the package in Benchmarks.
        .library(name: "FailureDiagnosis", targets: ["FailureDiagnosis"]),
        .executable(name: "arobust", targets: ["arobust"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0", traits: []),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras.git", from: "1.34.1"),
        .package(url: "https://github.com/apple/swift-nio-http2", from: "1.46.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.0"),
        .package(url: "https://github.com/apple/swift-protobuf.git", from: "1.39.0", traits: []),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2", traits: []),
    ],
    targets: [
        // No pkgConfig: Debian's libzmq.pc carries a flag that SwiftPM refuses with a warning on every build.
        .systemLibrary(name: "CZeroMQ", providers: [.apt(["libzmq3-dev"])]),
        // Limits for the connections that libzmq accepts; see its header.
        .target(name: "CSocketGuard"),
        // What C has instructions for and Swift has not.
        .target(name: "CChecksum"),
        .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CXattr"),
        .systemLibrary(name: "CYAML", providers: [.apt(["libyaml-dev"])]),
        .systemLibrary(name: "CSQLite", providers: [.apt(["libsqlite3-dev"])]),
        .target(name: "SQLite", dependencies: ["CSQLite"], swiftSettings: settings),
        // A connection to NATS through libnats, which is loaded when it is first needed.
        .target(name: "CNATS"),
        .target(
            name: "CBuildInfo",
            cSettings: [
                .define(
                    "AROBUST_COMMIT", to: "\"\(commit.filter { $0.isHexDigit || $0 == "+" || "unkow".contains($0) })\"")
            ]),
        .target(name: "SystemSupport", dependencies: ["CXattr", "CZlib", systemPackage], swiftSettings: settings),
        .target(name: "YAML", dependencies: ["CYAML", "SystemSupport"], swiftSettings: settings),
        .target(name: "LogText", dependencies: ["Diagnosis"], swiftSettings: settings),
        .target(name: "Diagnosis", dependencies: ["SystemSupport"], swiftSettings: settings),
        .target(name: "Telemetry", dependencies: ["SystemSupport", coreMetrics, logging], swiftSettings: settings),
        .target(
            name: "PeerLimits", dependencies: [nioCore, nioHTTP1], swiftSettings: settings),
        // An HTTP server with limits for those who call: of the console, and of agent, collect and bridge.
        .target(
            name: "WebServing",
            dependencies: [
                "SystemSupport", "TransportSecurity", httpTypes, hummingbird, hummingbirdCore, logging, nioCore,
                nioExtras, nioHTTPTypes, nioPosix, serviceLifecycle,
            ], swiftSettings: settings),
        .target(name: "PlainHTTP", dependencies: ["PeerLimits", nioCore, nioHTTP1, nioPosix], swiftSettings: settings),
        // Lists of revoked certificates, by the BoringSSL within swift-nio-ssl, whose headers it sees through this dependency.
        .target(name: "CRevocation", dependencies: [nioSSL]),
        // TLS for clients and listeners, with certificates that are read again when they change.
        .target(
            name: "TransportSecurity", dependencies: ["CRevocation", "SystemSupport", logging, nioCore, nioSSL],
            swiftSettings: settings),
        .target(
            name: "Journal", dependencies: ["CChecksum", "Diagnosis", "SystemSupport", systemPackage],
            swiftSettings: settings),
        .target(
            name: "ZMQBridge",
            dependencies: ["CSocketGuard", "CZeroMQ", "Diagnosis", "Journal", "SystemSupport", logging, deque],
            swiftSettings: settings),
        // Pure values: what is known of a hang, and how it merges.
        .target(name: "Hang", dependencies: ["Diagnosis", "LogText", "SystemSupport"], swiftSettings: settings),
        .target(
            name: "Collectors",
            dependencies: [
                "Diagnosis", "Hang", "LogText", "PlainHTTP", "SystemSupport", "Telemetry", logging,
                coreMetrics,
                nioCore, nioHTTP1,
                nioPosix,
                .product(name: "Subprocess", package: "swift-subprocess"),
                systemPackage,
            ],
            swiftSettings: settings
        ),
        // Streams of NATS JetStream as masters; alone knows CNATS.
        .target(
            name: "JetStream", dependencies: ["CNATS", "Diagnosis", "LogText", "SystemSupport", logging],
            swiftSettings: settings),
        // Generated from Protos by `make proto`: what OTLP's receivers are sent, and what they answer.
        .target(name: "OTLPMessages", dependencies: [protobuf], swiftSettings: settings),
        .target(
            name: "MasterClients",
            dependencies: [
                "Diagnosis", "JetStream", "LogText", "OTLPMessages", "PeerLimits", "PlainHTTP", "SystemSupport",
                "TransportSecurity", logging, nioCore, nioPosix, protobuf,
                nioHPACK, nioHTTP1, nioHTTP2, systemPackage,
            ],
            swiftSettings: settings
        ),
        .target(
            name: "Delivery",
            dependencies: ["Diagnosis", "SQLite", "SystemSupport", logging, deque, systemPackage],
            swiftSettings: settings
        ),
        .target(
            name: "FailureDiagnosis",
            dependencies: [
                "Diagnosis", "Hang", "LogText", "SystemSupport", "YAML", coreMetrics, logging, systemPackage,
            ],
            resources: [.embedInCode("Resources/rules.yaml")], swiftSettings: settings),
        // How trainings go, from the logs that are read already.
        .target(
            name: "TrainingProgress",
            dependencies: [
                "Diagnosis", "FailureDiagnosis", "Hang", "SystemSupport", "YAML", coreMetrics, logging, systemPackage,
            ],
            resources: [.embedInCode("Resources/profiles.yaml")], swiftSettings: settings),
        // A gRPC server for unary calls, with limits for those who call.
        .target(
            name: "GRPCServing",
            dependencies: [
                "CZlib", "MasterClients", "PeerLimits", "SystemSupport", "TransportSecurity", "WebServing", coreMetrics,
                logging, nioCore, nioHPACK, nioHTTP1, nioHTTP2, nioPosix,
            ], swiftSettings: settings),
        .target(
            name: "DLRoverListener",
            dependencies: [
                "Diagnosis", "GRPCServing", "MasterClients", "SystemSupport", "ZMQBridge", coreMetrics, logging,
                nioCore,
            ],
            swiftSettings: settings),
        // What the console keeps: envelopes once each, in SQLite, with answers to what people ask.
        .target(
            name: "ConsoleStore",
            dependencies: [
                "Diagnosis", "FailureDiagnosis", "Hang", "LogText", "SQLite", "SystemSupport", "TrainingProgress",
                logging, systemPackage,
            ],
            swiftSettings: settings),
        // What nodes report to a console.
        .target(
            name: "ConsoleListener",
            dependencies: [
                "ConsoleStore", "Diagnosis", "GRPCServing", "MasterClients", "SystemSupport", "TransportSecurity",
                coreMetrics, logging, nioCore,
            ],
            swiftSettings: settings),
        // The page, and the same as JSON.
        .target(
            name: "Console",
            dependencies: [
                "ConsoleStore", "Diagnosis", "Hang", "LogText", "SystemSupport", "Telemetry", "TransportSecurity",
                "WebServing",
                httpTypes, hummingbird, logging, nioCore, nioPosix, serviceLifecycle,
            ],
            resources: [
                .embedInCode("Resources/api.js"),
                .embedInCode("Resources/app.css"),
                .embedInCode("Resources/chart.js"),
                .embedInCode("Resources/delivery.js"),
                .embedInCode("Resources/dom.js"),
                .embedInCode("Resources/failures.js"),
                .embedInCode("Resources/flame.js"),
                .embedInCode("Resources/heatmap.js"),
                .embedInCode("Resources/icon.svg"),
                .embedInCode("Resources/incidents.js"),
                .embedInCode("Resources/index.html"),
                .embedInCode("Resources/live.js"),
                .embedInCode("Resources/loglist.js"),
                .embedInCode("Resources/logs.js"),
                .embedInCode("Resources/main.js"),
                .embedInCode("Resources/metrics.js"),
                .embedInCode("Resources/overview.js"),
                .embedInCode("Resources/rank.js"),
                .embedInCode("Resources/stacks.js"),
                .embedInCode("Resources/text.js"),
                .embedInCode("Resources/time.js"),
            ], swiftSettings: settings),
        .target(
            name: "Inspection",
            dependencies: [
                "CZlib", "Delivery", "Diagnosis", "Hang", "Journal", "LogText", "SystemSupport", "Telemetry",
                "ZMQBridge",
                logging, systemPackage,
            ],
            swiftSettings: settings),
        // How a process of ours is: for Prometheus, and for who looks after it.
        .target(
            name: "Monitoring",
            dependencies: [
                "CBuildInfo", "Diagnosis", "Inspection", "SystemSupport", "Telemetry", "TransportSecurity",
                "WebServing",
                "ZMQBridge", hummingbird, logging, serviceLifecycle,
            ], swiftSettings: settings),
        // What is taken out of contents before they are published.
        .target(
            name: "Redaction", dependencies: ["Diagnosis", "FailureDiagnosis", "SystemSupport", coreMetrics],
            swiftSettings: settings),
        .target(
            name: "Agent",
            dependencies: [
                "Collectors", "DLRoverListener", "Delivery", "Diagnosis", "FailureDiagnosis", "GRPCServing", "Hang",
                "Inspection", "JetStream", "Journal", "LogText", "MasterClients", "Monitoring", "Redaction",
                "SystemSupport", "Telemetry", "TrainingProgress",
                "TransportSecurity",
                "YAML", "ZMQBridge",
                coreMetrics, logging, serviceLifecycle,
            ],
            swiftSettings: settings
        ),
        .target(
            name: "Commands",
            dependencies: [
                "Agent", "CBuildInfo", "Console", "ConsoleListener", "ConsoleStore", "Diagnosis", "FailureDiagnosis",
                "Hang", "Inspection", "JetStream", "MasterClients", "SystemSupport", "Telemetry", "TransportSecurity",
                "ZMQBridge",
                argumentParser, logging, nioPosix, serviceLifecycle,
            ],
            swiftSettings: settings
        ),
        .executableTarget(name: "arobust", dependencies: ["Commands", "SystemSupport"], swiftSettings: settings),
        .executableTarget(
            name: "WithAgent", dependencies: ["Agent", "Diagnosis", "MasterClients"], path: "Examples/WithAgent",
            swiftSettings: settings),
        .executableTarget(
            name: "SingleCollector", dependencies: ["Collectors", "Diagnosis", "MasterClients"],
            path: "Examples/SingleCollector", swiftSettings: settings),
        .executableTarget(
            name: "CompleteTraining",
            dependencies: ["Agent", "Diagnosis", "MasterClients", logging], path: "Examples/CompleteTraining",
            swiftSettings: settings),
        .executableTarget(
            name: "OnTheBus",
            dependencies: [
                "Agent", "ZMQBridge", logging, serviceLifecycle,
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            path: "Examples/OnTheBus", swiftSettings: settings),
        .executableTarget(
            name: "ReadTheBus", dependencies: ["Diagnosis", "ZMQBridge", logging], path: "Examples/ReadTheBus",
            swiftSettings: settings),
        .target(
            name: "TestSupport", dependencies: [inMemoryLogging, logging], path: "Tests/TestSupport",
            swiftSettings: settings),
        .target(
            name: "ConsoleTestSupport", dependencies: ["ConsoleStore", "Diagnosis", "SystemSupport"],
            path: "Tests/ConsoleTestSupport", swiftSettings: settings),
        .testTarget(
            name: "SystemSupportTests", dependencies: ["CXattr", "SystemSupport", "TestSupport", systemPackage],
            swiftSettings: settings),
        .testTarget(name: "YAMLTests", dependencies: ["TestSupport", "YAML"], swiftSettings: settings),
        .testTarget(name: "LogTextTests", dependencies: ["LogText", "TestSupport"], swiftSettings: settings),
        .testTarget(name: "DiagnosisTests", dependencies: ["Diagnosis", "TestSupport"], swiftSettings: settings),
        .testTarget(
            name: "TelemetryTests", dependencies: ["SystemSupport", "Telemetry", "TestSupport", coreMetrics],
            swiftSettings: settings),
        .testTarget(
            name: "RedactionTests",
            dependencies: [
                "Diagnosis", "Redaction", "SystemSupport", "Telemetry", "TestSupport", coreMetrics,
            ], swiftSettings: settings),
        .testTarget(
            name: "PeerLimitsTests",
            dependencies: ["PeerLimits", "PlainHTTP", "TestSupport", nioCore, nioEmbedded, nioHTTP1, nioPosix],
            swiftSettings: settings),
        .testTarget(
            name: "HangTests", dependencies: ["Diagnosis", "Hang", "SystemSupport", "TestSupport"],
            exclude: ["Fixtures"], swiftSettings: settings),
        .testTarget(
            name: "JournalTests",
            dependencies: ["Diagnosis", "Journal", "SystemSupport", "TestSupport", systemPackage],
            swiftSettings: settings),
        .testTarget(
            name: "ZMQBridgeTests",
            dependencies: [
                "CSocketGuard", "CZeroMQ", "Diagnosis", "Journal", "SystemSupport", "TestSupport", "ZMQBridge", logging,
                systemPackage,
            ],
            swiftSettings: settings),
        .testTarget(
            name: "DeliveryTests",
            dependencies: [
                "CSQLite", "Delivery", "Diagnosis", "SQLite", "SystemSupport", "TestSupport", logging,
            ], swiftSettings: settings),
        .testTarget(
            name: "FailureDiagnosisTests",
            dependencies: [
                "Collectors", "Diagnosis", "FailureDiagnosis", "SystemSupport", "Telemetry", "TestSupport", coreMetrics,
                inMemoryLogging, logging, systemPackage,
            ],
            exclude: ["Fixtures"],
            swiftSettings: settings),
        .testTarget(
            name: "TrainingProgressTests",
            dependencies: [
                "Collectors", "Diagnosis", "FailureDiagnosis", "Hang", "SystemSupport", "TestSupport",
                "TrainingProgress",
                coreMetrics, logging,
            ], swiftSettings: settings),
        .testTarget(
            name: "DLRoverListenerTests",
            dependencies: [
                "TestSupport",
                "CZlib", "DLRoverListener", "Diagnosis", "GRPCServing", "MasterClients", "SystemSupport", "Telemetry",
                "ZMQBridge",
                coreMetrics, logging, nioCore, nioEmbedded, nioHPACK, nioHTTP2, nioPosix, systemPackage,
            ], swiftSettings: settings),
        .testTarget(
            name: "ConsoleStoreTests",
            dependencies: [
                "ConsoleStore", "ConsoleTestSupport", "Diagnosis", "SQLite", "SystemSupport", "TestSupport", logging,
            ],
            swiftSettings: settings),
        .testTarget(
            name: "ConsoleListenerTests",
            dependencies: [
                "ConsoleListener", "ConsoleStore", "Diagnosis", "GRPCServing", "MasterClients", "SystemSupport",
                "Telemetry",
                "TestSupport", coreMetrics, logging, nioCore,
            ], swiftSettings: settings),
        .testTarget(
            name: "ConsoleTests",
            dependencies: [
                "Console", "ConsoleStore", "ConsoleTestSupport", "Diagnosis", "SystemSupport", "TestSupport",
                "WebServing",
                hummingbird, "PlainHTTP", logging, nioCore, nioHTTP1, serviceLifecycle,
            ], swiftSettings: settings),
        .testTarget(
            name: "WebServingTests", dependencies: ["SystemSupport", "TestSupport", "WebServing"],
            swiftSettings: settings),
        .testTarget(
            name: "MonitoringTests",
            dependencies: [
                "Diagnosis", "Inspection", "Monitoring", "SystemSupport", "Telemetry", "TestSupport", "WebServing",
                "ZMQBridge", coreMetrics, logging,
            ], swiftSettings: settings),
        .testTarget(
            name: "InspectionTests",
            dependencies: [
                "Delivery", "Diagnosis", "Inspection", "Journal", "SystemSupport", "TestSupport", "ZMQBridge", logging,
            ],
            swiftSettings: settings),
        .testTarget(
            name: "CollectorsTests",
            dependencies: [
                "Collectors", "Diagnosis", "Hang", "SystemSupport", "Telemetry", "TestSupport", coreMetrics, logging,
                nioCore,
                nioPosix, nioHTTP1, systemPackage,
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "JetStreamTests", dependencies: ["CNATS", "Diagnosis", "JetStream", "LogText", "TestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "MasterClientsTests",
            dependencies: [
                "Diagnosis", "OTLPMessages", protobuf, "MasterClients", "PlainHTTP", "SystemSupport", "TestSupport",
                logging, nioCore,
                nioPosix,
                nioHTTP1, nioHTTP2, nioHPACK, systemPackage,
            ],
            exclude: ["Fixtures"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "CommandsTests",
            dependencies: [
                "Agent", "Commands", "Diagnosis", "FailureDiagnosis", "TestSupport", "ZMQBridge", argumentParser,
                logging,
            ],
            swiftSettings: settings),
        .testTarget(
            name: "AgentTests",
            dependencies: [
                "Agent", "Delivery", "Diagnosis", "FailureDiagnosis", "Hang", "MasterClients", "SystemSupport",
                "TestSupport",
                "ZMQBridge", logging, serviceLifecycle,
            ],
            swiftSettings: settings),
    ],
    swiftLanguageModes: [.v6]
)

// `make docs` only: every other build does without the plugin, and need not resolve it.
if Context.environment["AROBUST_DOCS"] == "1" {
    package.dependencies.append(.package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.5.0"))
}

// Tests/Fuzz is a test of its seeds, or for `make fuzz` the program that libFuzzer runs: that needs the fuzzer's run time, which only a
// build with `--sanitize fuzzer` links.
let fuzzDependencies: [Target.Dependency] = [
    "Agent", "Collectors", "Commands", "DLRoverListener", "Delivery", "Diagnosis", "FailureDiagnosis", "GRPCServing",
    "Hang",
    "Inspection", "Journal", "LogText",
    "MasterClients", "PlainHTTP", "SystemSupport", "Telemetry", "ZMQBridge", logging, nioCore, nioEmbedded, nioHPACK,
    systemPackage,
]
if Context.environment["AROBUST_FUZZ"] == "1" {
    package.targets.append(
        .executableTarget(
            name: "Fuzz", dependencies: fuzzDependencies, path: "Tests/Fuzz",
            exclude: ["asan-suppressions.txt", "seeds", "SeedTests.swift"],
            swiftSettings: settings))
} else {
    package.targets.append(
        .testTarget(
            name: "FuzzTests", dependencies: fuzzDependencies + ["TestSupport"], path: "Tests/Fuzz",
            exclude: ["asan-suppressions.txt", "seeds", "FuzzProgram.swift"], swiftSettings: settings))
}

// `make sanitize` only: what has threads, C and files of its own, without what takes ten minutes to build and brings none of them.
if Context.environment["AROBUST_SANITIZE"] == "1" {
    let parts = ["SystemSupport", "Diagnosis", "Journal", "ZMQBridge", "Delivery"]
    let kept = Set(
        parts + parts.map { $0 + "Tests" } + [
            "CChecksum", "CSQLite", "CSocketGuard", "CXattr", "CZeroMQ", "CZlib", "SQLite", "TestSupport",
        ])
    package.targets.removeAll { !kept.contains($0.name) }
    package.products = []
}
