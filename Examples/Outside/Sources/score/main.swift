// How well words stand in for what a model has in mind at the last token of a text: score PAIR TEXT WORDS...
import Autoencoder
import Foundation
import Tokenization

let folder = URL(fileURLWithPath: CommandLine.arguments[1])
let text = CommandLine.arguments[2], words = Array(CommandLine.arguments[3...])

let pair = try Pair(folder: folder)
let target = try pair.openTarget(Pair.folders(folder).target)
let activation = try target.activations(target.tokenizer.encode(text), positions: [-1])

// No words at all are the control: what any text of this kind would score.
let readings = try pair.reconstructor.reconstruct(words + [""])
let scores = try Scores.rows(readings, activation)

for (said, score) in zip(words + ["(nothing)"], scores) {
    print("\(said)\tmse \(score.meanSquaredError)\tcosine \(score.cosine)")
}
