import Foundation
import LanguageModel
import Runs
import Tensors

/// Runs workloads on one model shape with random weights.
public struct WorkloadRunner {
    /// The model's shape.
    public let configuration: DecoderConfiguration
    /// What matrix products compute with.
    public let precision: Precision
    /// Activations of a rollout.
    public let activations: Int
    /// Samples of each activation.
    public let samples: Int
    /// New tokens of each sample.
    public let newTokens: Int
    let seed: UInt64
    let meter = Meter()

    /// A runner. The numbers are those of `rollout`; the other workloads are fixed.
    public init(
        _ configuration: DecoderConfiguration, precision: Precision, activations: Int = 8, samples: Int = 8,
        newTokens: Int = 32, seed: UInt64 = 0
    ) {
        self.configuration = configuration
        self.precision = precision
        self.activations = activations
        self.samples = samples
        self.newTokens = newTokens
        self.seed = seed
    }

    /// What a workload measured.
    public struct Result: Sendable {
        /// Per second, or seconds: see `Workload.resultKey`.
        public let value: Double
        /// Peak resident memory of the process while it ran, in bytes.
        public let peakResidentBytes: Int
        /// Seconds of the parts of one run, by the key of each; empty for a workload of one part.
        public let parts: [(key: String, seconds: Double)]
        /// What the timed work asked of the processor and the memory.
        public let rates: Rates
    }

    /// Rates of a workload's timed part, beside what this machine can do at most at that moment.
    public struct Rates: Sendable {
        /// Operations of matrix products and attention per second.
        public let operations: Double
        /// Operations per second of all threads in registers alone, the better of just before the workload and just after it.
        public let operationLimit: Double
        /// Bytes of weights that products read, each counted once per product, per second.
        public let weightBytes: Double
        /// Bytes per second that all threads read from memory, likewise.
        public let readingLimit: Double
    }

    /// What the timed parts of a workload's fastest run took and did.
    final class Meter {
        var seconds = 0.0, operations = 0.0, weightBytes = 0.0

        func reset() { (seconds, operations, weightBytes) = (0, 0, 0) }
    }

    /// Runs one workload.
    public func run(_ workload: Workload) -> Result {
        Machine.releaseUnusedMemory()
        let arithmetic = Machine.arithmeticLimit(precision), reading = Machine.readingLimit()
        Machine.releaseUnusedMemory()
        Machine.resetPeakResidentBytes()
        meter.reset()
        var parts: [(key: String, seconds: Double)] = []
        let value: Double =
            switch workload {
            case .extract: extract()
            case .rollout: rollout()
            case .decode1: decode()
            case .verbalizerStep: verbalizerStep()
            case .score: score()
            case .reconstructorStep: reconstructorStep()
            case .jointStep: jointStep(&parts)
            }
        let peak = Machine.peakResidentBytes
        Machine.releaseUnusedMemory()
        let rates = Rates(
            operations: meter.operations / meter.seconds,
            operationLimit: max(arithmetic, Machine.arithmeticLimit(precision)),
            weightBytes: meter.weightBytes / meter.seconds, readingLimit: max(reading, Machine.readingLimit()))
        return Result(value: value, peakResidentBytes: peak, parts: parts, rates: rates)
    }

    var layer: Int { 2 * configuration.blockCount / 3 }

    /// Random weights in bfloat16, as checkpoints hold them, whatever the arithmetic. Those that train get a master of their own.
    func decoder(blockCount: Int? = nil) -> TransformerDecoder {
        TransformerDecoder(random: configuration, .bfloat16, seed: seed, blockCount: blockCount)
    }

    func ids(_ count: Int, _ random: inout Random) -> [Int32] {
        (0..<count).map { _ in Int32.random(in: 0..<Int32(configuration.vocabularySize), using: &random) }
    }

    /// Steps of training, of which the shortest counts. A step keeps the memory of the gradients that the one before it made, so that
    /// the second still asks the system for more, and only the third is like all others.
    private static let steps = 3

    /// The shortest of `count` runs, in seconds.
    private func best(_ count: Int, _ body: () -> Void) -> Double {
        var fastest: (seconds: Double, operations: Double, weightBytes: Double) = (.infinity, 0, 0)
        for _ in 0..<count {
            meter.reset()
            if seconds(body) < fastest.seconds { fastest = (meter.seconds, meter.operations, meter.weightBytes) }
        }
        (meter.seconds, meter.operations, meter.weightBytes) = fastest
        return fastest.seconds
    }

    func seconds(_ body: () -> Void) -> Double {
        let clock = ContinuousClock(), operations = Machine.operations, weightBytes = Machine.weightBytes
        let seconds = clock.measure(body).seconds
        meter.seconds += seconds
        meter.operations += Double(Machine.operations - operations)
        meter.weightBytes += Double(Machine.weightBytes - weightBytes)
        return seconds
    }

    private func extract() -> Double {
        let decoder = decoder()
        var random = Random(seed: seed, 1)
        var tree = TokenTree()
        for _ in 0..<8 { tree.append(ids(256, &random)) }
        return 8 * 256
            / best(2) { _ = decoder.hidden(tree, through: layer, tape: Tape(recording: false, precision: precision)) }
    }

    /// The prompt: 100 tokens that every activation shares, the injected one, 24 more.
    func prompt(_ count: Int, _ random: inout Random) -> InjectedPrompt {
        let shared = ids(100, &random), rest = ids(25, &random)
        return InjectedPrompt(
            shared: shared, rest: rest, vectors: .random([count, configuration.hiddenSize], using: &random))
    }

