@testable import Collectors
import Testing

@Suite(.timeLimit(.minutes(1))) struct RankSelectionTests {
    private func process(
        _ pid: Int32, parent: Int32 = 1, rank: Int? = nil, local: Int? = nil, runID: Bool = false, python: Bool = true
    ) -> ProcessInfo {
        ProcessInfo(pid: pid, parent: parent, rank: rank, localRank: local, hasRunID: runID, isPython: python)
    }

    private func pids(_ processes: [ProcessInfo], parents: [Int32: Int32] = [:]) -> [Int32] {
        RankSelection.trainers(among: processes) { parents[$0] }.map(\.pid)
    }

    @Test func takesTheWorkersOfTorchrunAndNotIt() {
        let launcher = process(10, runID: true)
        let workers = [
            process(12, parent: 10, rank: 1, local: 1, runID: true), process(11, parent: 10, rank: 0, local: 0),
        ]
        #expect(pids([launcher] + workers) == [11, 12])
    }

    @Test func takesTheWorkersWhereThePodsRankIsTheLaunchersToo() {
        #expect(pids([process(10, rank: 0), process(11, parent: 10, rank: 0, local: 0)]) == [11])
    }

    @Test func leavesOutDataLoadersAndWhatIsBelowThem() {
        let trainer = process(11, rank: 3, local: 1)
        let loader = process(20, parent: 11, rank: 3, local: 1)
        #expect(pids([trainer, loader, process(30, parent: 20, rank: 3, local: 1)]) == [11])
    }

    @Test func looksThroughProcessesInBetween() {
        let trainer = process(11, rank: 3)
        #expect(pids([trainer, process(20, parent: 15, rank: 3)], parents: [15: 14, 14: 11]) == [11])
    }

    @Test func leavesOutWhatRunsNoPython() {
        let shell = process(9, rank: 3, python: false)
        #expect(
            pids([shell, process(11, parent: 9, rank: 3), process(12, parent: 11, rank: 3, python: false)]) == [11])
    }

    @Test func takesATrainerThatIsTheContainersFirstProcess() {
        #expect(pids([process(1, parent: 0, rank: 0), process(7, parent: 1, rank: 0)]) == [1])
    }

    @Test func takesAChildWithAnotherRank() {
        #expect(pids([process(11, rank: 0), process(12, parent: 11, rank: 1)]) == [11, 12])
    }

    @Test func takesALoneProcessWithARunIDOnly() {
        #expect(pids([process(11, runID: true)]) == [11])
    }

    @Test func survivesALoopOfParents() {
        #expect(pids([process(11, parent: 12, rank: 0), process(12, parent: 11, rank: 1)]) == [11, 12])
    }
}
