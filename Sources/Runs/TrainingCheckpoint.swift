import Foundation
import JSON
import Tensors

/// A moment of a run, complete to the last bit: master weights, optimizer moments, step. What a step trains on follows from seed
/// and step alone, so there is no other state.
///
/// A folder with `state.safetensors` (`group/parameter.master`, `.m`, `.v`, all float32) and `state.json`.
public struct TrainingCheckpoint {
    /// The folder.
    public let url: URL
    /// Steps taken.
    public let step: Int
    /// What the evaluation at this step said, higher being better; nil if there was none.
    public let score: Double?
    private let groups: JSONObject
    private static let version = 1
    /// Steps that a run may have taken.
    private static let steps = 0...1_000_000_000_000
    private static let parts = ["master", "m", "v"]

    /// What a checkpoint is to hold. The weights are read when it is written, and must not be moved before.
    struct Contents {
        fileprivate let tensors: [SafetensorsFile.Source]
        fileprivate let state: JSONObject

        /// Writes the checkpoint. The folder appears when everything in it is on disk.
        func write(to url: URL) throws {
            try AtomicFolder.write(to: url) { folder in
                try SafetensorsFile.write(sources: tensors, to: folder.appending(path: "state.safetensors"))
                try AtomicFile.write(
                    JSONValue.object(state).serialized(indent: 2) + "\n", to: folder.appending(path: "state.json"))
            }
        }
    }

    /// Writes a checkpoint. The folder appears when everything in it is on disk.
    package static func write(step: Int, score: Double?, _ groups: [ParameterGroup], to url: URL) throws {
        try contents(step: step, score: score, groups).write(to: url)
    }

    /// What a checkpoint of this moment is to hold.
    static func contents(step: Int, score: Double?, _ groups: [ParameterGroup]) -> Contents {
        var tensors: [SafetensorsFile.Source] = []
        var counts = JSONObject()
        for group in groups {
            for parameter in group.parameters {
                let names = parts.map { "\(group.name)/\(parameter.name).\($0)" }
                guard let state = parameter.stateSources((names[0], names[1], names[2])) else {
                    trap("\(parameter.name) is frozen")
                }
                tensors += state
            }
            counts[group.name] = ["optimizer_step": .integer(group.optimizer.step)]
        }
        var state = JSONObject([("version", .integer(version)), ("step", .integer(step))])
        if let score { state["score"] = .number(score) }
        state["groups"] = .object(counts)
        return Contents(tensors: tensors, state: state)
    }

    /// Opens a checkpoint; the weights are not touched yet. Throws a ``TrainingError``.
    package init(_ url: URL) throws {
        let file = url.appending(path: "state.json")
        guard let data = FileManager.default.contents(atPath: file.path), let json = try? JSONValue.parse(data),
            let step = json["step"]?.int, TrainingCheckpoint.steps.contains(step), let groups = json["groups"]?.object
        else { throw TrainingError("\(file.path): no training state; delete the folder to resume from the one before") }
        guard json["version"]?.int == TrainingCheckpoint.version else {
            throw TrainingError("\(file.path): written by another version of nla; start a new run")
        }
        self.url = url
        self.step = step
        self.score = json["score"]?.double
        self.groups = groups
    }

    /// Puts weights and optimizers into the state of the checkpoint. Throws a one-line error, and then has changed nothing.
    package func restore(_ groups: [ParameterGroup]) throws {
        let file = try SafetensorsFile(url.appending(path: "state.safetensors"))
        let states = try groups.map { group in
            try group.parameters.map { parameter in
                let tensors = try TrainingCheckpoint.parts.map { part in
                    let name = "\(group.name)/\(parameter.name).\(part)"
                    let tensor = try file.requiredTensor(name)
                    guard tensor.shape == parameter.value.shape, tensor.elementType == .float32 else {
                        throw TrainingError(
                            "\(file.url.path): \(name) is \(tensor.elementType) \(tensor.shape), this run has \(parameter.value.shape); the folder belongs to another run"
                        )
                    }
                    return tensor
                }
                return Parameter.TrainingState(master: tensors[0], firstMoment: tensors[1], secondMoment: tensors[2])
            }
        }
        let steps = try groups.map { group in
            guard let step = self.groups[group.name]?["optimizer_step"]?.int, TrainingCheckpoint.steps.contains(step)
            else {
                throw TrainingError("\(url.path): nothing about \(group.name); the folder belongs to another run")
            }
            return step
        }
        for ((group, step), states) in zip(zip(groups, steps), states) {
            group.restore(optimizerStep: step, states)
        }
    }
}
