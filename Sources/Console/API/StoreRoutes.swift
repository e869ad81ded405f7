internal import ConsoleStore
private import FoundationEssentials
internal import Hummingbird
internal import SystemSupport
internal import WebServing

/// The API's questions to the store: parameters in, JSON out.
struct StoreRoutes: Sendable {
    let store: ConsoleStore
    let job: String?
    let overview: OverviewCache

    typealias Handler = @Sendable (Request, BasicRequestContext) async throws -> Response

    init(store: ConsoleStore, job: String?) {
        self.store = store
        self.job = job
        overview = OverviewCache(store: store)
    }

    func add(to router: Router<BasicRequestContext>) {
        router.get("/api/v1/overview") { request, _ in try await self.overview(request) }
        router.get("/api/v1/nodes") { request, _ in
            try QueryParameters(request).allow()
            return try await Self.json(["nodes": store.nodes()])
        }
        router.get("/api/v1/ranks") { request, _ in try await self.ranks(request) }
        router.get("/api/v1/heatmap") { request, _ in try await self.heatmap(request) }
        router.get("/api/v1/logs") { request, _ in try await self.logs(request) }
        router.get("/api/v1/logs/:id") { request, context in try await self.line(request, context.parameters.get("id"))
        }
        router.get("/api/v1/series") { request, _ in try await self.series(request) }
        router.get("/api/v1/samples") { request, _ in try await self.samples(request) }
        router.get("/api/v1/stacks") { request, _ in try await self.stacks(request) }
        router.get("/api/v1/incidents") { request, _ in try await self.incidents(request) }
        router.get("/api/v1/incidents/:id") { request, context in
            try await self.incident(request, context.parameters.get("id"))
        }
        router.get("/api/v1/failures") { request, _ in try await self.failures(request) }
        router.get("/api/v1/attempts") { request, _ in
            try QueryParameters(request).allow()
            return try await Self.json(["attempts": store.attempts()])
        }
        router.get("/api/v1/delivery") { request, _ in
            try QueryParameters(request).allow()
            return try await Self.json(store.delivery())
        }
    }

    static var now: Double { Double(WallClock.nanoseconds() / 1_000_000) / 1000 }

    /// Small answers, by what the store says their keys are.
    private static func json(_ answer: some Encodable) throws -> Response {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // A page can do nothing with them, but the rest is worth seeing.
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
        return .json(Array(try encoder.encode(answer)))
    }

    // MARK: ranks

    private func overview(_ request: Request) async throws -> Response {
        try QueryParameters(request).allow()
        let (overview, ranks, verdicts) = try await overview.read(now: Self.now)
        return .json(overview.json(verdicts: verdicts, ranks: ranks, job: job))
    }

    private func ranks(_ request: Request) async throws -> Response {
        let parameters = try QueryParameters(request)
        try parameters.allow("limit")
        let limit = try parameters.limit(default: 5000, most: 5000)
        let ranks = try await store.ranks(limit: limit)
        return .json(JSONText.object { $0.member("ranks", array: ranks) { $0.rank($1) } })
    }

    private func heatmap(_ request: Request) async throws -> Response {
        let parameters = try QueryParameters(request)
        try parameters.allow("since", "until", "buckets")
        let now = Self.now
        let (since, until) = try parameters.span(now: now)
        let end = until ?? now
        let start = since ?? end - 1800
        guard start < end else {
            throw Refusal.badRequest("since must be before until, which is now if it is left out")
        }
        let buckets = try parameters.limit(default: 120, most: 720, name: "buckets")
        return .json(try await store.heatmap(since: start, until: end, buckets: buckets).json)
    }

    // MARK: lines

