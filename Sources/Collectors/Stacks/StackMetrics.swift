internal import CoreMetrics

/// Counts processes by what could be had of their stacks.
struct StackMetrics: Sendable {
    private let python: Counter
    private let kernel: Counter
    private let none: Counter

    init(factory: any MetricsFactory) {
        func counter(_ result: String) -> Counter {
            Counter(label: "arobust_stack_dumps_total", dimensions: [("result", result)], factory: factory)
        }
        python = counter("python")
        kernel = counter("kernel")
        none = counter("none")
    }

    func note(_ content: ProcessStack.Content) {
        switch content {
        case .python: python.increment()
        case .kernel: kernel.increment()
        case .none: none.increment()
        }
    }
}
