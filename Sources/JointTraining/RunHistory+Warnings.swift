import Foundation
import Runs

extension RunHistory {
    /// What a watch over the run warned of, a line each.
    public func warningLines() throws -> [String] { try warnings().map { "step \($0.step): \($0.message)" } }

    /// What a watch over the run warned of; empty for runs that are no joint training.
    func warnings() throws -> [JointWatch.Warning] {
        guard stage == JointOptions.stage else { return [] }
        var options = JointOptions()
        try options.read(runFile: runFile, source: folder.appending(path: "run.yaml").path)
        var watch = JointWatch(options)
        return steps.flatMap { watch.look(step: $0.step, $0.metrics) }
    }
}
