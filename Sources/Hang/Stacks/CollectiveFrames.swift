/// Knows frames by what they are: of a collective, of PyTorch or Python's library, or of the program itself.
package enum CollectiveFrames {
    /// Functions of `torch/distributed/distributed_c10d.py` that wait for other ranks.
    private static let functions: Set<String> = [
        "all_reduce", "all_gather", "all_gather_into_tensor", "all_gather_object", "all_gather_coalesced", "all_to_all",
        "all_to_all_single", "all_reduce_coalesced", "barrier", "monitored_barrier", "broadcast",
        "broadcast_object_list",
        "gather", "gather_object", "irecv", "isend", "recv", "recv_object_list", "reduce", "reduce_scatter",
        "reduce_scatter_tensor", "scatter", "scatter_object_list", "send", "send_object_list", "batch_isend_irecv",
        "new_group", "init_process_group",
    ]
    /// Parts of native functions' names.
    private static let natives = [
        "ncclAll", "ncclReduce", "ncclBroadcast", "ncclSend", "ncclRecv", "ncclGroupEnd", "gloo::", "c10d::",
    ]

    /// Whether the frame is one of a collective operation: the ranks that stand in it wait for the others.
    package static func isOne(_ frame: StackFrame) -> Bool {
        if frame.file.hasSuffix("distributed_c10d.py") || frame.file.hasSuffix("_functional_collectives.py") {
            return functions.contains(frame.function) || frame.function.hasPrefix("all_")
                || frame.function == "wait_tensor"
        }
        return natives.contains { frame.function.contains($0) }
    }

    /// Whether the frame belongs to the program rather than to Python or a library that was installed.
    package static func isOfProgram(_ frame: StackFrame) -> Bool {
        guard !frame.file.isEmpty, !frame.file.hasPrefix("<") else { return false }
        let file = frame.file
        if file.contains("site-packages/") || file.contains("dist-packages/") || file.hasPrefix("torch/") {
            return false
        }
        return !isOfStandardLibrary(file)
    }

    /// `/usr/lib/python3.11/threading.py`, and what py-spy shortens to `threading.py` or `asyncio/events.py`.
    private static func isOfStandardLibrary(_ file: String) -> Bool {
        if file.contains("/lib/python3") { return true }
        return shortened.contains(file) || folders.contains { file.hasPrefix($0) }
    }

    private static let shortened: Set<String> = [
        "threading.py", "queue.py", "selectors.py", "socket.py", "subprocess.py", "runpy.py", "contextlib.py",
        "pickle.py",
        "functools.py", "ssl.py", "tempfile.py", "shutil.py", "codecs.py", "signal.py", "socketserver.py",
    ]
    private static let folders = [
        "asyncio/", "multiprocessing/", "concurrent/", "importlib/", "http/", "urllib/", "logging/",
    ]

    /// Where a thread stands, for a sentence: `next (loader.py:12), called at train.py:88`.
    package static func place(of frames: [StackFrame]) -> String? {
        guard let inner = frames.first(where: { !$0.file.hasPrefix("<") || $0.file.isEmpty }) ?? frames.first else {
            return nil
        }
        let here = inner.file.isEmpty ? "`\(inner.function)`" : "`\(inner.function)` (\(inner.place))"
        guard !isOfProgram(inner), let own = frames.first(where: isOfProgram) else { return here }
        return "\(here), called at \(own.place)"
    }
}
