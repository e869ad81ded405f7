/// Runs work for several items side by side, a few at once.
enum SideBySide {
    /// - Parameters:
    ///   - width: how many at once, so how many results there may be that were not taken.
    ///   - work: for one item.
    ///   - take: is called once a result, one at a time, in the order in which they come.
    static func run<Item: Sendable, Result: Sendable>(
        _ items: [Item], width: Int, _ work: @escaping @Sendable (Item) async -> Result,
        _ take: (Result) async -> Void
    ) async {
        await withTaskGroup(of: Result.self) { group in
            var rest = items[...]
            for _ in 0..<width {
                guard let item = rest.popFirst() else { break }
                group.addTask { await work(item) }
            }
            while let result = await group.next() {
                await take(result)
                if let item = rest.popFirst() { group.addTask { await work(item) } }
            }
        }
    }
}
