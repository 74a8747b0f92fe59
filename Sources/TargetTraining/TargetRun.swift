import Activations
import Foundation
import JSON
import LanguageModel
import Runs
import Tensors
import Tokenization

/// One run of `nla train target`, from its options to a model folder.
public struct TargetRun {
    /// How it ended; finished with its evaluation.
    public typealias Outcome = RunOutcome<TargetEvaluation>

    private let options: TargetOptions
    private let folder: RunFolder

    /// Takes hold of the run's folder. Throws one-line errors.
    public init(_ options: TargetOptions, in url: URL) throws {
        try options.check()
        self.options = options
        folder = try RunFolder(url, options) { try TargetRun.inputs(options, url) }
    }

    /// The step that the run goes on from; 0 at its beginning.
    public var firstStep: Int { folder.latest?.step ?? 0 }

    /// Trains to the end, measures, and writes the model.
    public func run(
        interruption: Interruption = Interruption(), progress: @escaping (TrainingProgress) -> Void = { _ in }
    ) throws -> Outcome {
        guard !folder.isFinished else { return .finishedBefore }
        if let threads = options.threads { Machine.threads = threads }
        let tokenizer = try adoptTokenizer()
        let (training, heldOut) = try LanguageDocuments.open(
            options.data, heldOut: options.heldOut, seed: options.seed)
        let json = configuration(tokenizer)
        let configuration = try DecoderConfiguration(json: json, source: folder.url.appending(path: "run.yaml").path)
        let decoder = TransformerDecoder(untrained: configuration, deviation: options.deviation, seed: options.seed)
        let trainer = TargetTrainer(
            decoder,
            training: try TokenizedDocuments(training, tokenizer, limit: options.documentTokens),
            heldOut: try TokenizedDocuments(heldOut, tokenizer, limit: options.documentTokens), options)
        let loop = TrainingLoop(
            trainer, in: folder, options.cadence, interruption: interruption, progress: progress)
        if case .interrupted(let step, let signal) = try loop.run() {
            return .interrupted(step: step, signal: signal)
        }
        let evaluation = try trainer.finalEvaluation()
        try AtomicFile.write(
            evaluation.json.serialized(indent: 2) + "\n", to: folder.url.appending(path: "evaluation.json"))
        try Checkpoint.write(
            decoder, json: json, type: .bfloat16, companions: tokenizerFolder, to: folder.model)
        return .finished(evaluation)
    }

    private var tokenizerFolder: URL { TargetRun.tokenizerFolder(folder.url) }

    private static func tokenizerFolder(_ run: URL) -> URL { run.appending(path: "tokenizer") }

    /// What the run reads. The tokenizer that it has copied counts where the original is gone.
    private static func inputs(_ options: TargetOptions, _ run: URL) throws -> RunInputs {
        let folders = [try? ModelLocation.resolve(options.tokenizer, need: .tokenizer), tokenizerFolder(run)]
        let tokenizer = folders.lazy.compactMap { $0 }.compactMap { try? ContentHash.tokenizer($0) }.first
        func content(_ path: String) throws -> String { try ContentHash.files(DataLocation.files(path)) }
        return RunInputs([
            "tokenizer": tokenizer,
            "data": LanguageDocuments.isWorld(options.data) ? options.data : try content(options.data),
            "held_out": try options.heldOut.map(content) ?? "none",
        ])
    }

    /// The tokenizer, copied into the run's folder at its beginning: what happens to the original later does not matter.
    private func adoptTokenizer() throws -> Tokenizer {
        let files = FileManager.default
        if !files.fileExists(atPath: tokenizerFolder.path) {
            let source = try ModelLocation.resolve(options.tokenizer, need: .tokenizer)
            let tokenizer = try Tokenizer(folder: source)
            try AtomicFolder.write(to: tokenizerFolder) { partial in
                for file in try Checkpoint.tokenizerContents(source) {
                    try AtomicFile.write(file.contents, to: partial.appending(path: file.name))
                }
                let end: JSONValue = tokenizer.endOfText?.id.map { .integer(Int($0)) } ?? .null
                try AtomicFile.write(
                    (["eos_token_id": end, "do_sample": true] as JSONValue).serialized(indent: 2) + "\n",
                    to: partial.appending(path: "generation_config.json"))
            }
        }
        return try Tokenizer(folder: tokenizerFolder)
    }

    /// The model's config.json, as transformers writes it for a Qwen2.
    private func configuration(_ tokenizer: Tokenizer) -> JSONValue {
        [
            "architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2",
            "vocab_size": .integer(tokenizer.vocabularySize), "hidden_size": .integer(options.width),
            "intermediate_size": .integer(options.mlpWidth), "num_hidden_layers": .integer(options.blocks),
            "num_attention_heads": .integer(options.heads), "num_key_value_heads": .integer(options.keyValueHeads),
            "hidden_act": "silu", "rms_norm_eps": 1e-6, "rope_theta": .number(options.ropeBase),
            "max_position_embeddings": .integer(max(2048, 2 * options.documentTokens)),
            "tie_word_embeddings": true, "attention_dropout": 0.0,
            "initializer_range": .number(Double(options.deviation)), "use_cache": true, "use_sliding_window": false,
            "bos_token_id": nil, "eos_token_id": tokenizer.endOfText?.id.map { .integer(Int($0)) } ?? .null,
            "torch_dtype": "bfloat16",
        ]
    }
}
