// Joint training with a reward of one's own, which pays for short explanations too: custom-reward PAIR RUN-FOLDER
import Activations
import Autoencoder
import Claims
import Foundation
import JointTraining
import Runs

let folder = URL(fileURLWithPath: CommandLine.arguments[1]), run = URL(fileURLWithPath: CommandLine.arguments[2])
let names = ["Ada", "Bram", "Cyril", "Dario", "Edith", "Hester", "Nora", "Rosa"]

// The activations to learn from: a few of each text, half of the texts held out.
let documents = names.enumerated().map { index, name in
    let text = "\(name) lived near the market. \(name) took a rusty saddle out of a bag. The saddle was \(name)'s."
    let document = LabelledDocument(id: "\(index)", kind: "story", text: text)
    return StoredDocument(document, split: index.isMultiple(of: 2) ? JointOptions.split : JointOptions.validation)
}
let store = run.appendingPathExtension("store"), layer = try Sidecar(folder: Pair.folders(folder).verbalizer).layer
let builder = try ActivationStoreBuilder(
    model: Pair.folders(folder).target, layer: layer, positions: PositionPolicy(perDocument: 4))
try builder.build(documents, into: store)

var options = JointOptions()
(options.pair, options.store, options.grammar) = (folder.path, store.path, .plain)
(options.steps, options.rowsPerStep, options.generations, options.evaluationRows) = (2, 4, 4, 4)
let training = try JointRun(options, in: run) { rollout, errors in
    zip(rollout.samples, errors).map { sample, error in -(error ?? 2) - 0.01 * Double(sample.explanation.ids.count) }
}
_ = try training.run { print("step \($0.step)\treward \($0.metrics["reward"].map { "\($0)" } ?? "of no samples yet")") }
