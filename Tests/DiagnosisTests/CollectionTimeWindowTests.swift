import Diagnosis
import Testing

@Suite struct CollectionTimeWindowTests {
    private let now: Int64 = 10_000

    private func violation(
        _ window: CollectionTimeWindow, _ time: Int64, _ type: DiagnosisDataType = .generic
    ) -> CollectionTimeWindow.Violation? {
        window.bounds(for: type, now: now).violation(of: time)
    }

    @Test func bothEndsAreInside() {
        let window = CollectionTimeWindow(oldest: .seconds(600), ahead: .seconds(60))
        #expect(violation(window, 9400) == nil && violation(window, 10_060) == nil)
        #expect(violation(window, 9399) == .tooOld(limit: 600))
        #expect(violation(window, 10_061) == .tooFarAhead(limit: 60))
        #expect(violation(window, .min) == .tooOld(limit: 600) && violation(window, .max) == .tooFarAhead(limit: 60))
    }

    @Test func aTypesOwnLimitReplacesTheCommonOne() {
        let window = CollectionTimeWindow(
            oldest: .seconds(600), oldestByType: [.stackTrace: .seconds(3600), .trainingLog: .zero])
        #expect(violation(window, 7000, .stackTrace) == nil)
        #expect(violation(window, 6000, .stackTrace) == .tooOld(limit: 3600))
        #expect(violation(window, 7000) == .tooOld(limit: 600))
        #expect(violation(window, 0, .trainingLog) == nil && !window.bounds(for: .trainingLog, now: 10_000).canExclude)
    }

    @Test(arguments: [nil, .zero] as [Duration?]) func withoutLimitsEverythingIsInside(oldest: Duration?) {
        let window = CollectionTimeWindow(oldest: oldest)
        #expect(violation(window, .min) == nil && violation(window, .max) == nil)
        #expect(!window.bounds(for: .generic, now: 10_000).canExclude)
    }
}
