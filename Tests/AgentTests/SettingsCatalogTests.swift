import Delivery
import Diagnosis
import Logging
import MasterClients
import Testing

@testable import Agent

@Suite struct SettingsCatalogTests {
    @Test func everyStandardIsAllowed() {
        for setting in SettingsCatalog.all {
            for text in setting.defaultTexts { #expect(setting.accepts(text), "\(setting.key)") }
        }
    }

    /// The catalogue is made by reflection: a property that is neither a setting nor a group of settings would have no place in it. A setting's key
    /// is the names of its groups and its own, only the first of them with a dot.
    @Test func everyPropertyIsASettingOrAGroupOfSettings() throws {
        let keys = try keys(in: SettingsCatalog.standard, path: [])
        #expect(SettingsCatalog.all.map(\.key) == keys)
        #expect(Set(keys).count == keys.count)
    }

    private func keys(in group: Any, path: [String]) throws -> [String] {
        func words(_ name: String) -> String { name.filter { $0 != "-" && $0 != "." }.lowercased() }
        let children = Mirror(reflecting: group).children
        try #require(!children.isEmpty, "\(path)")
        return try children.flatMap { label, value in
            let name = path + [try #require(label)]
            guard let setting = value as? any AnySetting else { return try keys(in: value, path: name) }
            let key = setting.definition.key
            if !path.isEmpty {
                #expect(key.split(separator: ".").count == 2, "\(key)")
                #expect(words(key) == words(name.joined()), "\(key)")
            }
            return [key]
        }
    }

    @Test func anUnsetSettingHasItsDefault() {
        let values = SettingValues()
        #expect(values[\.metrics.interval] == .seconds(60))
        #expect(values[\.metrics.xpuTimerPort] == nil)
        #expect(values[\.journal.maxAge] == nil)
        #expect(values[\.stacks.pids].isEmpty)
        #expect(values[\.delivery.firstTypes] == [.incident, .stackTrace])
        #expect(values.written(\.metrics.interval) == nil)
        #expect(values.place(of: \.metrics.interval) == "default")
    }

    @Test func defaultsAreWrittenAsPeopleWouldWriteThem() {
        let texts = Dictionary(uniqueKeysWithValues: SettingsCatalog.all.map { ($0.key, $0.defaultTexts) })
        #expect(texts["metrics.interval"] == ["60s"])
        #expect(texts["delivery.heartbeat"] == ["0s"])
        #expect(texts["diagnosis.memory"] == ["24h"])
        #expect(texts["logs.interval"] == ["250ms"])
        #expect(texts["journal.size"] == ["2GiB"])
        #expect(texts["delivery.catch-up-rate"] == ["0"])
        #expect(texts["journal.durability"] == ["process-crash"])
        #expect(texts["log-level"] == ["info"])
        #expect(texts["listen"] == [])
    }

    @Test func aMastersOptionsAreNamedWithoutTheirGroup() {
        let names = SettingsCatalog.ofMasters.compactMap(\.masterOption)
        #expect(names.first == "job-uid")
        #expect(names.contains("time-to-live-by-type"))
        #expect(SettingsCatalog.definition(of: "log-level")?.masterOption == nil)
    }

    @Test(arguments: [
        ("XPU_TIMER_METRIC=5m", Duration.seconds(300)), ("A=0s", .zero), ("A=8760h", .seconds(365 * 86400)),
        ("A=8761h", nil), ("A", nil), ("=5m", nil), ("A=", nil), ("A=5", nil), ("A/B=5m", nil), ("A=5m=5m", nil),
    ])
    func aTypeWithADurationIsRead(text: String, duration: Duration?) {
        #expect(SettingFormat.typeDuration.read(text)?.duration == duration)
    }

    @Test func withoutSettingsAMasterGetsItsClientsDefaults() throws {
        let master = MasterSettings(url: try MasterURL("dlrover+grpc://a:1"), values: SettingValues())
        let options = MasterClientOptions()
        #expect(master.options == options)
        #expect(master.policy.timeToLive == options.oldest)
        let other = MasterSettings(url: try MasterURL("stdout:"), values: SettingValues())
        #expect(other.options == options)
        #expect(other.policy.timeToLive == nil)
    }
}
