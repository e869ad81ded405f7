internal import TrainingProgress

/// `progress`: how trainings go, from the followed logs.
package struct TrainingSettings: Sendable {
    package let watch = Setting(
        "progress.watch", .toggle, default: true,
        "learn from the followed logs how trainings go: steps, step time, standing still; status, self-metrics, GENERIC metrics"
    )
    package let profiles = Setting(
        "progress.profiles", listOf: .text, "files that say how further trainings write of their steps")
    package let silentFactor = Setting(
        "progress.silent-factor", .number(1...1000), default: ProgressSettings().silentFactor,
        "a training is silent after this many times the 99th percentile of the time between its lines of steps")
    package let silentFloor = Setting(
        "progress.silent-floor", .duration(min: .milliseconds(100)), default: .seconds(ProgressSettings().silentFloor),
        "but not before so long without a step")
    package let firstStep = Setting(
        "progress.first-step", .duration(min: .milliseconds(100)), default: .seconds(ProgressSettings().firstStep),
        "how long the first step of a training may take")
    package let pause = Setting(
        "progress.pause", .duration(min: .milliseconds(100)), default: .seconds(ProgressSettings().pause),
        "how long an evaluation or a checkpoint may take without a step")
}

extension AgentSettings {
    /// From when on a training is silent.
    var progress: ProgressSettings {
        var progress = ProgressSettings()
        progress.silentFactor = values[\.progress.silentFactor]
        progress.silentFloor = values[\.progress.silentFloor] / .seconds(1)
        progress.firstStep = values[\.progress.firstStep] / .seconds(1)
        progress.pause = values[\.progress.pause] / .seconds(1)
        return progress
    }

    /// How the lines of trainings look.
    ///
    /// - Throws: `SettingsError` with the file and line, and what is allowed.
    func progressProfiles() throws(SettingsError) -> ProfileTable {
        do throws(ProfileError) {
            return try ProfileTable(files: values[\.progress.profiles])
        } catch {
            throw SettingsError(place: error.place, reason: error.reason)
        }
    }
}
