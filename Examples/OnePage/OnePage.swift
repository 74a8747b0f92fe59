// The method on one page: a pair of readers is trained from nothing to joint training, in one file, with the library's own pieces.
// Read it from top to bottom; `swift run -c release one-page` runs it in half a minute.
//
// The target is frozen. A verbalizer, a copy of it, is given one vector of the target's residual stream and writes an explanation.
// A reconstructor, another copy, rebuilds the vector from the words alone. What it can rebuild, the words have carried.
//
// Departures from the paper (docs/method.md has those of the commands):
//  1. The target is a toy of 0.2 million parameters that this page trains itself, on texts of fifty words. The paper reads models of 7
//     billion and more.
//  2. The teacher of the warm start is a function that knows what the text has said. The paper's is a language model that reads the text.
//  3. The vector takes the place of a token's embedding at norm √d. The paper tunes that norm.
//  4. The reward is −mse. The paper's is −log mse, which rises faster and writes worse.
//  5. Tokens of all responses count the same in the policy's loss (DAPO). GRPO averages within each response first.
//  6. A few explanations that the reconstructor learns from are empty, so that the control "no words" is a fair one.
import Foundation
import JSON
import JointTraining
import LanguageModel
import Tensors

/// What the page found, on texts that nothing was trained on.
package struct Findings {
    /// Nats per token by which the verbalizer predicts the teacher's words better with a text's own vector than with another text's.
    package var gain = 0.0
    /// Share of the vectors' variance that is explained from the teacher's words, and from the verbalizer's after each part of training.
    package var teacher = 0.0, warmStart = 0.0, joint = 0.0
    /// The same after joint training from no words, and from another text's.
    package var noWords = 0.0, otherWords = 0.0
    /// Some texts with the verbalizer's words for their last token.
    package var examples: [String] = []
}

// MARK: 1. Texts, of which everything is known

let names = ["anna", "boris", "clara", "denis", "edith", "felix", "greta", "henry"]
let things = ["key", "coin", "book", "lamp", "rope", "ring", "bell", "map"]
let places = ["barn", "cellar", "attic", "garden", "stable", "kitchen", "tower", "well"]
let vocabulary =
    ["<read>", "<vector>", "<say>", "<end>", "<text>", "</text>", "<sum>", "last", "thing", "place", "who"]
    + ["hides", "the", "in", ".", "looks", "for", "is", "takes", "sings", "sleeps"] + names + things + places
let ids = Dictionary(uniqueKeysWithValues: vocabulary.enumerated().map { ($1, Int32($0)) })
func encode(_ text: String) -> [Int32] { text.split(separator: " ").map { ids[String($0)] ?? 0 } }
func decode(_ tokens: [Int32]) -> String { tokens.map { vocabulary[Int($0)] }.joined(separator: " ") }

/// Somebody hides a thing; later texts can be continued only by who remembers what, where and who.
func story(_ number: Int) -> (text: String, who: String, thing: String, place: String) {
    var random = Random(seed: 1, UInt64(number))
    func pick(_ words: [String]) -> String { words[Int.random(in: 0..<words.count, using: &random)] }
    let who = pick(names), thing = pick(things), place = pick(places), other = pick(names)
    let between = ["\(other) sings .", "\(other) sleeps .", "\(other) looks for the \(thing) ."]
    let end = ["the \(thing) is in the \(place) .", "\(who) takes the \(thing) ."]
    let text = "\(who) hides the \(thing) in the \(place) . \(pick(between)) \(pick(end)) \(pick(between)) \(pick(end))"
    return (text, who, thing, place)
}

/// The teacher: the last word, and what the text has said so far. `count` tokens have been read.
func teach(_ number: Int, reading count: Int) -> [Int32] {
    let (text, who, thing, place) = story(number)
    let words = text.split(separator: " ").prefix(count)
    let said = [(thing, "thing \(thing)"), (place, "place \(place)"), (who, "who \(who)")]
    let known = said.filter { fact in words.contains { $0 == fact.0 } }.map(\.1)
    return encode((["last \(words.last ?? "")"] + known + ["<end>"]).joined(separator: " "))
}

// MARK: 2. The target, and a store of its activations

