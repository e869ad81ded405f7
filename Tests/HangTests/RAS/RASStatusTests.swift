import Testing

@testable import Hang

/// The texts are those of NVIDIA's user guide and of the example in NCCL's repository (`docs/examples/08_ras`), so from real jobs.
@Suite struct RASStatusTests {
    private static let head = """
        NCCL version 2.30.7 compiled with CUDA 12.8
        CUDA runtime version 12080, driver version 13000

        Job summary
        ===========

          Nodes    Processes          GPUs  Processes      GPUs
          (total)   per node   per process    (total)   (total)
              2            4             1          8         8

        Communicators... (0.002s)
        =============

        Group     Comms      Nodes     Ranks     Ranks     Ranks   Status  Errors
            #  in group   per comm  per node  per comm  in group

        """

    private func status(_ rest: String) throws -> RASStatus {
        try #require(RASStatus(answer: Array((Self.head + rest).utf8)))
    }

    @Test func aHealthyJobHasNothingToSay() throws {
        let status = try status(
            """
                0         1          2         4         8         8  RUNNING      OK

            Errors
            ======


            Warnings
            ========

            """)
        #expect(status.version == "2.30.7")
        #expect(status.communicatorCount == 1)
        #expect(status.communicators.isEmpty && status.dead.isEmpty && status.missing.isEmpty)
    }

    @Test func aStragglerIsNamedAndTheOthersAreCounted() throws {
        let status = try status(
            """
                0         1          2         4         8         8  RUNNING  MISMATCH

            Errors
            ======


            Warnings
            ========

            #0-0 (78db921d1c117b4a) MISMATCH
              Communicator ranks have different AllReduce operation counts
              7 ranks have launched up to operation 64
              Rank 7 has launched up to operation 60 -- GPU 3 managed by process 1650386 on node node1
            """)
        let communicator = try #require(status.communicators.first)
        #expect(communicator.id == "78db921d1c117b4a" && communicator.size == 8 && communicator.isRunning)
        #expect(
            communicator.counts == [
                "AllReduce": [
                    RASCount(launched: 64, ranks: RankSet(0..<7)), RASCount(launched: 60, ranks: RankSet([7])),
                ]
            ])
        #expect(communicator.processes[7]?.description == "process 1650386 on node node1, GPU 3")
    }

    /// RAS lists the fewer, whoever is behind (NVIDIA/nccl#1911).
    @Test func ranksThatAreNotListedAreTheOthers() throws {
        let status = try status(
            """
                0         1         4         8        32        32   RUNNING  MISMATCH

            Warnings
            ========

            #0-0 (27a079b828ff1a75) MISMATCH
              Communicator ranks have different collective operation counts
              30 ranks have launched up to operation 640
              2 ranks have launched up to operation 641
              Rank 3 -- GPU 3 managed by process 483075 on node 172.16.64.210
              Rank 9 -- GPU 1 managed by process 483079 on node 172.16.64.211
            """)
        let counts = try #require(status.communicators.first?.counts["collective"])
        #expect(counts.map(\.launched) == [641, 640])
        #expect(counts.map(\.ranks) == [RankSet([3, 9]), RankSet(0..<32).subtracting(RankSet([3, 9]))])
    }

    @Test func aLostRankIsMissingAndThenDead() throws {
        let missing = try status(
            """
                0         1          2       3-4         8         7  RUNNING  INCOMPLETE

            Errors
            ======

            INCOMPLETE
              Missing communicator data from 1 job process
              Process 3748990 on node node1 managing GPU 3

            #0-0 (1bdb83b038775869) INCOMPLETE
              Missing communicator data from 1 rank
              Rank 7 -- GPU 3 managed by process 3748990 on node node1

            Warnings
            ========
            """)
        #expect(missing.communicators.first?.missing == [RASMissingRank(rank: 7, state: .missing)])
        #expect(missing.missing.map(\.pid) == [3_748_990] && missing.dead.isEmpty)
        let dead = try #require(
            RASStatus(
                answer: Array(
                    """
                    NCCL version 2.30.7 compiled with CUDA 12.8

                    No communicator data collected!

                    Errors
                    ======

                    DEAD
                      1 job process is considered dead (unreachable via the RAS network)
                      Process 3748990 on node node1 managing GPU 3

                    Warnings
                    ========
                    """.utf8)))
        #expect(dead.dead.map(\.description) == ["process 3748990 on node node1, GPU 3"])
    }

    @Test func otherBytesAreNoAnswer() {
        for text in ["", "{", "{}", "{\"communicators\": 3}", "HTTP/1.1 400 Bad Request\r\n", "#0-0 (1) MISMATCH"] {
            #expect(RASStatus(answer: Array(text.utf8)) == nil, "\(text)")
        }
    }

    @Test func theMissingCommaIsAddedAndNothingElse() {
        let broken = "{\"nvml_dev\": 3\n  \"status\": {\"a\\\" \": true\n\"b\": [1, \"x\"], \"c\": \"1\" , \"d\": {}}}"
        let mended =
            "{\"nvml_dev\": 3,\n  \"status\": {\"a\\\" \": true,\n\"b\": [1, \"x\"], \"c\": \"1\" , \"d\": {}}}"
        #expect(String(decoding: RASJSON.mended(Array(broken.utf8)), as: UTF8.self) == mended)
        #expect(RASJSON.mended(Array(mended.utf8)) == Array(mended.utf8))
    }

    @Test func ranksOfACommunicatorAreRanksOfTheJobByTheirProcesses() throws {
        func rank(_ rank: Int, _ pid: Int, _ count: Int) -> String {
            """
            {"rank": \(rank), "host": "n", "pid": \(pid), "cuda_dev": 0, "nvml_dev": 4,
             "status": {"init_state": 0, "async_error": 0, "finalize_called": false, "destroy_flag": false, "abort_flag": false},
             "collective_counts": {"AllReduce": \(count)}}
            """
        }
        let json = """
            {"nccl_version": "2.28.9", "communicators_count": 2, "communicators": [
             {"hash": "0xa", "size": 3, "ranks": [\(rank(0, 10, 1)), \(rank(1, 11, 1)), \(rank(2, 12, 1))], "missing_ranks": []},
             {"hash": "0xb", "size": 2, "ranks": [\(rank(0, 11, 5)), \(rank(1, 12, 4))], "missing_ranks": []}]}
            """
        let status = try #require(RASStatus(answer: Array(json.utf8)))
        let part = try #require(status.communicators.last)
        #expect(part.differing == ["AllReduce"])
        #expect(status.jobRanks(RankSet([1]), of: part) == RankSet([2]))
        #expect(part.processes[1]?.gpu == "0 (NVML 4)")
    }
}
