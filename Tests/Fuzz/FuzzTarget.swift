internal import Glibc

/// Something that takes bytes from outside, as a function that must come to an end on all of them.
struct FuzzTarget: Sendable {
    let name: String
    /// Runs once for each input; a trap, a failed `require`, too much time or memory are findings.
    let run: @Sendable ([UInt8]) -> Void

    init(_ name: String, _ run: @escaping @Sendable ([UInt8]) -> Void) {
        self.name = name
        self.run = run
    }

    /// By what they read: the bus, its files, masters, collectors' sources, operators' files.
    static let all: [FuzzTarget] =
        bus + files + masters + pages + logs + diagnosis + settings + hangSigns
        + hangEvidence + proxies

    /// The one that `FUZZ_TARGET` names.
    static let chosen: FuzzTarget = {
        let name = getenv("FUZZ_TARGET").map { String(cString: $0) } ?? ""
        guard let target = all.first(where: { $0.name == name }) else { fatalError("no target '\(name)'") }
        return target
    }()
}

/// Ends the program unless a property holds: libFuzzer keeps the input.
func require(_ holds: Bool, _ what: @autoclosure () -> String) {
    if !holds { fatalError(what()) }
}
