import ArgumentParser
import Foundation
import GGUF
import Hub
import JSON
import LanguageModel
import Runs
import Tensors
import TinyWorld
import Tokenization

/// The command. Arguments in, library calls, text or JSON out; no logic. What fails says so in one line.
@main
struct NLA: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "nla",
        abstract: "Read what a language model's activations say, in words.",
        discussion: """
            Models are Hugging Face folders: config.json, model.safetensors (or an index with shards), tokenizer.json; or GGUF \
            files, which hold all of these. \
            Llama 2 and 3, Qwen2, Qwen3 and Gemma 3 are known. Data goes to standard output, progress to standard error. \
            Exit status: 0, 1 for a failure, 64 for wrong usage. nla --version --verbose says what it computes with; \
            INTERLINEAR_ISA in the environment limits that, for tests and bug reports (docs/processors.md).
            """,
        version: "0.1.0",
        subcommands: [
            Explain.self, Describe.self, Reconstruct.self, Score.self, Compare.self, World.self, DataCommand.self,
            Train.self, Report.self, Eval.self, Verify.self, RedTeamCommand.self, Tokenize.self, Extract.self,
            Generate.self, Check.self, PairCommand.self,
            Bench.self, Serve.self, StudioCommand.self,
            New.self, Convert.self, Quantize.self, Loss.self, CompareTargets.self, Pull.self, Models.self,
        ])

    static func main() {
        TinyWorldTexts.register()
        if let limit = Machine.unknownInstructionSetLimit {
            Output.fail(
                "INTERLINEAR_ISA=\(limit): no such instruction set; known are \(Machine.instructionSets.joined(separator: ", "))"
            )
        }
        if Set(CommandLine.arguments.dropFirst()) == ["--version", "--verbose"] { return printVersion() }
        ModelLocation.look { name, need in
            let isQuiet = CommandLine.arguments.contains("--quiet")
            return switch need {
            case .model: try located(name, files: .model, isQuiet: isQuiet)
            case .tokenizer: try located(name, files: .tokenizer, isQuiet: isQuiet)
            case .pair: try located(name, files: .pair, isQuiet: isQuiet)
            case .records: try located(name, expecting: .dataset, files: .records, isQuiet: isQuiet)
            case .vectors: try located(name, expecting: .dataset, files: .vectors, isQuiet: isQuiet)
            case .store: try located(name, expecting: .dataset, files: .store, isQuiet: isQuiet)
            }
        }
        DataLocation.tell { line in if !CommandLine.arguments.contains("--quiet") { Output.note(line) } }
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch let error
            where error is ModelError || error is TensorFileError || error is TokenizerError || error is TrainingError
            || error is HubError || error is Disk.Failure || error is GGUFError
        {
            Output.fail("\(error)")
        } catch is CancellationError {
            // Ctrl-C; what was being fetched goes on from its parts another time.
            Foundation.exit(130)
        } catch {
            exit(withError: error)
        }
    }

    /// `nla --version --verbose`: the version and what computes here, for bug reports.
    private static func printVersion() {
        let lines = [
            "nla \(configuration.version)", "instruction set: \(Machine.instructionSet)",
            "matrix products: \(Machine.matrixLibrary)", "threads: \(Machine.threads)",
        ]
        do { try Output.line(lines.joined(separator: "\n")) } catch { Output.fail("\(error)") }
    }
}
