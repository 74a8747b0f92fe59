import ArgumentParser
import Foundation
import JSON
import LanguageModel
import Tensors
import Workloads

struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure this machine on the work that matters, with random weights of a given shape.",
        discussion: """
            Workloads: extract, rollout, decode1, av_step, score, ar_step, rl_step; all of them by default. Token counts \
            and JSON keys are fixed, so that results compare line by line with other implementations. Each workload's peak resident \
            memory is given. So are its operations and its bytes of weights per second, beside what this machine can do at most: \
            multiply-adds in registers alone, and reading alone. Few rows are limited by reading, many rows by arithmetic.
            """)

    @Argument(help: ArgumentHelp("Workloads to run.", valueName: "workload"))
    var workloads: [String] = []

    @Option(help: ArgumentHelp("A config.json with the model's shape.", valueName: "config.json"))
    var config: String

    @Option(
        help: "Arithmetic: f32 or bf16; by default what this CPU multiplies faster. Weights are bfloat16 either way.")
    var dtype: Dtype?

    @Option(help: ArgumentHelp("Activations of a rollout.", valueName: "n"))
    var activations = 8

    @Option(help: ArgumentHelp("Samples of each activation.", valueName: "n"))
    var samples = 8

    @Option(help: ArgumentHelp("New tokens of each sample.", valueName: "n"))
    var newTokens = 32

    @OptionGroup var shared: SharedOptions

    func validate() throws {
        for name in workloads where Workload(rawValue: name) == nil {
            throw ValidationError(
                "Unknown workload \(name); known are \(Workload.allCases.map(\.rawValue).joined(separator: ", ")).")
        }
        guard activations >= 1, samples >= 1, newTokens >= 1 else {
            throw ValidationError("--activations, --samples and --new-tokens must be at least 1.")
        }
    }

    func run() throws {
        shared.apply()
        let precision = try Dtype.resolve(dtype)
        let (_, configuration) = try readConfiguration(config)
        try checkMemory(configuration)
        let runner = WorkloadRunner(
            configuration, precision: precision, activations: activations, samples: samples, newTokens: newTokens,
            seed: shared.seed)
        var results: [(String, JSONValue)] = [
            ("dtype", .string(precision == .bfloat16 ? "bfloat16" : "float32")), ("threads", .integer(Machine.threads)),
            ("layer", .integer(2 * configuration.blockCount / 3)), ("instruction_set", .string(Machine.instructionSet)),
            ("matrix_library", .string(Machine.matrixLibrary)), ("weights", .string("bfloat16")),
        ]
        shared.note(
            "\(Machine.instructionSet), \(Machine.matrixLibrary), threads \(Machine.threads), "
                + "arithmetic \(precision == .bfloat16 ? "bfloat16" : "float32"), weights bfloat16")
        let chosen = workloads.isEmpty ? Workload.allCases : workloads.compactMap(Workload.init(rawValue:))
        for workload in chosen {
            let result = runner.run(workload)
            let rates = result.rates
            let line = String(
                format: "%@ %.4g, peak %.2f GiB, %.0f of %.0f Gflop/s, weights at %.1f of %.1f GB/s",
                workload.resultKey,
                result.value, Double(result.peakResidentBytes) / 0x1p30, rates.operations / 1e9,
                rates.operationLimit / 1e9, rates.weightBytes / 1e9, rates.readingLimit / 1e9)
            if shared.json { shared.note(line) } else { try Output.line(line) }
            results.append((workload.resultKey, .number(result.value)))
            for (key, seconds) in result.parts {
                if !shared.json { try Output.line(String(format: "  %@ %.4g", key, seconds)) }
                results.append((key, .number(seconds)))
            }
            results += [
                ("\(workload.rawValue)_peak_resident_bytes", .integer(result.peakResidentBytes)),
                ("\(workload.rawValue)_flops", .number(rates.operations)),
                ("\(workload.rawValue)_flops_limit", .number(rates.operationLimit)),
                ("\(workload.rawValue)_weight_bandwidth", .number(rates.weightBytes)),
                ("\(workload.rawValue)_weight_bandwidth_limit", .number(rates.readingLimit)),
            ]
        }
        if shared.json { try Output.line(JSONValue.object(.init(results)).serialized()) }
    }

    /// Refuses a rollout whose keys and values cannot fit before memory is asked for.
    private func checkMemory(_ configuration: DecoderConfiguration) throws {
        let rows = Double(activations) * Double(samples) * Double(newTokens)
        let bytes =
            8 * rows * Double(configuration.blockCount * configuration.keyValueHeadCount * configuration.headWidth)
        guard bytes < Double(ProcessInfo.processInfo.physicalMemory), rows < 1e8 else {
            throw ModelError(
                "a rollout of \(activations) × \(samples) × \(newTokens) tokens is too large; ask for fewer")
        }
    }
}
