import Diagnosis
import Foundation
import Glibc
import Hang
import TestSupport
import Testing

@testable import Collectors

/// Ranks are real Python processes with large numbers, so that those of other tests don't count. Dumps are PyTorch's own.
@Suite(.timeLimit(.minutes(2))) struct FlightRecorderTests {
    private let folder = ScratchFolder()
    private let memory = FlightRecorderMemory()
    private static let waiting = "import time; print('ready'); time.sleep(600)"

    private var prefix: String { folder.file("fr_") }

    private static let dump: [UInt8] = {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../HangTests/Fixtures/flight-recorder/late/rank_0")
        return (try? [UInt8](Data(contentsOf: file))) ?? []
    }()

    private func rank(_ number: Int, _ program: String = waiting, environment: [String: String] = [:]) throws
        -> PythonProcess
    {
        try PythonProcess(program, environment: ["RANK": "\(number)", "LOCAL_RANK": "0"].merging(environment) { $1 })
    }

    private func piece(
        of rank: Int, _ places: FlightRecorderPlaces, within: Duration = .seconds(60),
        limits: FlightRecorderFiles.Limits = .init()
    ) async throws -> EvidencePiece {
        let taken = Taken()
        await FlightRecorderFiles(places: places, memory: memory, limits: limits)
            .collect(until: .now + within) { taken.add($0) }
        let pieces = taken.pieces.filter { $0.rank == rank }
        #expect(pieces.count == 1)
        return try #require(pieces.first)
    }

    @Test func theFixtureIsAPickle() {
        #expect(Self.dump.first == 0x80 && Self.dump.last == UInt8(ascii: "."))
    }

    @Test(arguments: [
        ("TORCH_FR_DUMP_TEMP_FILE", 70021), ("TORCH_NCCL_DEBUG_INFO_TEMP_FILE", 70022), ("XDG_CACHE_HOME", 70023),
    ])
    func aRanksEnvironmentSaysWhereItsDumpIs(variable: String, number: Int) async throws {
        let process = try rank(number, environment: [variable: variable == "XDG_CACHE_HOME" ? folder.path : prefix])
        if variable == "XDG_CACHE_HOME" {
            try folder.makeFolder("torch")
            try folder.write(Self.dump, to: "torch/comm_lib_trace_rank_\(number)")
        } else {
            try folder.write(Self.dump, to: "fr_\(number)")
        }
        let piece = try await piece(of: number, FlightRecorderPlaces())
        #expect(piece.content == Self.dump && piece.missing == nil && piece.kind == .flightRecorder)
        _ = process
    }

    @Test func ofSeveralDumpsTheNewestIsTaken() async throws {
        let process = try rank(70002)
        try folder.write(Self.dump, to: "fr_20261130_70002")
        try folder.write(Self.dump + [UInt8(ascii: ".")], to: "fr_70002")
        try setTime(of: "fr_20261130_70002", secondsAgo: -30)
        let piece = try await piece(of: 70002, FlightRecorderPlaces(files: [prefix]))
        #expect(piece.source == "dump \(folder.file("fr_20261130_70002"))")
        _ = process
    }

    @Test func aDumpFromBeforeTheProcessIsNone() async throws {
        try folder.write(Self.dump, to: "fr_70003")
        try setTime(of: "fr_70003", secondsAgo: 7200)
        let process = try rank(70003)
        let piece = try await piece(of: 70003, FlightRecorderPlaces(files: [prefix]))
        #expect(piece.missing?.contains("is from before the rank's process was started") == true)
        _ = process
    }

    @Test func aRankThatIsGoneLeavesItsDump() async throws {
        try folder.write(Self.dump, to: "fr_70004")
        try folder.write(Self.dump, to: "fr_70005")
        try setTime(of: "fr_70005", secondsAgo: 7200)
        let taken = Taken()
        await FlightRecorderFiles(places: FlightRecorderPlaces(files: [prefix])).collect(until: .now + .seconds(60)) {
            taken.add($0)
        }
        #expect(taken.pieces.contains { $0.rank == 70004 && $0.content == Self.dump })
        #expect(!taken.pieces.contains { $0.rank == 70005 })
    }

    @Test func whereRanksLeftTheirDumpsIsKnownWhenTheyAreGone() async throws {
        try folder.write(Self.dump, to: "fr_70012")
        let watch = FlightRecorderWatch(places: FlightRecorderPlaces(files: ["auto"]), memory: memory, observer: nil)
        do {
            let process = try rank(70012, environment: ["TORCH_FR_DUMP_TEMP_FILE": prefix])
            _ = await watch.collectRounds(1)
            _ = process
        }
        let piece = try await piece(of: 70012, FlightRecorderPlaces())
        #expect(piece.content == Self.dump)
    }

    @Test func linksAndOtherThingsAreNotOpened() async throws {
        try folder.write(Self.dump, to: "elsewhere")
        symlink(folder.file("elsewhere"), folder.file("fr_70006"))
        let process = try rank(70006)
        let piece = try await piece(of: 70006, FlightRecorderPlaces(files: [prefix]))
        #expect(piece.missing?.contains("the rank has written none") == true)
        _ = process
    }

    @Test func whatIsTooLargeIsRefused() async throws {
        let process = try rank(70007)
        try folder.write([0x80], to: "fr_70007")
        #expect(truncate(folder.file("fr_70007"), off_t(FlightRecorderFile.mostBytes + 1)) == 0)
        let piece = try await piece(of: 70007, FlightRecorderPlaces(files: [prefix]))
        #expect(piece.missing?.contains("more than the 67108864 that are taken") == true)
        _ = process
    }

    @Test func aDumpThatIsBeingWrittenIsWaitedFor() async throws {
        let program = """
            import sys, time
            data = open(sys.argv[2], 'rb').read()
            with open(sys.argv[1], 'wb', buffering=0) as file:
                file.write(data[:1000])
                print('ready')
                for start in range(1000, len(data), 1000):
                    time.sleep(0.05)
                    file.write(data[start:start + 1000])
            time.sleep(600)
            """
        try folder.write(Self.dump, to: "source")
        let process = try PythonProcess(
            program, arguments: [folder.file("fr_70008"), folder.file("source")],
            environment: ["RANK": "70008", "LOCAL_RANK": "0"])
        let piece = try await piece(of: 70008, FlightRecorderPlaces(files: [prefix]))
        #expect(piece.content == Self.dump)
        _ = process
    }

    /// As PyTorch's `DumpPipe` does: reads without waiting, and dumps for any byte.
    private static let pipeReader = """
        import os, sys, time
        pipe, target, source = sys.argv[1:]
        os.mkfifo(pipe)
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        print('ready')
        while True:
            if os.read(reader, 128) and source:
                with open(source, 'rb') as file, open(target, 'wb') as out:
                    out.write(file.read())
            time.sleep(0.02)
        """

    @Test func aRankWithAPipeIsAskedForADump() async throws {
        try folder.write(Self.dump, to: "source")
        try folder.write([0x80, UInt8(ascii: ".")], to: "fr_70009")
        try setTime(of: "fr_70009", secondsAgo: 300)
        let process = try PythonProcess(
            Self.pipeReader, arguments: [folder.file("p_70009.pipe"), folder.file("fr_70009"), folder.file("source")],
            environment: [
                "RANK": "70009", "LOCAL_RANK": "0", "TORCH_NCCL_DEBUG_INFO_PIPE_FILE": folder.file("p_"),
            ])
        let piece = try await piece(of: 70009, FlightRecorderPlaces(files: [prefix], pipe: "auto"))
        #expect(piece.content == Self.dump)
        #expect(memory.wasAsked(70009))
        _ = process
    }

    @Test func aRankThatDoesNotAnswerItsPipeEndsTheWait() async throws {
        let process = try PythonProcess(
            Self.pipeReader, arguments: [folder.file("p_70010.pipe"), "x", ""],
            environment: ["RANK": "70010", "LOCAL_RANK": "0"])
        var limits = FlightRecorderFiles.Limits()
        limits.answer = .milliseconds(200)
        let piece = try await piece(
            of: 70010, FlightRecorderPlaces(files: [prefix], pipe: folder.file("p_")), limits: limits)
        #expect(piece.missing?.contains("was asked for a dump through its pipe and wrote none in time") == true)
        _ = process
    }

    /// As in a container: the folder that the rank means is not the one of that name here. Needs the right to make namespaces.
    @Test func aRankInOtherMountsIsReadThere() async throws {
        let program = """
            import ctypes, sys, time
            libc = ctypes.CDLL(None)
            folder, source = sys.argv[1].encode(), sys.argv[2]
            data = open(source, 'rb').read()
            # CLONE_NEWNS; MS_REC | MS_PRIVATE
            isIn = libc.unshare(0x20000) == 0 and libc.mount(None, b'/', None, 0x44000, None) == 0
            if not isIn or libc.mount(b'none', folder, b'tmpfs', 0, None) != 0:
                print('denied')
                sys.exit()
            open(folder + b'/fr_70011', 'wb').write(data)
            print('ready')
            time.sleep(600)
            """
        try folder.write(Self.dump, to: "source")
        try folder.makeFolder("in")
        let process = try PythonProcess(
            program, arguments: [folder.file("in"), folder.file("source")],
            environment: ["RANK": "70011", "LOCAL_RANK": "0", "TORCH_FR_DUMP_TEMP_FILE": folder.file("in/fr_")])
        guard process.words == ["ready"] else { return }
        #expect(folder.names == ["in", "source"])
        let piece = try await piece(of: 70011, FlightRecorderPlaces())
        #expect(piece.content == Self.dump)
        #expect(piece.source == "dump /proc/\(process.pid)/root\(folder.file("in/fr_70011"))")
    }

    @Test func onlyAPipeThatSomebodyReadsIsWrittenTo() throws {
        try folder.write("kept", to: "file.pipe")
        #expect {
            try memory.ask(1, at: folder.file("file.pipe"))
        } throws: { "\($0)".contains("it is no named pipe") }
        #expect(try folder.text("file.pipe") == "kept")
        #expect(mkfifo(folder.file("nobody.pipe"), 0o600) == 0)
        #expect {
            try memory.ask(1, at: folder.file("nobody.pipe"))
        } throws: { "\($0)".contains("nobody reads from it") }
        #expect(!memory.wasAsked(1))
    }

    @Test func namesTellRanks() {
        let prefix = FlightRecorderPlaces.Prefix("/x/rank_")
        #expect(prefix.folder == "/x" && prefix.rank(of: "rank_11") == 11 && prefix.rank(of: "rank_2026_3") == 3)
        for name in ["rank_", "rank_1.pipe", "Rank_1", "rank_x", "rank_123456789"] {
            #expect(prefix.rank(of: name) == nil, "\(name)")
        }
        let bare = FlightRecorderPlaces.Prefix("/x/")
        #expect(bare.rank(of: "7") == 7 && bare.rank(of: "events_7") == nil)
    }

    // MARK: the watch

    private func watch(_ observer: SeenSigns, _ log: LogCapture) -> FlightRecorderWatch {
        FlightRecorderWatch(
            places: FlightRecorderPlaces(files: [prefix]), memory: memory, observer: observer, logger: log.logger)
    }

    @Test func newAndChangedDumpsAreSignsAndOldOnesAreNot() async throws {
        let observer = SeenSigns()
        try folder.write(Self.dump, to: "fr_1")
        try setTime(of: "fr_1", secondsAgo: 100)
        let watch = watch(observer, LogCapture())
        for _ in 0..<3 { _ = await watch.collectRounds(1) }
        #expect(observer.signs.isEmpty)
        try folder.write(Self.dump, to: "fr_2")
        try setTime(of: "fr_2", secondsAgo: -5)
        _ = await watch.collectRounds(1)
        #expect(observer.signs.isEmpty, "it may still be growing")
        for _ in 0..<3 { _ = await watch.collectRounds(1) }
        #expect(observer.signs.map(\.rank) == [2] && observer.signs.map(\.trigger) == [.flightRecorder])
        try folder.write(Self.dump + Self.dump, to: "fr_1")
        for _ in 0..<3 { _ = await watch.collectRounds(1) }
        #expect(observer.signs.map(\.rank) == [2, 1])
        try folder.write(Self.dump, to: "fr_2")
        memory.record(2)
        for _ in 0..<3 { _ = await watch.collectRounds(1) }
        #expect(observer.signs.count == 2)
    }

    private func setTime(of name: String, secondsAgo: Int) throws {
        let time = timespec(tv_sec: Int(Date().timeIntervalSince1970) - secondsAgo, tv_nsec: 0)
        #expect(utimensat(AT_FDCWD, folder.file(name), [time, time], 0) == 0)
    }
}
