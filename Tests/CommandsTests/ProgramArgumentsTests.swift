import Testing

@testable import Commands

@Suite struct ProgramArgumentsTests {
    private static func arguments(_ runtime: [String], _ kernel: String?) -> [String] {
        ProgramArguments(runtime: runtime.map { Array($0.utf8) }, kernel: kernel.map { Array($0.utf8) }).bytes
            .map { String(decoding: $0, as: UTF8.self) }
    }

    @Test func `the kernel's are taken where the runtime has none, or others`() {
        #expect(Self.arguments([], "arobust\0--version\0") == ["arobust", "--version"])
        #expect(Self.arguments(["x"], "arobust\0--version\0") == ["arobust", "--version"])
        #expect(Self.arguments(["arobust"], "arobust\0--version\0") == ["arobust", "--version"])
    }

    @Test func `an empty argument is one, and so is the last`() {
        #expect(Self.arguments([], "arobust\0--job-uid\0\0") == ["arobust", "--job-uid", ""])
        #expect(Self.arguments([], "arobust\0\0-v\0") == ["arobust", "", "-v"])
        #expect(Self.arguments([], "arobust") == ["arobust"])
        #expect(Self.arguments([], "\0") == [""])
    }

    @Test func `a loader in front of the program is none of its arguments`() {
        #expect(
            Self.arguments(["arobust", "tap"], "/lib/ld.so\0--preload\0x.so\0arobust\0tap\0") == ["arobust", "tap"])
    }

    @Test(arguments: [nil, ""]) func `without the kernel's the runtime's are taken`(kernel: String?) {
        #expect(Self.arguments(["arobust", "tap"], kernel) == ["arobust", "tap"])
        #expect(Self.arguments([], kernel) == [])
    }

    @Test func `bytes that are not UTF-8 stay what they are`() {
        let arguments = ProgramArguments(runtime: [], kernel: [0x61, 0, 0xFF, 0x62, 0])
        #expect(arguments.bytes == [[0x61], [0xFF, 0x62]])
        #expect(arguments.texts == ["\u{FFFD}b"])
    }

    @Test func `this process has arguments`() {
        #expect(ProgramArguments.own.bytes.count == CommandLine.arguments.count)
    }
}