    private func rollout() -> Double {
        let decoder = decoder()
        var random = Random(seed: seed, 2)
        let (tree, ends, vectors) = prompt(activations, &random).tree()
        let time = best(1) {
            let leaves = activations * samples
            let session = DecodingSession(
                decoder, precision: precision, expectedRows: tree.rowCount + leaves * newTokens)
            let nodes = session.prefill(tree, vectors: vectors)
            for (index, end) in ends.enumerated() {
                for sample in 0..<samples {
                    _ = session.start(
                        after: nodes[end], .init(maximumTokens: newTokens),
                        seed: seed &+ UInt64(index * samples + sample))
                }
            }
            while !session.isIdle { _ = session.step() }
        }
        return Double(activations * samples * newTokens) / time
    }

    private func decode() -> Double {
        let decoder = decoder()
        var random = Random(seed: seed, 3)
        let (tree, ends, vectors) = prompt(1, &random).tree()
        let prepare = {
            let session = DecodingSession(decoder, precision: precision, expectedRows: 256)
            let nodes = session.prefill(tree, vectors: vectors)
            _ = session.start(after: nodes[ends[0]], .init(maximumTokens: 33), seed: seed)
            _ = session.step()
            return session
        }
        var sessions = [prepare(), prepare()]
        return 32
            / best(2) {
                let session = sessions.removeLast()
                while !session.isIdle { _ = session.step() }
            }
    }

    private func verbalizerStep() -> Double {
        let decoder = decoder()
        decoder.makeTrainable(precision: precision)
        var random = Random(seed: seed, 4)
        var (tree, ends, vectors) = prompt(8, &random).tree()
        var rows: [Int32] = [], targets: [Int32] = []
        for end in ends {
            let response = ids(122, &random)
            // The last token is only a target.
            let segment = tree.append(Array(response.dropLast()), after: end)
            rows.append(Int32(tree.segments[end].rows.upperBound - 1))
            rows += tree.segments[segment].rows.map(Int32.init)
            targets += response
        }
        var optimizer = AdamW()
        return best(WorkloadRunner.steps) {
            let tape = Tape(precision: precision)
            let hidden = decoder.hidden(tree, vectors: Variable(vectors), rows: rows, tape: tape)
            let logProbabilities = decoder.logProbabilities(of: targets, hidden, tape: tape)
            let slope = [Float](repeating: -1 / Float(targets.count), count: targets.count)
            tape.backward(from: logProbabilities, gradient: Tensor(slope, shape: [targets.count]))
            optimizer.update(decoder.parameters, learningRate: 1e-5)
        }
    }

    /// Last-token values of a reconstructor: [explanations, d] float32.
    private func values(_ decoder: TransformerDecoder, _ head: Parameter, _ tree: TokenTree, _ tape: Tape) -> Variable {
        let lasts = tree.segments.map { Int32($0.rows.upperBound - 1) }
        let hidden = decoder.hidden(tree, through: layer, rows: lasts, tape: tape)
        return tape.linear(tape.scaled(hidden, by: 1, to: precision.elementType), LinearOperand(weight: head))
    }

    private func reconstructor(_ count: Int, _ random: inout Random) -> (TransformerDecoder, Parameter, TokenTree) {
        var tree = TokenTree()
        for _ in 0..<count { tree.append(ids(126, &random)) }
        let d = configuration.hiddenSize
        let head = Parameter(name: "head", .uniform([d, d], .bfloat16, deviation: 0.02, seed: seed &+ 99))
        return (decoder(blockCount: layer + 1), head, tree)
    }

    private func score() -> Double {
        var random = Random(seed: seed, 5)
        let (decoder, head, tree) = reconstructor(32, &random)
        return 32 / best(2) { _ = values(decoder, head, tree, Tape(recording: false, precision: precision)) }
    }

    private func reconstructorStep() -> Double {
        var random = Random(seed: seed, 6)
        let (decoder, head, tree) = reconstructor(8, &random)
        decoder.makeTrainable(precision: precision)
        head.makeTrainable(precision: precision)
        let truth = Tensor.random([8, configuration.hiddenSize], using: &random)
        var optimizer = AdamW()
        return best(WorkloadRunner.steps) {
            let tape = Tape(precision: precision)
            let errors = tape.normalizedMeanSquaredError(values(decoder, head, tree, tape), truth: truth)
            tape.backward(from: errors, gradient: Tensor([Float](repeating: 1.0 / 8, count: 8), shape: [8]))
            optimizer.update(decoder.parameters + [head], learningRate: 1e-5)
        }
    }
}

/// A prompt with a place for an activation, asked for several of them.
struct InjectedPrompt {
    let shared: [Int32]
    /// Begins with the token that an activation replaces.
    let rest: [Int32]
    /// [activations, d]
    let vectors: Tensor

    /// The prompts as a tree: the segment that each ends with, and what is put into it.
    func tree() -> (tree: TokenTree, ends: [Int], vectors: Tensor) {
        var tree = TokenTree()
        let root = tree.append(shared)
        let ends = (0..<vectors.rows).map { _ in
            let end = tree.append(rest, after: root)
            tree.inject(segment: end, offset: 0)
            return end
        }
        return (tree, ends, vectors)
    }

    /// The same for some of the activations.
    func restricted(to range: Range<Int>) -> InjectedPrompt {
        InjectedPrompt(shared: shared, rest: rest, vectors: vectors.rows(range))
    }
}