/// The settings of a toy: 4 blocks of width 64, read at the output of block 2 (`hook_resid_post` of layer 2).
let settings: JSONValue = [
    "model_type": "qwen2", "architectures": ["Qwen2ForCausalLM"], "vocab_size": .integer(vocabulary.count),
    "hidden_size": 64, "intermediate_size": 192, "num_hidden_layers": 4, "tie_word_embeddings": true,
    "num_attention_heads": 4, "num_key_value_heads": 2, "rms_norm_eps": 1e-6, "rope_theta": 10000,
]
let layer = 2
typealias Model = TransformerDecoder
/// Trains a target on the stories and leaves it in a folder, as any model of the hub lies there.
func trainTarget(steps: Int, in folder: URL) throws -> Checkpoint {
    let decoder = Model(random: try DecoderConfiguration(json: settings, source: "the toy"), .float32, deviation: 0.1)
    let tokens = (0..<4000).flatMap { encode(story($0).text) }
    try LanguageModelTrainer(decoder, precision: .float32).train(
        on: tokens, .init(steps: steps, batchSize: 16, windowLength: 48)
    ) { _, _ in }
    try Checkpoint.write(decoder, json: settings, type: .float32, to: folder)
    return try Checkpoint(folder: folder)
}

/// Activations with the text that each is of. No story is in two stores.
struct Store {
    /// [rows, d] float32, as the target computed them.
    let vectors: Tensor
    /// Of each row, the story and how many of its tokens had been read.
    let origins: [(story: Int, count: Int)]
    var explanations: [[Int32]] { origins.map { teach($0.story, reading: $0.count) } }
    init(_ target: Model, stories: Range<Int>) {
        var tree = TokenTree(), rows: [Int32] = [], origins: [(story: Int, count: Int)] = []
        for number in stories {
            let index = tree.append(encode(story(number).text)), segment = tree.segments[index]
            var random = Random(seed: 2, UInt64(number))
            let count = Int.random(in: 4...segment.count, using: &random)
            rows.append(Int32(segment.firstRow + count - 1))
            origins.append((number, count))
        }
        vectors = target.hidden(tree, through: layer, rows: rows, tape: Tape(recording: false)).value
        self.origins = origins
    }
    /// Mean squared distance of the unit vectors from their mean: what a reconstruction has to explain.
    var variance: Double {
        let width = vectors.width, unit = Tape(recording: false).scaledRows(Variable(vectors), toNorm: 1).value.floats()
        let mean = (0..<width).map { at in
            stride(from: at, to: unit.count, by: width).reduce(0.0) { $0 + Double(unit[$1]) } / Double(vectors.rows)
        }
        return 1 - mean.reduce(0) { $0 + $1 * $1 }
    }
}

// MARK: 3. The two readers

/// log P of every token of some responses, one to each vector, under a verbalizer: [tokens].
func logProbabilities(_ verbalizer: Model, _ vectors: Tensor, _ responses: [[Int32]], _ tape: Tape) -> Variable {
    var (tree, prompts) = prompts(vectors.rows), rows: [Int32] = []
    for (prompt, response) in zip(prompts, responses) {
        // The last token is only predicted; the prompt's last row predicts the first.
        let segment = tree.append(Array(response.dropLast()), after: prompt)
        rows.append(Int32(tree.segments[prompt].rows.upperBound - 1))
        rows += tree.segments[segment].rows.map(Int32.init)
    }
    let hidden = verbalizer.hidden(tree, vectors: injected(vectors, tape), rows: rows, tape: tape)
    return verbalizer.logProbabilities(of: responses.flatMap(\.self), hidden, tape: tape)
}
/// A prompt for each of `count` vectors. The second token's embedding is the vector.
func prompts(_ count: Int) -> (tree: TokenTree, ends: [Int]) {
    var tree = TokenTree()
    let ends = (0..<count).map { _ in tree.append(encode("<read> <vector> <say>")) }
    for end in ends { tree.inject(segment: end, offset: 1) }
    return (tree, ends)
}
func injected(_ vectors: Tensor, _ tape: Tape) -> Variable {
    tape.scaledRows(Variable(vectors), toNorm: Double(vectors.width).squareRoot())
}

