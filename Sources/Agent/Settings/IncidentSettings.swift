/// `incidents`: what is recorded when something looks like a hang.
package struct IncidentSettings: Sendable {
    package let record = Setting(
        "incidents.record", .toggle, default: true,
        "collect evidence when the training seems to hang, when a master asks, and for arobust dump")
    package let budget = Setting(
        "incidents.budget", .duration(min: .seconds(1), max: .seconds(600)),
        default: IncidentRecorder.Configuration().budget, "how long collecting the evidence may take in all")
    package let rest = Setting(
        "incidents.rest", .duration(min: .zero, max: .year), default: IncidentRecorder.Configuration().rest,
        "how long after an incident the node's own signs begin no other one; who asks for one gets one")
    package let size = Setting(
        "incidents.size", .size(min: 64 << 10, max: 1 << 32), default: IncidentRecorder.Configuration().size,
        "how much the evidence of one incident may be; what has no room is named")
}
