// What a model has in mind at the last tokens of a text, in words: explain PAIR [TEXT]
import Autoencoder
import Foundation
import Tokenization

let folder = URL(fileURLWithPath: CommandLine.arguments[1])
let text =
    CommandLine.arguments.dropFirst(2).first
    ?? "Cyril and Rosa lived near the market. Rosa took a rusty saddle out of a bag. The one to look after the saddle was"

let pair = try Pair(folder: folder)
let target = try pair.openTarget(Pair.folders(folder).target)

let ids = target.tokenizer.encode(text)
let positions = try TextPositions.chosen(of: ids.count, positions: [-4, -1])
let activations = try target.activations(ids, positions: positions)

let explainer = TextExplainer(pair, variance: pair.variance)
try explainer.explain(activations, Verbalizer.Options(maximumTokens: 100)) { row in
    let token = DisplayedToken.text(of: ids, at: positions[row.index], target.tokenizer)
    print("\(token)\t\(row.explanation.description)\tcosine \(row.score.cosine)")
}
