/// The part of a training that a rule speaks of.
public enum RuleDomain: String, CaseIterable, Hashable, Sendable {
    case gpu
    case gpuMemory = "gpu-memory"
    case network
    case host
    case hostMemory = "host-memory"
    case storage
    case userCode = "user-code"
    case numerics
    case configuration
    case infrastructure
}
