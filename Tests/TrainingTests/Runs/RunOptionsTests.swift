import Autoencoder
import Claims
import Foundation
import JointTraining
import Runs
import TargetTraining
import Tensors
import Testing
import TinyWorldTraining
import WarmStart

@Suite("Run files and flags")
struct RunOptionsTests {
    @Test("What is written as a run file reads back as the same options")
    func roundTrip() throws {
        var options = TargetOptions()
        options.tokenizer = "a folder: with \"odd\" names # here"
        options.heldOut = "none.jsonl"
        options.learningRate = 1e-5
        options.ropeBase = 1e6
        options.precision = .float32
        options.seed = .max
        options.threads = 2
        var read = TargetOptions()
        try read.read(runFile: options.runFile(), source: "run.yaml")
        #expect(read == options)
        #expect(options.runFile().contains("learning_rate: 1.0e-05\n"))
    }

    @Test("Every option can be set by its flag, which changes no other, and every flag is in the help")
    func everyFlag() {
        checkFlags(of: TargetOptions.self)
        checkFlags(of: WarmStartOptions<VerbalizerStage>.self)
        checkFlags(of: WarmStartOptions<ReconstructorStage>.self)
        checkFlags(of: PairOptions.self)
        checkFlags(of: JointOptions.self)
    }

    /// What flags are tried with: for any option one of these is a value that it may have, and not its default.
    private static let values: [String] = {
        let lists: [[String]] = [
            ["0.25", "7", "7.0", "301", "true", "false"], Precision.allCases.map(\.rawValue),
            InjectionMethod.allCases.map(\.rawValue), RewardKind.allCases.map(\.rawValue),
            LossNormalization.allCases.map(\.rawValue), RewardScale.allCases.map(\.rawValue),
            PenaltyPlace.allCases.map(\.rawValue), KeptCheckpoint.allCases.map(\.rawValue),
            LastStage.allCases.map(\.rawValue),
            GrammarName.allCases.map(\.rawValue),
        ]
        return lists.flatMap { $0 }
    }()

    private func checkFlags<Options: RunOptions>(of type: Options.Type) {
        let fields = Options.fields, help = Options.help
        let before = fields.map { $0.text(Options()) }
        #expect(Set(fields.map(\.name)).count == fields.count, "\(Options.stage)")
        for (index, field) in fields.enumerated() {
            let flag = "--" + field.name.replacing("_", with: "-")
            // Those of a stage are in the help of that stage.
            let isOfStage = field.name.contains(".")
            #expect(help.contains("  \(flag)\n") != isOfStage, "\(Options.stage): \(flag)")
            let isSet = Self.values.contains { value in
                var options = Options()
                guard value != before[index], (try? options.read(flags: [flag, value])) != nil else { return false }
                var after = before
                after[index] = value
                return fields.map { $0.text(options) } == after
            }
            #expect(isSet, "\(Options.stage): \(flag)")
        }
    }

    @Test("Every property of the options can be set: one without a field would be missing everywhere")
    func everyProperty() {
        func count(_ options: some RunOptions) -> Int { Mirror(reflecting: options).children.count }
        #expect(count(TargetOptions()) == TargetOptions.fields.count)
        #expect(count(JointOptions()) == JointOptions.fields.count)
        // Two stages share one type, and each leaves out what means nothing to it.
        let verbalizer = WarmStartOptions<VerbalizerStage>.fields.map(\.name)
        let reconstructor = WarmStartOptions<ReconstructorStage>.fields.map(\.name)
        #expect(count(WarmStartOptions<VerbalizerStage>()) == Set(verbalizer + reconstructor).count)
        // Everything that is said about stages is one property.
        #expect(count(PairOptions()) == PairOptions.fields.filter { !$0.name.contains(".") }.count + 1)
    }

    @Test("Flags override the run file, in both spellings")
    func override() throws {
        var options = TargetOptions()
        try options.read(runFile: "stage: target\nsteps: 7\nlearning_rate: 1e-3\n", source: "run.yaml")
        #expect(options.steps == 7 && options.learningRate == 1e-3)
        try options.read(flags: ["--steps", "9", "--learning-rate=2e-3"])
        #expect(options.steps == 9 && options.learningRate == 2e-3)
    }

