private import Synchronization

/// The masters, as a part that takes other settings: links of those that are the same go on as if nothing had been.
final class MastersPart: ReloadablePart {
    private let bridge: BridgeAgent
    private let removed: RemovedMasters
    private let plans: @Sendable (AgentSettings) throws -> [MasterPlan]
    private let running: Mutex<[MasterPlan]>

    /// - Parameters:
    ///   - running: those that the bridge has links to.
    ///   - plans: those that other settings name.
    init(
        bridge: BridgeAgent, removed: RemovedMasters, running: [MasterPlan],
        plans: @escaping @Sendable (AgentSettings) throws -> [MasterPlan]
    ) {
        self.bridge = bridge
        self.removed = removed
        self.running = Mutex(running)
        self.plans = plans
    }

    /// What is to be done.
    private struct Change: Sendable {
        var added: [(plan: MasterPlan, link: MasterLink)] = []
        var changed: [(old: MasterPlan, new: MasterPlan)] = []
        var removed: [MasterPlan] = []
    }

    /// Opens the ledgers of the masters that are new. That of one that is set otherwise is open still.
    func prepare(_ settings: AgentSettings) async throws -> PreparedPart {
        let old = running.withLock { $0 }
        let new = try plans(settings)
        var change = Change()
        change.removed = old.filter { plan in !new.contains { $0.name == plan.name } }
        for plan in new {
            guard let known = old.first(where: { $0.name == plan.name }) else {
                do {
                    change.added.append((plan, try plan.make()))
                } catch {
                    for (_, link) in change.added { await link.discard() }
                    throw error
                }
                continue
            }
            if known.origin != plan.origin { change.changed.append((known, plan)) }
        }
        return PreparedPart { [change] in
            await self.apply(change, new)
        } discard: { [change] in
            for (_, link) in change.added { await link.discard() }
        }
    }

    private func apply(_ change: Change, _ plans: [MasterPlan]) async -> PreparedPart.Report {
        removed.change(present: plans.map(\.name))
        var report = PreparedPart.Report()
        for (plan, link) in change.added {
            if bridge.begin(link) {
                report.changes.append("master \(plan.name): added")
            } else {
                await link.discard()
            }
        }
        // One that does not answer holds up no other.
        await withTaskGroup { group in
            for plan in change.removed { group.addTask { await self.remove(plan) } }
            for (old, new) in change.changed { group.addTask { await self.replace(old, with: new) } }
            for await part in group {
                report.changes += part.changes
                report.errors += part.errors
            }
        }
        // What was left without a link is new to the next reload.
        let masters = bridge.masters
        running.withLock { $0 = plans.filter { masters.contains($0.name) } }
        return report
    }

    private func remove(_ plan: MasterPlan) async -> PreparedPart.Report {
        guard await bridge.end(plan.name, .draining) else { return PreparedPart.Report() }
        let waiting = await removed.forget(plan.name)
        let rest =
            switch waiting {
            case 0?: "it has got everything"
            case let count?:
                "\(count) \(count == 1 ? "envelope was" : "envelopes were") still waiting for it, for which the journal keeps no room any more"
            case nil: "no publisher could be asked what was waiting for it"
            }
        return PreparedPart.Report(changes: [
            "master \(plan.name): removed; \(rest). Its cursor is kept: if it is named again, it goes on there"
        ])
    }

    private func replace(_ old: MasterPlan, with new: MasterPlan) async -> PreparedPart.Report {
        guard await bridge.end(new.name, .atOnce) else { return PreparedPart.Report() }
        var report = PreparedPart.Report()
        do {
            _ = try await begin(new)
            report.changes.append("master \(new.name): goes on with other settings")
        } catch {
            report.errors.append("master \(new.name): \(error)")
            do {
                if try await begin(old) {
                    report.errors.append("master \(new.name): goes on with its earlier settings")
                }
            } catch {
                report.errors.append(
                    "master \(new.name): is not reported to until the next reload or start; what it misses waits in the journal"
                )
            }
        }
        return report
    }

    /// - Returns: `false` if the process ends.
    private func begin(_ plan: MasterPlan) async throws -> Bool {
        let link = try plan.make()
        guard bridge.begin(link) else {
            await link.discard()
            return false
        }
        return true
    }
}
