import Foundation
import TestSupport
import Testing

/// What `make fuzz` begins with, and small changes of it, without the fuzzer: so that the targets themselves stay right. One after the other:
/// each computes without a pause.
@Suite(.serialized) struct SeedTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "seeds").path

    private static func seeds(_ target: String) throws -> [[UInt8]] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/\(target)")) ?? []
        return try names.sorted().map { [UInt8](try Data(contentsOf: URL(filePath: "\(folder)/\(target)/\($0)"))) }
    }

    @Test(arguments: FuzzTarget.all.map(\.name)) func seedsRunThrough(name: String) throws {
        let target = try #require(FuzzTarget.all.first { $0.name == name })
        let seeds = try Self.seeds(name)
        #expect(!seeds.isEmpty)
        target.run([])
        var random = SeededGenerator(seed: 1)
        for seed in seeds {
            target.run(seed)
            for _ in 0..<5 { target.run(Self.changed(seed, &random)) }
        }
    }

    @Test func everyFolderOfSeedsHasATarget() throws {
        let folders = Set(try FileManager.default.contentsOfDirectory(atPath: Self.folder))
        #expect(folders == Set(FuzzTarget.all.map(\.name)))
    }

    private static func changed(_ seed: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
        var bytes = seed
        for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
            let place = Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0..<3, using: &random) {
            case 0: bytes[place] = .random(in: 0...255, using: &random)
            case 1: bytes.removeSubrange(place..<min(bytes.count, place + 20))
            default: bytes.insert(contentsOf: bytes[place..<min(bytes.count, place + 30)], at: place)
            }
        }
        return bytes
    }
}
