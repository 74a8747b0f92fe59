// Changes what a model has in mind by changing the words for it, and lets it write on: steer PAIR TEXT WORDS OTHER-WORDS
import Autoencoder
import Foundation
import LanguageModel
import Tensors
import Tokenization

let folder = URL(fileURLWithPath: CommandLine.arguments[1]), text = CommandLine.arguments[2]
let pair = try Pair(folder: folder), target = try pair.openTarget(Pair.folders(folder).target)
let ids = target.tokenizer.encode(text), activation = try target.activations(ids, positions: [-1])

// A reconstruction says a direction; it gets the activation's length. What the words change is added to the activation.
let rebuilt = try pair.reconstructor.reconstruct(Array(CommandLine.arguments[3...4]))
let scaled = Tape(recording: false).scaledRows(Variable(rebuilt), toNorm: Scores.norm(activation)).value
let change = zip(scaled.rows(0..<1).floats(), scaled.rows(1..<2).floats()).map { $1 - $0 }
let pushed = Tensor(zip(activation.floats(), change).map(+), shape: activation.shape)

// The vector takes the place of the output of block K at the last token; then the model writes eight tokens.
for (name, vector) in [("as it was", activation), ("steered", pushed)] {
    let session = DecodingSession(try target.decoder(), precision: .float32)
    var tree = TokenTree(), written: [Int32] = []
    tree.append(ids)
    let ends = session.prefill(tree) { block, hidden in
        guard block == target.layer else { return hidden }
        return Tape(recording: false).replacing([Int32(ids.count - 1)], of: hidden, with: Variable(vector))
    }
    _ = session.start(after: ends[0], .init(sampling: .greedy, maximumTokens: 8), seed: 0)
    while !session.isIdle { written += session.step().map(\.token) }
    print("\(name)\t\(target.tokenizer.decode(written))")
}
