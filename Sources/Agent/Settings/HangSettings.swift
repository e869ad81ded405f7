internal import Collectors
internal import SystemSupport

/// `flight-recorder`: PyTorch's record of collectives, in files.
package struct FlightRecorderSettings: Sendable {
    package let files = Setting(
        "flight-recorder.files", listOf: .text,
        "prefixes of the dumps that ranks leave, as TORCH_FR_DUMP_TEMP_FILE; auto: of the ranks' environments. Not set: no new dump is noticed"
    )
    package let pipe = Setting(
        "flight-recorder.pipe", .text,
        "the prefix of the pipes through which ranks are asked for dumps, as TORCH_NCCL_DEBUG_INFO_PIPE_FILE; auto: of the ranks' environments. Not set: no rank is asked"
    )
    package let interval = Setting(
        "flight-recorder.interval", .duration(min: .milliseconds(10)), default: .seconds(1),
        "how often new dumps are looked for")
}

/// `ras`: NCCL's own view of a job.
package struct RASSettings: Sendable {
    package let address = Setting(
        "ras.address", listOf: .rasAddress,
        "where NCCL's RAS is asked (localhost:28028), as NCCL_RAS_ADDR; auto: of the ranks' environments, else NCCL's standard. Not set: it is not asked"
    )
    package let interval = Setting(
        "ras.interval", .duration(min: .milliseconds(10)), default: .seconds(30),
        "how often it is asked; RAS asks the whole job for each answer")
    package let confirm = Setting(
        "ras.confirm", .duration(min: .zero), default: .seconds(60),
        "how long no rank may launch anything before those that are behind count as a hang")
}

/// `events`: what a training says of its steps with DLRover's SDK.
package struct EventSettings: Sendable {
    package let file = Setting(
        "events.file", .text,
        "the file in which rank 0 writes its events with DLRover's SDK; auto: events_0.log in DLROVER_EVENT_FILE_DIR or /tmp/dlrover. Not set: none"
    )
    package let interval = Setting(
        "events.interval", .duration(min: .milliseconds(10)), default: .seconds(1), "how often it is looked at")
}

extension SettingFormat<String> {
    /// Where RAS listens, or `auto`.
    static var rasAddress: SettingFormat {
        SettingFormat(
            rule: RASAddress.rule, read: { $0 == RASTarget.automatic || RASAddress($0) != nil ? $0 : nil },
            write: { $0 })
    }
}

extension AgentSettings {
    /// Whom to ask for NCCL's RAS; `nil`: nobody.
    var rasTarget: RASTarget? {
        let texts = values[\.ras.address]
        guard !texts.isEmpty else { return nil }
        return texts.contains(RASTarget.automatic) ? .ranks : .addresses(texts.compactMap { RASAddress($0) })
    }

    /// The file of the training's events; `nil`: none is followed. As the SDK makes its name (`dlrover/python/training_event/config.py`).
    var eventFile: String? {
        guard let file = values[\.events.file] else { return nil }
        guard file == "auto" else { return Directory.absolute(file) }
        let folder = ProcessEnvironment.all()["DLROVER_EVENT_FILE_DIR"] ?? ""
        return Directory.absolute((folder.isEmpty ? "/tmp/dlrover" : folder) + "/events_0.log")
    }

    /// Where ranks leave dumps of the Flight Recorder.
    var flightRecorderPlaces: FlightRecorderPlaces {
        FlightRecorderPlaces(files: values[\.flightRecorder.files], pipe: values[\.flightRecorder.pipe])
    }
}