    private func logs(_ request: Request) async throws -> Response {
        let parameters = try QueryParameters(request)
        try parameters.allow(
            "node_rank", "rank", "type", "query", "since", "until", "marked", "limit", "after", "order", "newer")
        var question = LogQuestion()
        question.nodeRanks = try parameters.integers("node_rank")
        question.ranks = try parameters.integers("rank")
        question.types = parameters.words("type")
        question.query = parameters.text("query")
        (question.since, question.until) = try parameters.span(now: Self.now)
        question.marked = try parameters.isSet("marked")
        question.limit = try parameters.limit(default: 200, most: LogQuestion.mostLines)
        question.after = parameters.text("after")
        question.descending = try parameters.choice("order", ["asc": false, "desc": true]) ?? false
        question.newer = try parameters.integer("newer", in: 0...Int.max).map(Int64.init)
        if question.newer != nil, question.after != nil || question.descending {
            throw Refusal.badRequest("newer gives lines in order of their ids: leave after and order out")
        }
        return .json(try await store.logs(question).json)
    }

    private func line(_ request: Request, _ id: String?) async throws -> Response {
        let parameters = try QueryParameters(request)
        try parameters.allow("context")
        let context = try parameters.integer("context", in: 0...200) ?? 20
        guard let id = id.flatMap({ Int64(digits: $0) }) else {
            throw Refusal.badRequest("a line's id must be a whole number")
        }
        guard let answer = try await store.line(id, context: context) else {
            throw Refusal.notFound("there is no line \(id), or no more: old lines are dropped when the store is full")
        }
        return .json(answer.json)
    }

    // MARK: series

    private func series(_ request: Request) async throws -> Response {
        let parameters = try QueryParameters(request)
        try parameters.allow("prefix", "limit", "after")
        let limit = try parameters.limit(default: 1000, most: 5000)
        return try await Self.json(
            store.series(prefix: parameters.text("prefix") ?? "", limit: limit, after: parameters.text("after")))
    }

    private func samples(_ request: Request) async throws -> Response {
        let parameters = try QueryParameters(request)
        try parameters.allow("name", "since", "until", "points", "node_rank", "rank")
        guard let name = parameters.text("name") else {
            throw Refusal.badRequest("name must be one of the names that /api/v1/series lists")
        }
        let now = Self.now
        let (since, until) = try parameters.span(now: now)
        let end = until ?? now
        let start = since ?? end - 1800
        guard start < end else {
            throw Refusal.badRequest("since must be before until, which is now if it is left out")
        }
        var question = SampleQuestion(name: name, since: start, until: end)
        question.points = try parameters.limit(default: 300, most: SampleQuestion.mostPoints, name: "points")
        question.nodeRanks = try parameters.integers("node_rank")
        question.ranks = try parameters.integers("rank")
        return .json(try await store.samples(question).json)
    }

    // MARK: incidents and failures

    private func stacks(_ request: Request) async throws -> Response {
        let parameters = try QueryParameters(request)
        try parameters.allow("incident")
        let incident = parameters.text("incident")
        guard let answer = try await store.stacks(incident: incident) else {
            throw Refusal.notFound("there is no incident '\(TerminalText.line(incident ?? "", limit: 100))'")
        }
        return try Self.json(answer)
    }

    private func incidents(_ request: Request) async throws -> Response {
        let parameters = try QueryParameters(request)
        try parameters.allow("limit", "after")
        let limit = try parameters.limit(default: 50, most: 500)
        return try await Self.json(store.incidents(limit: limit, after: parameters.text("after")))
    }

    private func incident(_ request: Request, _ id: String?) async throws -> Response {
        try QueryParameters(request).allow()
        let id = try QueryParameters.decoded((id ?? "")[...], plusIsSpace: false)
        guard let answer = try await store.incident(id) else {
            throw Refusal.notFound("there is no incident '\(TerminalText.line(id, limit: 100))'")
        }
        return try Self.json(answer)
    }

    private func failures(_ request: Request) async throws -> Response {
        let parameters = try QueryParameters(request)
        try parameters.allow("limit", "after")
        let limit = try parameters.limit(default: 100, most: 1000)
        return try await Self.json(store.failures(limit: limit, after: parameters.text("after")))
    }
}