    @Test(
        "What cannot be meant is refused in one line that says where",
        arguments: [
            ("steps: 5\nlerning_rate: 1", "run.yaml: line 2: lerning_rate: no such option", "learning_rate?"),
            ("steps: many", "line 1: steps: «many» is not a whole number from 1", "many"),
            ("steps: 0", "steps: «0»", "from 1"),
            ("precision: int4", "precision", "f32 or bf16"),
            ("steps: {a: 1}", "steps", "a value"),
            ("- steps", "mapping", "run.yaml"),
            ("stage: av", "the kind av", "target"),
            ("steps: [", "run.yaml", "not YAML"),
            ("learning_rate: nan", "learning_rate", "a number"),
        ])
    func refused(text: String, first: String, second: String) {
        var options = TargetOptions()
        let error = #expect(throws: TrainingError.self) { try options.read(runFile: text, source: "run.yaml") }
        #expect(error?.description.contains(first) == true, "\(error as Any)")
        #expect(error?.description.contains(second) == true, "\(error as Any)")
        #expect(error?.description.contains("\n") == false)
    }

    @Test("An unknown flag names the one that was meant", arguments: ["--stpes", "--step", "--learn-rate"])
    func unknownFlag(flag: String) {
        var options = TargetOptions()
        let error = #expect(throws: TrainingError.self) { try options.read(flags: [flag, "3"]) }
        #expect(error?.description.contains("did you mean --") == true, "\(error as Any)")
    }

    @Test("Options of a stage are named behind it, in flags and in run files, and come before its run file")
    func stages() throws {
        var options = PairOptions()
        try options.read(
            runFile: "av: {steps: 200, lora_targets: [q_proj, v_proj]}\nar.rows_per_step: 8\n", source: "run.yaml")
        try options.read(flags: ["--target.learning-rate=1e-3", "--av.steps", "300", "--av.shuffle-activations"])
        var read = PairOptions()
        try read.read(runFile: options.runFile(), source: "run.yaml")
        #expect(read.overrides == options.overrides)
        #expect(
            read.overrides == [
                "av.steps": "300", "av.lora_targets": "q_proj,v_proj", "av.shuffle_activations": "true",
                "ar.rows_per_step": "8", "target.learning_rate": "1e-3",
            ])
        // Nothing is said about stages unless somebody said it.
        #expect(!PairOptions().runFile().contains(".steps") && !PairOptions.help.contains("av.steps"))
        for (flags, word) in [
            (["--target.stpes", "3"], "did you mean --target.steps?"), (["--av.steps", "0"], "--av.steps: «0» is not"),
            (["--target.seed", "3"], "--target.seed: no such option"),
            (["--steps", "3"], "--steps: no such option"),
        ] {
            let error = #expect(throws: TrainingError.self) { try options.read(flags: flags) }
            #expect(error?.description.contains(word) == true, "\(error as Any)")
        }
        let error = #expect(throws: TrainingError.self) {
            try options.read(runFile: "seed: 1\nav:\n  steps: 3\n  setps: 4", source: "run.yaml")
        }
        #expect(error?.description.contains("run.yaml: line 4: av.setps: no such option") == true, "\(error as Any)")
    }

    @Test("Lists are commas in flags and sequences in run files")
    func lists() throws {
        struct Listed: RunOptions {
            var layers = [1]
            var deep = false
            static let stage = "listed"
            static let fields: [RunField<Listed>] = [
                RunField("layers", \.layers, "Layers."), RunField("deep", \.deep, "Depth."),
            ]
        }
        var options = Listed()
        try options.read(runFile: "layers: [3, 4]", source: "run.yaml")
        #expect(options.layers == [3, 4])
        try options.read(flags: ["--deep", "--layers", "5,6"])
        #expect(options.layers == [5, 6] && options.deep)
    }
}