/// What a verbalizer writes for each vector, `samples` times, at temperature 1. It has 12 tokens to come to its end.
func write(_ verbalizer: Model, _ vectors: Tensor, samples: Int, seed: UInt64) -> [[Int32]] {
    let session = DecodingSession(verbalizer, precision: .float32)
    let (tree, ends) = prompts(vectors.rows)
    let nodes = session.prefill(tree, vectors: injected(vectors, Tape(recording: false)).value)
    let options = DecodingSession.Options(maximumTokens: 12, stopTokens: [ids["<end>"] ?? 0])
    let leaves = ends.indices.flatMap { row in
        (0..<samples).map { session.start(after: nodes[ends[row]], options, seed: seed &+ UInt64(row * samples + $0)) }
    }
    var responses: [DecodingSession.Leaf: [Int32]] = [:]
    while !session.isIdle { for event in session.step() { responses[event.leaf, default: []].append(event.token) } }
    return leaves.map { responses[$0] ?? [] }
}

/// The target's first blocks and a matrix, [d, d], that begins as the identity and reads the last token.
struct Reconstructor {
    let decoder: Model
    let head: Parameter
    var optimizer = AdamW()
    init(_ target: Checkpoint) throws {
        decoder = try Model(target, blockCount: layer + 1)
        let width = target.configuration.hiddenSize
        let identity = (0..<width * width).map { Float($0 % (width + 1) == 0 ? 1 : 0) }
        head = Parameter(name: "head", Tensor(identity, shape: [width, width]))
        for parameter in decoder.parameters + [head] { parameter.makeTrainable(precision: .float32) }
    }
    /// The error of each reconstruction: 2 (1 − cosine), from 0 to 4. [rows]
    func errors(_ explanations: [[Int32]], truth: Tensor, _ tape: Tape) -> Variable {
        var tree = TokenTree()
        for words in explanations {
            tree.append(encode("<text>") + words.filter { $0 != ids["<end>"] } + encode("</text> <sum>"))
        }
        let lasts = tree.segments.map { Int32($0.rows.upperBound - 1) }
        let hidden = decoder.hidden(tree, through: layer, rows: lasts, tape: tape)
        return tape.normalizedMeanSquaredError(tape.linear(hidden, LinearOperand(weight: head)), truth: truth)
    }
    /// One step on explanations; every thirtieth is left empty. Returns the errors.
    mutating func learn(_ explanations: [[Int32]], truth: Tensor, rate: Float) -> [Float] {
        let tape = Tape()
        let some = explanations.enumerated().map { $0.offset % 30 == 29 ? [] : $0.element }
        let errors = errors(some, truth: truth, tape)
        tape.backward(from: errors, gradient: slope(errors))
        optimizer.update(decoder.parameters + [head], learningRate: rate)
        return errors.value.floats()
    }
}
func average(_ values: Variable) -> Double {
    values.value.floats().reduce(0) { $0 + Double($1) } / Double(values.value.count)
}
/// The derivative of the average, or of its negative.
func slope(_ values: Variable, sign: Float = 1) -> Tensor {
    Tensor([Float](repeating: sign / Float(values.value.count), count: values.value.count), shape: [values.value.count])
}

// MARK: 4. Warm start

/// Teaches both readers the teacher's words. The store is passed in batches of 64.
func warmStart(_ verbalizer: Model, _ reconstructor: inout Reconstructor, _ store: Store, steps: Int) {
    verbalizer.makeTrainable(precision: .float32)
    var optimizer = AdamW()
    let words = store.explanations
    for step in 0..<steps {
        let rows = batch(step, 64, of: store), vectors = store.vectors.gatheringRows(rows)
        let batch = rows.map { words[Int($0)] }, tape = Tape()
        let likelihood = logProbabilities(verbalizer, vectors, batch, tape)
        tape.backward(from: likelihood, gradient: slope(likelihood, sign: -1))
        optimizer.update(verbalizer.parameters, learningRate: 1e-3)
        _ = reconstructor.learn(batch, truth: vectors, rate: 1e-3)
    }
}
func batch(_ step: Int, _ size: Int, of store: Store) -> [Int32] {
    (0..<size).map { Int32((step * size + $0) % store.vectors.rows) }
}

// MARK: 5. Joint training

