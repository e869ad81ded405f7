import Testing

@testable import TrainingProgress

struct LogRankTests {
    @Test(arguments: [
        ("/logs/rank_3.log", 3), ("/logs/rank3.out", 3), ("/tmp/dlrover/events_12.log", 12),
        ("/logs/job/rank-7/out.log", 7),
        ("/logs/node0_rank5.out", 5), ("/logs/train.log", nil), ("/logs/ranking.log", nil),
        ("/logs/local_rank_2.log", nil),
        ("/logs/localrank2.log", nil), ("/rank_2/x/y/train.log", nil),
    ])
    func namesThatTellTheRank(path: String, rank: Int?) {
        #expect(LogRank(path: path, nodeRank: 0).rank == rank)
    }

    @Test func torchrunsLocalRankIsOneOfTheJob() {
        let path = "/logs/job_abcdefgh/attempt_2/3/stderr.log"
        let first = LogRank(path: path, nodeRank: 0) { _ in 8 }
        #expect(first.rank == 3 && first.attempt == 2)
        let third = LogRank(path: path, nodeRank: 2) { folder in folder == "/logs/job_abcdefgh/attempt_2" ? 8 : 0 }
        #expect(third.rank == 19)
        #expect(first.name == LogRank(path: "/logs/job_abcdefgh/attempt_3/3/stderr.log", nodeRank: 0).name)
    }
}
