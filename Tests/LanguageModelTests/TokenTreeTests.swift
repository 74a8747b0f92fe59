import Foundation
import LanguageModel
import Tensors
import TestSupport
import Testing

/// The tree gives the same values and gradients as the same sequences one by one.
@Suite("Token tree")
struct TokenTreeTests {
    private static func decoder(_ name: String, seed: UInt64) throws -> TransformerDecoder {
        let checkpoint = try Checkpoint(folder: goldens.appendingPathComponent("models/\(name)"))
        return try TransformerDecoder(checkpoint)
    }

    @Test("Hidden states of a random tree equal those of its paths, one by one", arguments: FamilyTests.families, 0..<3)
    func values(family: String, seed: Int) throws {
        let decoder = try Self.decoder(family, seed: 0)
        var random = Random(seed: UInt64(seed))
        let tree = randomTree(segments: 7, vocabulary: 37, using: &random)
        let whole = decoder.hidden(tree, tape: Tape(recording: false)).value
        for (index, segment) in tree.segments.enumerated() {
            let (tokens, own) = path(tree, to: index)
            var flat = TokenTree()
            flat.append(tokens)
            let alone = decoder.hidden(flat, tape: Tape(recording: false)).value
            #expect(whole.rows(segment.rows).relativeError(to: alone.rows(own..<tokens.count)) < 1e-5)
        }
    }

    @Test("Reading some rows gives those rows of reading all", arguments: FamilyTests.families)
    func someRows(family: String) throws {
        let decoder = try Self.decoder(family, seed: 0)
        var random = Random(seed: 5)
        let tree = randomTree(segments: 6, vocabulary: 37, using: &random)
        let rows = (0..<Int32(tree.rowCount)).filter { _ in Bool.random(using: &random) }
        let all = decoder.hidden(tree, through: 1, tape: Tape(recording: false)).value
        let some = decoder.hidden(tree, through: 1, rows: rows, tape: Tape(recording: false)).value
        #expect(some.relativeError(to: all.gatheringRows(rows)) < 1e-6)
    }

    /// Log-probabilities of every token but the roots' first, weighted by `weight`; gradients stay in the parameters.
    private func accumulate(
        _ decoder: TransformerDecoder, _ tree: TokenTree, _ wanted: [(row: Int32, target: Int32, weight: Float)],
        _ vectors: Variable?
    ) {
        let tape = Tape()
        let hidden = decoder.hidden(tree, vectors: vectors, rows: wanted.map(\.row), tape: tape)
        let result = decoder.logProbabilities(of: wanted.map(\.target), hidden, tape: tape)
        tape.backward(from: result, gradient: Tensor(wanted.map(\.weight), shape: [wanted.count]))
    }

    @Test("Gradients of a tree, injected vectors' too, equal the sum over its paths", arguments: FamilyTests.families)
    func gradients(family: String) throws {
        var random = Random(seed: 77)
        let tree = {
            var tree = TokenTree()
            let tokens = { (n: Int) in (0..<n).map { _ in Int32.random(in: 0..<37, using: &random) } }
            let prompt = tree.append(tokens(6))
            for _ in 0..<2 {
                let middle = tree.append(tokens(4), after: prompt)
                tree.inject(segment: middle, offset: 1)
                for _ in 0..<3 { tree.append(tokens(5), after: middle) }
            }
            return tree
        }()
        let treeDecoder = try Self.decoder(family, seed: 0), flatDecoder = try Self.decoder(family, seed: 0)
        treeDecoder.makeTrainable(precision: .float32)
        flatDecoder.makeTrainable(precision: .float32)
        let vectors = Tensor.random([2, treeDecoder.configuration.hiddenSize], using: &random)
        let treeVectors = Variable(vectors, needsGradient: true)
        var flatVectors: [[Float]] = [[], []]
        var wanted: [(row: Int32, target: Int32, weight: Float)] = []
        for (index, segment) in tree.segments.enumerated() where tree.segments.allSatisfy({ $0.parent != index }) {
            let parent = try #require(segment.parent)
            let which = parent == 1 ? 0 : 1
            let weights = (0..<segment.count).map { _ in Float(2 * random.uniform() - 1) }
            var rows = [Int32(tree.segments[parent].rows.upperBound - 1)]
            rows += segment.rows.dropLast().map(Int32.init)
            for (row, (position, weight)) in zip(rows, zip(segment.rows, weights)) {
                wanted.append((row, tree.tokens[position], weight))
            }
            let (tokens, own) = path(tree, to: index)
            var flat = TokenTree()
            flat.append(tokens)
            flat.inject(segment: 0, offset: 7)
            let flatVector = Variable(vectors.rows(which..<which + 1), needsGradient: true)
            accumulate(
                flatDecoder, flat, weights.enumerated().map { (Int32(own + $0 - 1), tokens[own + $0], $1) }, flatVector)
            let gradient = flatVector.gradient?.floats() ?? []
            flatVectors[which] =
                flatVectors[which].isEmpty ? gradient : zip(flatVectors[which], gradient).map { $0 + $1 }
        }
        accumulate(treeDecoder, tree, wanted, treeVectors)
        for (ours, theirs) in zip(treeDecoder.parameters, flatDecoder.parameters) {
            let (a, b) = (try #require(ours.gradient), try #require(theirs.gradient))
            #expect(a.relativeError(to: b) < 1e-5, "\(ours.name)")
        }
        let expected = Tensor(flatVectors.flatMap { $0 }, shape: vectors.shape)
        #expect(try #require(treeVectors.gradient).relativeError(to: expected) < 1e-5)
    }

    @Test("An empty segment passes its parent through")
    func emptySegment() throws {
        let decoder = try Self.decoder("qwen2", seed: 0)
        var plain = TokenTree(), padded = TokenTree()
        let a = plain.append([1, 2, 3])
        plain.append([4, 5], after: a)
        let b = padded.append([1, 2, 3])
        padded.append([4, 5], after: padded.append([], after: b))
        let one = decoder.hidden(plain, tape: Tape(recording: false)).value
        #expect(decoder.hidden(padded, tape: Tape(recording: false)).value.relativeError(to: one) == 0)
    }
}