/// One step: several explanations of each activation, rewarded by what the reconstructor makes of them, which learns from the same ones.
func jointStep(
    _ verbalizer: Model, _ optimizer: inout AdamW, reference: Model, _ reconstructor: inout Reconstructor,
    _ vectors: Tensor, seed: UInt64
) {
    let samples = 8
    let responses = write(verbalizer, vectors, samples: samples, seed: seed)
    let repeated = vectors.gatheringRows(responses.indices.map { Int32($0 / samples) })

    // A response without an end is rewarded like a vector at a right angle to the true one.
    let errors = reconstructor.learn(responses, truth: repeated, rate: 3e-4)
    let rewards = zip(errors, responses).map { $1.last == ids["<end>"] ? -Double($0) : -2 }
    let advantages = GroupAdvantages.compute(rewards, groupsOf: samples, scale: .group)
    let known = logProbabilities(reference, repeated, responses, Tape(recording: false)).value.floats()
    let tape = Tape()
    let policy = logProbabilities(verbalizer, repeated, responses, tape), now = policy.value.floats()
    var loss = PolicyLoss(), sums = PolicyLoss.Sums(), slopes: [Float] = []
    loss.beta = 0.02
    for (response, advantage) in zip(responses, advantages) {
        let range = slopes.count..<slopes.count + response.count
        let parts = PolicyLoss.Response(
            policy: Array(now[range]), old: Array(now[range]), reference: Array(known[range]), advantage: advantage,
            weight: 1 / Double(now.count))
        slopes += loss.add(parts, to: &sums)
    }
    tape.backward(from: policy, gradient: Tensor(slopes, shape: [slopes.count]))
    optimizer.update(verbalizer.parameters, learningRate: 1e-4)
}

// MARK: 6. From top to bottom

/// Trains the pair and measures it. `folder` is where the target goes; it must not exist.
package func trainPair(in folder: URL) throws -> Findings {
    let checkpoint = try trainTarget(steps: 500, in: folder), target = try Model(checkpoint)
    let taught = Store(target, stories: 4000..<12000), rewarded = Store(target, stories: 12000..<14000)
    let unseen = Store(target, stories: 14000..<14500)
    let verbalizer = try Model(checkpoint)
    var reconstructor = try Reconstructor(checkpoint), findings = Findings()
    func explained(_ words: [[Int32]]) -> Double {
        1 - average(reconstructor.errors(words, truth: unseen.vectors, Tape(recording: false))) / unseen.variance
    }
    func likelihood(_ vectors: Tensor) -> Double {
        average(logProbabilities(verbalizer, vectors, unseen.explanations, Tape(recording: false)))
    }
    func written() -> [[Int32]] { write(verbalizer, unseen.vectors, samples: 1, seed: 3) }
    warmStart(verbalizer, &reconstructor, taught, steps: 600)
    let next = (0..<unseen.vectors.rows).map { Int32(($0 + 1) % unseen.vectors.rows) }
    findings.gain = likelihood(unseen.vectors) - likelihood(unseen.vectors.gatheringRows(next))
    findings.teacher = explained(unseen.explanations)
    findings.warmStart = explained(written())

    // The reference is the verbalizer as the warm start left it.
    let warm = folder.appendingPathComponent("warm")
    try Checkpoint.write(verbalizer, json: settings, type: .float32, to: warm)
    let reference = try Model(Checkpoint(folder: warm))
    var optimizer = AdamW()
    for step in 0..<60 {
        let vectors = rewarded.vectors.gatheringRows(batch(step, 32, of: rewarded))
        jointStep(verbalizer, &optimizer, reference: reference, &reconstructor, vectors, seed: UInt64(step) << 32)
    }
    let words = written()
    findings.joint = explained(words)
    findings.otherWords = explained(next.map { words[Int($0)] })
    findings.noWords = explained(words.map { _ in [] })
    findings.examples = zip(unseen.origins, words).prefix(4).map { origin, words in
        let read = story(origin.story).text.split(separator: " ").prefix(origin.count).joined(separator: " ")
        return "\(read)  →  \(decode(words))"
    }
    return findings
}

@main
struct OnePage {
    static func main() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("one-page-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let found = try trainPair(in: folder)
        func shown(_ number: Double) -> String { String(format: "%.3f", number) }
        print("Nats per token that the verbalizer gains from a text's own vector:", shown(found.gain))
        print("Variance explained from the teacher's words:", shown(found.teacher))
        print("From the verbalizer's, after warm start and joint training:", shown(found.warmStart), shown(found.joint))
        print("From another text's words, and from none:", shown(found.otherWords), shown(found.noWords))
        print(found.examples.joined(separator: "\n"))
    }
}
