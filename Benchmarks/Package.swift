// swift-tools-version: 6.2
import PackageDescription

/// The name under which the compiler knows the package above: SwiftPM takes it from the folder that the checkout is in.
let above = Context.packageDirectory.split(separator: "/").dropLast().last.map { $0.lowercased() } ?? ""
let aboveName = String(above.map { $0.isLetter || $0.isNumber ? $0 : "_" })

/// What every target is built with: as above, and as a part of the package above, since what is measured is `package` there.
let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
    .unsafeFlags(["-package-name", aboveName]),
]

/// Built in the folder of the package above, `--scratch-path ../.build`, with the same flags: then all that it depends on is compiled once.
let package = Package(
    name: "benchmarks",
    platforms: [.macOS(.v26)],
    dependencies: [
        .package(name: "arobust", path: ".."),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    ],
    targets: [
        .executableTarget(
            name: "BusBenchmark",
            dependencies: [
                .product(name: "Diagnosis", package: "arobust"), .product(name: "ZMQBridge", package: "arobust"),
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "BusBenchmark", packageAccess: false, swiftSettings: settings),
        .executableTarget(
            name: "MatcherBenchmark",
            dependencies: [
                .product(name: "Diagnosis", package: "arobust"), .product(name: "FailureDiagnosis", package: "arobust"),
            ],
            path: "MatcherBenchmark", exclude: ["compare.py"], packageAccess: false, swiftSettings: settings),
    ],
    swiftLanguageModes: [.v6]
)
